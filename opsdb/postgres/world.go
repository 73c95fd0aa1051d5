package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// World implements opsdb.Planning.
func (s *Store) World(ctx context.Context) (w opsdb.World, err error) {
	err = s.read(ctx, "World", func(v *view) error {
		w, err = v.world()
		return err
	})
	return w, err
}

func (v *view) world() (w opsdb.World, err error) {
	w = opsdb.World{Now: v.now, Sites: map[string]opsdb.Site{}, Locations: map[string]opsdb.Location{}, Links: map[string]opsdb.Link{},
		Pauses: map[string]opsdb.Pause{}, Waiting: map[string]int64{}, Deleted: map[string]opsdb.Spent{}, Condemned: map[string]int64{}}
	var observed *time.Time
	if _, err := v.get([]any{&w.Epoch, &observed, &w.TimeSuspect, &w.Revision}, `SELECT o.epoch, c.observed, c.suspect, o.revision FROM opsdb o, observed_clock c`); err != nil {
		return w, err
	}
	w.Observed = timeOf(observed)
	for _, read := range []func(*opsdb.World) error{v.sites, v.locations, v.links, v.pauses, v.hops, v.brakes, v.condemned} {
		if err := read(&w); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (v *view) sites(w *opsdb.World) error {
	live, capacity := map[string]bool{}, map[string]int{}
	workers, err := v.workers(v.now.Add(-opsdb.WorkerTTL))
	if err != nil {
		return err
	}
	for _, k := range workers {
		for _, site := range k.Sites {
			if live[site] && capacity[site] == 0 || k.AtOnce == 0 {
				capacity[site] = 0 // one does not say
			} else {
				capacity[site] += k.AtOnce
			}
			live[site] = true
		}
	}
	_, err = query(v, func(r scanner) (none, error) {
		var site opsdb.Site
		var seen *time.Time
		err := r.Scan(&site.Name, &site.Title, &site.State, &seen, &site.InUse)
		site.Capacity = capacity[site.Name]
		if !live[site.Name] {
			site.Down = &opsdb.Down{Reason: "no_worker", Text: "no worker of " + site.Name + " has shown itself", Since: timeOf(seen)}
		}
		w.Sites[site.Name] = site
		return none{}, err
	}, `SELECT t.name, t.title, t.state, t.seen_at, (SELECT count(*) FROM task_slot s WHERE s.slot = 'site:' || t.name) FROM site t WHERE t.active`)
	return err
}

func (v *view) workers(since time.Time) ([]opsdb.Worker, error) {
	return query(v, func(r scanner) (k opsdb.Worker, err error) {
		var sites string
		var seen *time.Time
		if err := r.Scan(&k.ID, &sites, &k.Version, &seen, &k.AtOnce, &k.Protocol); err != nil {
			return k, err
		}
		k.SeenAt = timeOf(seen)
		return k, json.Unmarshal([]byte(sites), &k.Sites)
	}, `SELECT id, sites, version, seen_at, at_once, protocol FROM worker WHERE seen_at >= $1 ORDER BY id`, since)
}

func downOf(reason, words *string, since, until *time.Time, probe opsdb.ID) *opsdb.Down {
	if reason == nil {
		return nil
	}
	d := &opsdb.Down{Reason: *reason, Since: timeOf(since), Probe: probe}
	if probe == "" {
		d.Next = timeOf(until)
	}
	if words != nil {
		d.Text = *words
	}
	return d
}

func (v *view) locations(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var l opsdb.Location
		var reason, words *string
		var since, until, age *time.Time
		var probe opsdb.ID
		var pkg *opsdb.ID
		var pressing *bool
		var files int64
		err := r.Scan(&l.Name, &l.Type, &l.Storage, &l.Marker, &l.Capacity, &l.Free, &l.Total, &reason, &words, &since, &until, &probe, &pressing, &age, &pkg,
			&l.Used, &l.Reserved, &l.Backfill, &files)
		l.Used += files
		l.Down = downOf(reason, words, since, until, probe)
		if age != nil {
			l.Pressure = &opsdb.Pressure{Pressing: *pressing, Age: timeOf(age), Package: *pkg}
		}
		w.Locations[l.Name] = l
		return none{}, err
	}, `SELECT l.name, l.type, l.storage, l.marker, l.capacity, l.free, l.total, l.down_reason, l.down_text, l.down_since, l.down_until, l.probe,
	    e.pressing, e.age, e.package,
	    coalesce(r.used, 0), coalesce(r.reserved, 0), coalesce(r.backfill, 0), coalesce(r.files, 0)
	  FROM location l LEFT JOIN (SELECT a, `+roomSums+`, (sum(bytes) FILTER (WHERE kind = 'file' AND b NOT IN ('deleted', 'lost')))::bigint AS files
	    FROM tally_now WHERE kind IN ('used', 'reserved', 'backfill', 'file') GROUP BY a) r ON r.a = l.name LEFT JOIN pressure e ON e.location = l.name WHERE l.active`)
	return err
}

func (v *view) links(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var l opsdb.Link
		var name string
		var reason, words *string
		var since, until *time.Time
		var probe opsdb.ID
		err := r.Scan(&name, &l.From, &l.To, &l.Backlog, &l.InUse, &reason, &words, &since, &until, &probe)
		l.Down = downOf(reason, words, since, until, probe)
		w.Links[name] = l
		return none{}, err
	}, `SELECT l.name, l.from_site, l.to_site, coalesce(b.bytes, 0), (SELECT count(*) FROM task_slot s WHERE s.slot = 'link:' || l.name), l.down_reason, l.down_text, l.down_since, l.down_until, l.probe
	  FROM link l LEFT JOIN tally_now b ON b.kind = 'backlog' AND b.a = l.name WHERE l.active`)
	return err
}

func (v *view) pauses(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var p opsdb.Pause
		var since *time.Time
		err := r.Scan(&p.Subject, &p.Who, &p.Why, &since)
		p.Since = timeOf(since)
		w.Pauses[p.Subject] = p
		return none{}, err
	}, `SELECT subject, who, why, since FROM pause`)
	return err
}

// sumInto reads (location, bytes) rows into a map.
func (v *view) sumInto(m map[string]int64, q string, args ...any) error {
	_, err := query(v, func(r scanner) (none, error) {
		var name string
		var n int64
		err := r.Scan(&name, &n)
		m[name] = n
		return none{}, err
	}, q, args...)
	return err
}

func (v *view) hops(w *opsdb.World) error {
	return v.sumInto(w.Waiting, `SELECT a, bytes FROM tally_now WHERE kind = 'hop' AND bytes <> 0`)
}

func (v *view) condemned(w *opsdb.World) error {
	return v.sumInto(w.Condemned, `SELECT a, sum(bytes)::bigint FROM tally_now
	  WHERE kind = 'copy' AND b IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress') GROUP BY a`)
}

func (v *view) brakes(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var name string
		var s opsdb.Spent
		err := r.Scan(&name, &s.Bytes, &s.Packages)
		w.Deleted[name] = s
		return none{}, err
	}, `SELECT location, sum(bytes)::bigint, sum(packages)::bigint FROM brake WHERE minute > $1 GROUP BY location`, minute(v.now)-60)
	return err
}

// roomSums are what the copies of packages take at a location.
const roomSums = `(sum(bytes) FILTER (WHERE kind = 'used'))::bigint AS used, (sum(bytes) FILTER (WHERE kind = 'reserved'))::bigint AS reserved,
  (sum(bytes) FILTER (WHERE kind = 'backfill'))::bigint AS backfill`

func minute(t time.Time) int64 { return t.Unix() / 60 }
