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
	w.Now = v.now
	v.askHead(&w)
	finish := v.askWorld(&w)
	if err := v.flush(); err != nil {
		return w, err
	}
	return w, finish()
}

// headColumns are what the world is besides its places, of opsdb o and observed_clock c.
const headColumns = `o.epoch, c.observed, c.suspect, o.revision, o.restored_at, o.restored_by, o.restored_why`

// scanHead scans headColumns, and more after them.
func scanHead(r scanner, w *opsdb.World, more ...any) error {
	var observed, restored *time.Time
	var back opsdb.Restored
	err := r.Scan(append([]any{&w.Epoch, &observed, &w.TimeSuspect, &w.Revision, &restored, &back.Who, &back.Why}, more...)...)
	w.Observed, w.Restored = timeOf(observed), nil
	if restored != nil {
		back.At = timeOf(restored)
		w.Restored = &back
	}
	return err
}

// askHead asks for what the world is besides its places.
func (v *view) askHead(w *opsdb.World) {
	v.each(func(r scanner) error { return scanHead(r, w) }, head)
}

// askHeadAndTime is askHead of a transaction that did not ask for the time when it began.
func (v *view) askHeadAndTime(w *opsdb.World) {
	v.each(func(r scanner) error { return scanHead(r, w, v.clock()) }, `SELECT `+headColumns+`, clock_timestamp() FROM opsdb o, observed_clock c`)
}

const head = `SELECT ` + headColumns + ` FROM opsdb o, observed_clock c`

// askWorld asks for the places of a world and what is counted there.
func (v *view) askWorld(w *opsdb.World) (finish func() error) {
	w.Sites, w.Locations, w.Links = map[string]opsdb.Site{}, map[string]opsdb.Location{}, map[string]opsdb.Link{}
	w.Pauses, w.Waiting, w.Deleted, w.Condemned = map[string]opsdb.Pause{}, map[string]int64{}, map[string]opsdb.Spent{}, map[string]int64{}
	sites := v.askPlaces(w, sitePlaces+` UNION ALL `+locationPlaces+` UNION ALL `+linkPlaces)
	v.askPausesAndBrakes(w)
	counted := v.askCounters()
	return func() error {
		sites()
		for _, n := range *counted {
			n.into(w)
		}
		return nil
	}
}

// sites reads the sites alone.
func (v *view) sites(w *opsdb.World) error {
	finish := v.askSites(w)
	if err := v.flush(); err != nil {
		return err
	}
	finish()
	return nil
}

// askSites asks for sites alone.
func (v *view) askSites(w *opsdb.World) (finish func()) { return v.askPlaces(w, sitePlaces) }

// askLocations asks for locations alone.
func (v *view) askLocations(w *opsdb.World) { v.eachPlace(w, locationPlaces, nil) }

// Places in one form, so that one statement tells of all: what a statement costs is the more if there is hardly anything to be read.
const (
	sitePlaces = `SELECT 'site', t.name, t.title, t.state, '', (SELECT count(*) FROM task_slot s WHERE s.slot = 'site:' || t.name), 0::bigint, 0::bigint,
	  NULL::text, NULL::text, t.seen_at, NULL::timestamptz, '', NULL::boolean, NULL::timestamptz, NULL::text FROM site t WHERE t.active`
	locationPlaces = `SELECT 'location', l.name, l.type, l.storage, l.marker, l.capacity, l.free, l.total, l.down_reason, l.down_text, l.down_since, l.down_until, l.probe, e.pressing, e.age, e.package
	  FROM location l LEFT JOIN pressure e ON e.location = l.name WHERE l.active`
	linkPlaces = `SELECT 'link', l.name, l.from_site, l.to_site, '', (SELECT count(*) FROM task_slot s WHERE s.slot = 'link:' || l.name), 0, 0,
	  l.down_reason, l.down_text, l.down_since, l.down_until, l.probe, NULL, NULL, NULL FROM link l WHERE l.active`
)

// askPlaces asks for places, and for the workers of sites.
func (v *view) askPlaces(w *opsdb.World, places string) (finish func()) {
	var workers []opsdb.Worker
	var seen []opsdb.Site
	ask(v, &workers, scanWorker, workersLately, v.handed(), opsdb.WorkerTTL.Microseconds())
	v.eachPlace(w, places, &seen)
	return func() {
		live, capacity := alive(workers)
		for _, site := range seen {
			if site.Capacity = capacity[site.Name]; live[site.Name] {
				site.Down = nil
			}
			w.Sites[site.Name] = site
		}
	}
}

// placeRow is a row of places.
type placeRow struct {
	kind, name, a, b, marker string
	n, free, total           int64
	reason, words            *string
	since, until, age        *time.Time
	probe                    opsdb.ID
	pressing                 *bool
	pkg                      *opsdb.ID
}

func (v *view) eachPlace(w *opsdb.World, places string, sites *[]opsdb.Site) {
	v.each(func(r scanner) error {
		var p placeRow
		err := r.Scan(&p.kind, &p.name, &p.a, &p.b, &p.marker, &p.n, &p.free, &p.total, &p.reason, &p.words, &p.since, &p.until, &p.probe, &p.pressing, &p.age, &p.pkg)
		switch p.kind {
		case "site":
			*sites = append(*sites, opsdb.Site{Name: p.name, Title: p.a, State: opsdb.SiteState(p.b), InUse: int(p.n),
				Down: &opsdb.Down{Reason: "no_worker", Text: "no worker of " + p.name + " has shown itself", Since: timeOf(p.since)}})
		case "location":
			w.Locations[p.name] = p.location()
		case "link":
			w.Links[p.name] = opsdb.Link{From: p.a, To: p.b, InUse: int(p.n), Down: p.down()}
		}
		return err
	}, places)
}

func (p placeRow) down() *opsdb.Down { return downOf(p.reason, p.words, p.since, p.until, p.probe) }

func (p placeRow) location() opsdb.Location {
	l := opsdb.Location{Name: p.name, Type: opsdb.LocationType(p.a), Storage: opsdb.StorageKind(p.b), Marker: opsdb.ID(p.marker), Capacity: p.n, Free: p.free, Total: p.total, Down: p.down()}
	if p.age != nil {
		l.Pressure = &opsdb.Pressure{Pressing: *p.pressing, Age: timeOf(p.age), Package: *p.pkg}
	}
	return l
}

// alive says which sites have workers, and how much these take in hand; 0 where one does not say.
func alive(workers []opsdb.Worker) (live map[string]bool, capacity map[string]int) {
	live, capacity = map[string]bool{}, map[string]int{}
	for _, k := range workers {
		for _, site := range k.Sites {
			if live[site] && capacity[site] == 0 || k.AtOnce == 0 {
				capacity[site] = 0
			} else {
				capacity[site] += k.AtOnce
			}
			live[site] = true
		}
	}
	return live, capacity
}

const (
	workerColumns = `SELECT id, sites, version, seen_at, at_once, protocol FROM worker `
	workersSince  = workerColumns + `WHERE seen_at >= $1 ORDER BY id`
	workersLately = workerColumns + `WHERE seen_at >= ` + nowIs1 + ` - $2 * interval '1 microsecond' ORDER BY id`
)

func scanWorker(r scanner) (k opsdb.Worker, err error) {
	var sites string
	var seen *time.Time
	if err := r.Scan(&k.ID, &sites, &k.Version, &seen, &k.AtOnce, &k.Protocol); err != nil {
		return k, err
	}
	k.SeenAt = timeOf(seen)
	return k, json.Unmarshal([]byte(sites), &k.Sites)
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

// askPausesAndBrakes asks for what people have paused, and for what was deleted in the last hour.
func (v *view) askPausesAndBrakes(w *opsdb.World) {
	v.each(func(r scanner) error {
		var kind, name string
		var p opsdb.Pause
		var since *time.Time
		var s opsdb.Spent
		err := r.Scan(&kind, &name, &p.Who, &p.Why, &since, &s.Bytes, &s.Packages)
		if kind == "pause" {
			p.Subject, p.Since = name, timeOf(since)
			w.Pauses[name] = p
		} else {
			w.Deleted[name] = s
		}
		return err
	}, `SELECT 'pause', subject, who, why, since, 0::bigint, 0::bigint FROM pause
	  UNION ALL SELECT 'brake', location, '', '', NULL, sum(bytes)::bigint, sum(packages)::bigint FROM brake WHERE minute > floor(extract(epoch FROM `+nowIs1+`) / 60)::bigint - 60 GROUP BY location`, v.handed())
}

// counter is a sum of bytes: kind, and the place or link.
type counter struct {
	kind, at string
	bytes    int64
}

func (v *view) askCounters() *[]counter {
	out := new([]counter)
	ask(v, out, func(r scanner) (n counter, err error) {
		err = r.Scan(&n.kind, &n.at, &n.bytes)
		return n, err
	}, `SELECT kind, a, sum(bytes)::bigint FROM tally_now WHERE kind IN ('used', 'reserved', 'backfill', 'backlog', 'hop')
	    OR kind = 'file' AND b NOT IN ('deleted', 'lost') OR kind = 'copy' AND b IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress') GROUP BY kind, a`)
	return out
}

// into puts a counter where it belongs, if that is in use.
func (n counter) into(w *opsdb.World) {
	switch n.kind {
	case "hop":
		if n.bytes != 0 && w.Waiting != nil {
			w.Waiting[n.at] = n.bytes
		}
		return
	case "copy":
		w.Condemned[n.at] = n.bytes
		return
	case "backlog":
		if l, ok := w.Links[n.at]; ok {
			l.Backlog = n.bytes
			w.Links[n.at] = l
		}
		return
	}
	l, ok := w.Locations[n.at]
	if !ok {
		return
	}
	switch n.kind {
	case "used", "file":
		l.Used += n.bytes
	case "reserved":
		l.Reserved = n.bytes
	case "backfill":
		l.Backfill = n.bytes
	}
	w.Locations[n.at] = l
}

// roomSums are what the copies of packages take at a location.
const roomSums = `(sum(bytes) FILTER (WHERE kind = 'used'))::bigint AS used, (sum(bytes) FILTER (WHERE kind = 'reserved'))::bigint AS reserved,
  (sum(bytes) FILTER (WHERE kind = 'backfill'))::bigint AS backfill`
