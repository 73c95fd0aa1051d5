package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Unrouted implements opsdb.Planning.
func (s *Store) Unrouted(ctx context.Context, limit int) (files []opsdb.File, err error) {
	err = s.read(ctx, "Unrouted", func(v *view) error {
		files, err = query(v, tables.ScanFile, unrouted, limitOf(limit))
		return err
	})
	return files, err
}

const unrouted = `SELECT ` + tables.FileColumns + ` FROM file f WHERE NOT f.routed AND f.state = 'present' ORDER BY f.filed_at, f.key LIMIT $1`

// limitOf is a limit as SQL takes it: none for 0.
func limitOf(n int) any {
	if n <= 0 {
		return nil
	}
	return n
}

// Route implements opsdb.Planning, in two round trips.
func (s *Store) Route(ctx context.Context, files []opsdb.ID, routings []opsdb.Routing) error {
	return s.writeHow(ctx, soon, "Route", func(t *tx) error {
		t.quiet = true
		r := &router{t: t, files: map[opsdb.ID]*filed{}, groups: map[slot]opsdb.ID{}, keys: map[opsdb.ID]int64{}, homes: map[inStage]bool{}, joined: map[int64]int{}}
		if r.take(files, routings); len(files) == 0 {
			return nil
		}
		if err := t.flush(); err != nil || len(r.files) == 0 {
			return err
		}
		return r.route(routings)
	})
}

// slot is what an open group is known by.
type slot struct{ route, stage, location, key string }

// inStage is one package stage and a file.
type inStage struct {
	file         int64
	route, stage string
}

// router puts the files of one call into groups.
type router struct {
	t        *tx
	observed time.Time
	files    map[opsdb.ID]*filed
	groups   map[slot]opsdb.ID
	homes    map[inStage]bool
	joined   map[int64]int      // how many groups each file joins
	keys     map[opsdb.ID]int64 // of the groups
	alone    bool               // files that somebody has looked at already are of no interest
}

func (r *router) route(routings []opsdb.Routing) error {
	join := map[opsdb.ID][]*filed{}
	for _, x := range routings {
		f := r.files[x.File]
		if x.Route == "" || f == nil || f.State != opsdb.Present || r.homes[inStage{f.Row, x.Route, x.Stage}] {
			continue
		}
		r.homes[inStage{f.Row, x.Route, x.Stage}] = true
		k := slot{x.Route, x.Stage, f.Location, x.Key}
		if r.groups[k] == "" {
			r.groups[k] = opsdb.NewID()
			if err := r.t.openGroup(r.groups[k], x, f.Location, r.observed); err != nil {
				return err
			}
		}
		join[r.groups[k]] = append(join[r.groups[k]], f)
		r.joined[f.Row]++
	}
	for grp, files := range join {
		if err := r.t.joinGroup(grp, files, r.observed); err != nil {
			return err
		}
	}
	return r.settle()
}

// settle notes that the files were looked at, and in how many groups more they are.
func (r *router) settle() error {
	keys := map[int][]int64{}
	for _, f := range r.files {
		keys[r.joined[f.Row]] = append(keys[r.joined[f.Row]], f.Row)
	}
	for _, more := range slices.Sorted(maps.Keys(keys)) {
		if err := r.t.exec(`UPDATE file SET routed = true, homes = homes + $1 WHERE key = ANY($2::bigint[])`, more, keys[more]); err != nil {
			return err
		}
	}
	return nil
}

// take has the open groups taken that the routings name, then the files, and read
// under their locks in which groups and packages these are already. No
// observation is finished meanwhile.
func (r *router) take(files []opsdb.ID, routings []opsdb.Routing) {
	var of, routes, stages, names []string
	observations := map[string]bool{}
	for _, x := range routings {
		if x.Route != "" {
			of, routes, stages, names = append(of, string(x.File)), append(routes, x.Route), append(stages, x.Stage), append(names, x.Key)
			observations[x.Group.Observation] = true
		}
	}
	v, ids := &r.t.view, idList(files)
	for _, o := range slices.Sorted(maps.Keys(observations)) {
		r.t.queue(`SELECT pg_advisory_xact_lock_shared($1, hashtext($2))`, observing, o)
	}
	v.each(func(row scanner) error {
		var id opsdb.ID
		var k slot
		var key int64
		err := row.Scan(&key, &id, &k.route, &k.stage, &k.location, &k.key)
		r.groups[k], r.keys[id] = id, key
		return err
	}, `SELECT g.key, g.id, g.route, g.stage, g.location, g.group_key FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) x (file, route, stage, name)
	    JOIN file f ON f.id = x.file JOIN file_group g ON g.route = x.route AND g.stage = x.stage AND g.location = f.location AND g.group_key = x.name
	  WHERE NOT g.closed ORDER BY g.key FOR NO KEY UPDATE OF g`, of, routes, stages, names)
	v.each(func(row scanner) error {
		f, err := tables.ScanFiled(row)
		r.files[f.ID] = &f
		return err
	}, `SELECT `+tables.FileColumns+` FROM file f WHERE f.id = ANY($1::text[]) AND NOT (f.routed AND $2) ORDER BY f.key FOR NO KEY UPDATE`, ids, r.alone)
	if !r.alone {
		r.askHomes(ids)
		v.askObserved(&r.observed)
	}
}

// askHomes asks in which groups and packages the files are.
func (r *router) askHomes(ids []string) {
	r.t.each(func(row scanner) error {
		var h inStage
		err := row.Scan(&h.file, &h.route, &h.stage)
		r.homes[h] = true
		return err
	}, `SELECT gf.file, g.route, g.stage FROM file f JOIN group_file gf ON gf.file = f.key JOIN file_group g ON g.key = gf.grp WHERE f.id = ANY($1::text[])
	  UNION SELECT m.file, p.route, p.stage FROM file f JOIN member m ON m.file = f.key JOIN package p ON p.key = m.package WHERE f.id = ANY($1::text[])`, ids)
}

func (t *tx) openGroup(id opsdb.ID, r opsdb.Routing, location string, observed time.Time) error {
	g := r.Group
	return t.exec(`INSERT INTO file_group (id, route, stage, location, group_key, instrument, observation, module, program, tags, first, last, first_filed, finished)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, EXISTS (SELECT 1 FROM observation WHERE observation = $7 AND instrument IN ('', $6)))`,
		string(id), r.Route, r.Stage, location, r.Key, g.Instrument, g.Observation, g.Module, g.Program, text(g.Tags), us(observed), us(observed), us(t.now))
}

// joinGroup puts files into an open group.
func (t *tx) joinGroup(id opsdb.ID, files []*filed, observed time.Time) error {
	keys, bytes, first := make([]int64, len(files)), int64(0), time.Time{}
	for i, f := range files {
		keys[i] = f.Row
		bytes += f.Size
		if first.IsZero() || f.FiledAt.Before(first) {
			first = f.FiledAt
		}
	}
	return errors.Join(
		t.exec(`INSERT INTO group_file (grp, file) SELECT g.key, unnest($2::bigint[]) FROM file_group g WHERE g.id = $1`, string(id), keys),
		t.exec(`UPDATE file_group SET files = files + $1, bytes = bytes + $2, last = $3, first_filed = least(first_filed, $4), version = version + 1 WHERE id = $5`,
			len(files), bytes, us(observed), us(first), string(id)))
}

const (
	dirtyGroups = `SELECT ` + tables.GroupColumns + ` FROM file_group g WHERE NOT g.closed AND g.version > g.evaluated ORDER BY g.key LIMIT $1`
	dueGroups   = `SELECT ` + tables.GroupColumns + ` FROM file_group g WHERE NOT g.closed AND g.wake_at <= ` + nowIs1 + ` ORDER BY g.wake_at LIMIT $2`
)

// DirtyGroups implements opsdb.Planning.
func (s *Store) DirtyGroups(ctx context.Context, now time.Time, limit int) (groups []opsdb.Group, err error) {
	err = s.read(ctx, "DirtyGroups", func(v *view) error {
		groups, err = query(v, tables.ScanGroup, dirtyGroups, limitOf(limit))
		if err != nil {
			return err
		}
		due, err := query(v, tables.ScanGroup, dueGroups, us(now), limitOf(limit))
		groups = tables.Merge(groups, due, limit, func(g opsdb.Group) opsdb.ID { return g.ID })
		return err
	})
	return groups, err
}
