package sqlite

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Unrouted implements opsdb.Planning.
func (s *Store) Unrouted(ctx context.Context, limit int) (files []opsdb.File, err error) {
	err = s.read(ctx, "Unrouted", func(v *view) error {
		files, err = v.unrouted(limit)
		return err
	})
	return files, err
}

func (v *view) unrouted(limit int) ([]opsdb.File, error) {
	return query(v, tables.ScanFile, `SELECT `+tables.FileColumns+` FROM file f WHERE f.routed = 0 AND f.state = 'present' ORDER BY f.filed_at LIMIT ?`, limitOf(limit))
}

// limitOf is a limit as SQL takes it: none for 0.
func limitOf(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

// Route implements opsdb.Planning.
func (s *Store) Route(ctx context.Context, files []opsdb.ID, routings []opsdb.Routing) error {
	return s.write(ctx, "Route", func(t *tx) error {
		t.quiet = true
		known, err := query(&t.view, tables.ScanFiled, `SELECT `+tables.FileColumns+` FROM file f WHERE f.id IN (SELECT value FROM json_each(?))`, idList(files))
		if err != nil {
			return err
		}
		byID := make(map[opsdb.ID]*filed, len(known))
		for i := range known {
			byID[known[i].ID] = &known[i]
		}
		if err := t.route(byID, routings); err != nil {
			return err
		}
		return t.exec(`UPDATE file SET routed = 1 WHERE id IN (SELECT value FROM json_each(?))`, idList(files))
	})
}

// slot is what an open group is known by.
type slot struct{ route, stage, location, key string }

// routed are the files of one call that go into one open group.
type routed struct {
	grp   int64
	files []*filed
}

func (t *tx) route(files map[opsdb.ID]*filed, routings []opsdb.Routing) error {
	observed, err := tables.Observed(t)
	if err != nil {
		return err
	}
	groups := map[slot]*routed{}
	var order []*routed
	settled := map[[3]string]bool{} // (file, route, stage) that found a group in this call
	for _, r := range routings {
		f := files[r.File]
		at := [3]string{string(r.File), r.Route, r.Stage}
		if r.Route == "" || f == nil || f.State != opsdb.Present || settled[at] {
			continue
		}
		settled[at] = true
		home, err := t.hasHome(f.Row, r.Route, r.Stage)
		if err != nil {
			return err
		}
		if home {
			continue
		}
		k := slot{r.Route, r.Stage, f.Location, r.Key}
		if groups[k] == nil {
			grp, err := t.openGroup(r, f.Location, observed)
			if err != nil {
				return err
			}
			groups[k] = &routed{grp: grp}
			order = append(order, groups[k])
		}
		groups[k].files = append(groups[k].files, f)
	}
	for _, g := range order {
		if err := t.joinGroup(g, observed); err != nil {
			return err
		}
	}
	return nil
}

// hasHome tells whether a file is in a group or package of a stage already.
func (t *tx) hasHome(file int64, route, stage string) (bool, error) {
	n, err := t.count(`SELECT EXISTS (SELECT 1 FROM group_file gf JOIN file_group g ON g.key = gf.grp WHERE gf.file = ?1 AND g.route = ?2 AND g.stage = ?3)
	  OR EXISTS (SELECT 1 FROM member m JOIN package p ON p.key = m.package WHERE m.file = ?1 AND p.route = ?2 AND p.stage = ?3)`, file, route, stage)
	return n > 0, err
}

func (t *tx) openGroup(r opsdb.Routing, location string, observed time.Time) (int64, error) {
	var key int64
	found, err := t.get([]any{&key}, `SELECT key FROM file_group WHERE route = ? AND stage = ? AND location = ? AND group_key = ? AND closed = 0`,
		r.Route, r.Stage, location, r.Key)
	if err != nil || found {
		return key, err
	}
	g := r.Group
	finished, err := t.count(`SELECT EXISTS (SELECT 1 FROM observation WHERE observation = ? AND instrument IN ('', ?))`, g.Observation, g.Instrument)
	if err != nil {
		return 0, err
	}
	return t.insert(`INSERT INTO file_group (id, route, stage, location, group_key, instrument, observation, module, program, tags, first, last, first_filed, finished)
	  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(opsdb.NewID()), r.Route, r.Stage, location, r.Key, g.Instrument, g.Observation, g.Module, g.Program, text(g.Tags), us(observed), us(observed), us(t.now), finished)
}

// joinGroup puts files into an open group.
func (t *tx) joinGroup(g *routed, observed time.Time) error {
	err := t.bulk(`INSERT INTO group_file (grp, file) VALUES `, "", len(g.files), 2, func(i int, args []any) []any {
		return append(args, g.grp, g.files[i].Row)
	})
	if err != nil {
		return err
	}
	keys, bytes, first := make([]int64, len(g.files)), int64(0), time.Time{}
	for i, f := range g.files {
		keys[i] = f.Row
		bytes += f.Size
		if first.IsZero() || f.FiledAt.Before(first) {
			first = f.FiledAt
		}
	}
	if err := t.exec(`UPDATE file SET homes = homes + 1 WHERE key IN (SELECT value FROM json_each(?))`, text(keys)); err != nil {
		return err
	}
	return t.exec(`UPDATE file_group SET files = files + ?1, bytes = bytes + ?2, last = ?3, first_filed = min(coalesce(first_filed, ?4), ?4), version = version + 1 WHERE key = ?5`,
		len(g.files), bytes, us(observed), us(first), g.grp)
}

// DirtyGroups implements opsdb.Planning.
func (s *Store) DirtyGroups(ctx context.Context, now time.Time, limit int) (groups []opsdb.Group, err error) {
	err = s.read(ctx, "DirtyGroups", func(v *view) error {
		groups, err = v.dirtyGroups(now, limit)
		return err
	})
	return groups, err
}

// dirtyGroups reads the open groups that are dirty, or due at now.
func (v *view) dirtyGroups(now time.Time, limit int) ([]opsdb.Group, error) {
	groups, err := query(v, tables.ScanGroup, `SELECT `+tables.GroupColumns+` FROM file_group g WHERE g.closed = 0 AND g.version > g.evaluated ORDER BY g.key LIMIT ?`, limitOf(limit))
	if err != nil {
		return nil, err
	}
	due, err := query(v, tables.ScanGroup, `SELECT `+tables.GroupColumns+` FROM file_group g WHERE g.closed = 0 AND g.wake_at <= ? ORDER BY g.wake_at LIMIT ?`, us(now), limitOf(limit))
	return tables.Merge(groups, due, limit, func(g opsdb.Group) opsdb.ID { return g.ID }), err
}
