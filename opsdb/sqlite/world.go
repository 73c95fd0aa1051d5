package sqlite

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
	if err := v.head(&w); err != nil {
		return w, err
	}
	return w, v.places(&w)
}

// head reads what the world is besides its places.
func (v *view) head(w *opsdb.World) error {
	var observed *int64
	var restored *int64
	var r opsdb.Restored
	_, err := v.get([]any{&w.Epoch, &observed, &w.TimeSuspect, &w.Revision, &restored, &r.Who, &r.Why}, `SELECT epoch, observed, suspect, revision, restored_at, restored_by, restored_why FROM opsdb`)
	w.Now, w.Observed = v.now, timeOf(observed)
	if restored != nil {
		r.At = timeOf(restored)
		w.Restored = &r
	}
	return err
}

// places reads the places of a world and what is counted there.
func (v *view) places(w *opsdb.World) error {
	w.Sites, w.Locations, w.Links = map[string]opsdb.Site{}, map[string]opsdb.Location{}, map[string]opsdb.Link{}
	w.Pauses, w.Waiting, w.Deleted, w.Condemned = map[string]opsdb.Pause{}, map[string]int64{}, map[string]opsdb.Spent{}, map[string]int64{}
	for _, read := range []func(*opsdb.World) error{v.sites, v.locations, v.links, v.pauses, v.hops, v.brakes, v.condemned} {
		if err := read(w); err != nil {
			return err
		}
	}
	return nil
}

// none is for queries whose row function fills something itself.
type none struct{}

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
		var seen *int64
		err := r.Scan(&site.Name, &site.Title, &site.State, &seen, &site.InUse)
		site.Capacity = capacity[site.Name]
		if !live[site.Name] {
			site.Down = &opsdb.Down{Reason: "no_worker", Text: "no worker of " + site.Name + " has shown itself", Since: timeOf(seen)}
		}
		w.Sites[site.Name] = site
		return none{}, err
	}, `SELECT x.name, x.title, x.state, x.seen_at, coalesce(s.in_use, 0) FROM site x LEFT JOIN slot s ON s.name = 'site:' || x.name WHERE x.active = 1`)
	return err
}

func (v *view) workers(since time.Time) ([]opsdb.Worker, error) {
	return query(v, func(r scanner) (k opsdb.Worker, err error) {
		var sites string
		var seen *int64
		if err := r.Scan(&k.ID, &sites, &k.Version, &seen, &k.AtOnce, &k.Protocol); err != nil {
			return k, err
		}
		k.SeenAt = timeOf(seen)
		return k, json.Unmarshal([]byte(sites), &k.Sites)
	}, `SELECT id, sites, version, seen_at, at_once, protocol FROM worker WHERE seen_at >= ? ORDER BY id`, since.UnixMicro())
}

func downOf(reason, words *string, since, until *int64, probe opsdb.ID) *opsdb.Down {
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
		var since, until, age *int64
		var files int64
		var probe, pkg opsdb.ID
		var pressing bool
		err := r.Scan(&l.Name, &l.Type, &l.Storage, &l.Marker, &l.Capacity, &l.Free, &l.Total, &reason, &words, &since, &until, &probe, &pressing, &age, &pkg,
			&l.Used, &l.Reserved, &l.Backfill, &files)
		l.Used += files
		l.Down = downOf(reason, words, since, until, probe)
		if age != nil {
			l.Pressure = &opsdb.Pressure{Pressing: pressing, Age: timeOf(age), Package: pkg}
		}
		w.Locations[l.Name] = l
		return none{}, err
	}, `SELECT l.name, l.type, l.storage, l.marker, l.capacity, l.free, l.total, l.down_reason, l.down_text, l.down_since, l.down_until, l.probe,
	    l.pressing, l.press_age, l.press_package,
	    coalesce(r.used, 0), coalesce(r.reserved, 0), coalesce(r.backfill, 0),
	    (SELECT coalesce(sum(bytes), 0) FROM file_total WHERE location = l.name AND state NOT IN ('deleted', 'lost'))
	  FROM location l LEFT JOIN room r ON r.location = l.name WHERE l.active = 1`)
	return err
}

func (v *view) links(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var l opsdb.Link
		var name string
		var reason, words *string
		var since, until *int64
		var probe opsdb.ID
		err := r.Scan(&name, &l.From, &l.To, &l.Backlog, &l.InUse, &reason, &words, &since, &until, &probe)
		l.Down = downOf(reason, words, since, until, probe)
		w.Links[name] = l
		return none{}, err
	}, `SELECT l.name, l.from_site, l.to_site, l.backlog, coalesce(s.in_use, 0), l.down_reason, l.down_text, l.down_since, l.down_until, l.probe
	  FROM link l LEFT JOIN slot s ON s.name = 'link:' || l.name WHERE l.active = 1`)
	return err
}

func (v *view) pauses(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var p opsdb.Pause
		var since *int64
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
	return v.sumInto(w.Waiting, `SELECT location, bytes FROM hop_total WHERE bytes <> 0`)
}

func (v *view) condemned(w *opsdb.World) error {
	return v.sumInto(w.Condemned, `SELECT location, sum(bytes) FROM copy_total
	  WHERE state IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress') GROUP BY location`)
}

func (v *view) brakes(w *opsdb.World) error {
	_, err := query(v, func(r scanner) (none, error) {
		var name string
		var s opsdb.Spent
		err := r.Scan(&name, &s.Bytes, &s.Packages)
		w.Deleted[name] = s
		return none{}, err
	}, `SELECT location, sum(bytes), sum(packages) FROM brake WHERE minute > ? GROUP BY location`, minute(v.now)-60)
	return err
}

func minute(t time.Time) int64 { return t.Unix() / 60 }
