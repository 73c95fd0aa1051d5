package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Unrouted implements opsdb.Planning.
func (s *Store) Unrouted(ctx context.Context, limit int) (files []opsdb.File, err error) {
	err = s.read(ctx, "Unrouted", func(v *view) error {
		files, err = query(v, scanFile, unrouted, limitOf(limit))
		return err
	})
	return files, err
}

const unrouted = `SELECT ` + fileColumns + ` FROM file f WHERE NOT f.routed AND f.state = 'present' ORDER BY f.filed_at, f.key LIMIT $1`

// limitOf is a limit as SQL takes it: none for 0.
func limitOf(n int) any {
	if n <= 0 {
		return nil
	}
	return n
}

// Route implements opsdb.Planning.
func (s *Store) Route(ctx context.Context, files []opsdb.ID, routings []opsdb.Routing) error {
	return s.write(ctx, "Route", func(t *tx) error {
		known, err := query(&t.view, scanFiled, `SELECT `+fileColumns+` FROM file f WHERE f.id = ANY($1::text[])`, idList(files))
		if err != nil || len(known) == 0 {
			return err
		}
		r := &router{t: t, files: map[opsdb.ID]*filed{}, groups: map[slot]int64{}}
		keys := make([]int64, len(known))
		for i := range known {
			keys[i] = known[i].key
			r.files[known[i].ID] = &known[i]
		}
		if err := r.route(keys, routings); err != nil {
			return err
		}
		return t.exec(`UPDATE file SET routed = true WHERE key = ANY($1::bigint[])`, keys)
	})
}

// slot is what an open group is known by.
type slot struct{ route, stage, location, key string }

// stage is one package stage and a file.
type inStage struct {
	file         int64
	route, stage string
}

// router puts the files of one call into groups.
type router struct {
	t        *tx
	observed time.Time
	files    map[opsdb.ID]*filed
	groups   map[slot]int64
	homes    map[inStage]bool
}

func (r *router) route(keys []int64, routings []opsdb.Routing) (err error) {
	if r.observed, err = r.t.observed(); err != nil {
		return err
	}
	if err := r.takeGroups(routings); err != nil {
		return err
	}
	if err := r.takeFiles(keys); err != nil {
		return err
	}
	join := map[int64][]*filed{}
	for _, x := range routings {
		f := r.files[x.File]
		if x.Route == "" || f == nil || f.State != opsdb.Present || r.homes[inStage{f.key, x.Route, x.Stage}] {
			continue
		}
		r.homes[inStage{f.key, x.Route, x.Stage}] = true
		k := slot{x.Route, x.Stage, f.Location, x.Key}
		if r.groups[k] == 0 {
			if r.groups[k], err = r.t.openGroup(x, f.Location, r.observed); err != nil {
				return err
			}
		}
		join[r.groups[k]] = append(join[r.groups[k]], f)
	}
	for grp, files := range join {
		if err := r.t.joinGroup(grp, files, r.observed); err != nil {
			return err
		}
	}
	return nil
}

// takeGroups takes the open groups that the routings name. No observation is finished meanwhile.
func (r *router) takeGroups(routings []opsdb.Routing) error {
	var routes, stages, locations, names []string
	seen, observations := map[slot]bool{}, map[string]bool{}
	for _, x := range routings {
		f := r.files[x.File]
		if x.Route == "" || f == nil {
			continue
		}
		observations[x.Group.Observation] = true
		if k := (slot{x.Route, x.Stage, f.Location, x.Key}); !seen[k] {
			seen[k] = true
			routes, stages, locations, names = append(routes, x.Route), append(stages, x.Stage), append(locations, f.Location), append(names, x.Key)
		}
	}
	for _, o := range slices.Sorted(maps.Keys(observations)) {
		r.t.queue(`SELECT pg_advisory_xact_lock_shared($1, hashtext($2))`, observing, o)
	}
	_, err := query(&r.t.view, func(row scanner) (none, error) {
		var key int64
		var k slot
		err := row.Scan(&key, &k.route, &k.stage, &k.location, &k.key)
		plain(&k.key)
		r.groups[k] = key
		return none{}, err
	}, `SELECT g.key, g.route, g.stage, g.location, g.group_key FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) x (route, stage, location, name)
	    JOIN file_group g ON g.route = x.route AND g.stage = x.stage AND g.location = x.location AND g.group_key = x.name
	  WHERE NOT g.closed ORDER BY g.key FOR NO KEY UPDATE OF g`, routes, stages, locations, names)
	return err
}

// takeFiles takes the files, reads their state again, and in which groups and packages they are already.
func (r *router) takeFiles(keys []int64) error {
	r.t.queue(`SELECT FROM file WHERE key = ANY($1::bigint[]) ORDER BY key FOR NO KEY UPDATE`, keys)
	known, err := query(&r.t.view, scanFiled, `SELECT `+fileColumns+` FROM file f WHERE f.key = ANY($1::bigint[])`, keys)
	if err != nil {
		return err
	}
	for i := range known {
		r.files[known[i].ID] = &known[i]
	}
	homes, err := query(&r.t.view, func(row scanner) (h inStage, err error) {
		err = row.Scan(&h.file, &h.route, &h.stage)
		return h, err
	}, `SELECT gf.file, g.route, g.stage FROM group_file gf JOIN file_group g ON g.key = gf.grp WHERE gf.file = ANY($1::bigint[])
	  UNION SELECT m.file, p.route, p.stage FROM member m JOIN package p ON p.key = m.package WHERE m.file = ANY($1::bigint[])`, keys)
	r.homes = set(homes)
	return err
}

func (t *tx) openGroup(r opsdb.Routing, location string, observed time.Time) (key int64, err error) {
	g := r.Group
	_, err = t.get([]any{&key}, `INSERT INTO file_group (id, route, stage, location, group_key, instrument, observation, module, program, tags, first, last, first_filed, finished)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, EXISTS (SELECT 1 FROM observation WHERE observation = $7 AND instrument IN ('', $6))) RETURNING key`,
		string(opsdb.NewID()), r.Route, r.Stage, location, r.Key, g.Instrument, g.Observation, g.Module, g.Program, text(g.Tags), us(observed), us(observed), us(t.now))
	t.changes++
	return key, err
}

// joinGroup puts files into an open group.
func (t *tx) joinGroup(grp int64, files []*filed, observed time.Time) error {
	keys, bytes, first := make([]int64, len(files)), int64(0), time.Time{}
	for i, f := range files {
		keys[i] = f.key
		bytes += f.Size
		if first.IsZero() || f.FiledAt.Before(first) {
			first = f.FiledAt
		}
	}
	return errors.Join(
		t.exec(`INSERT INTO group_file (grp, file) SELECT $1::bigint, unnest($2::bigint[])`, grp, keys),
		t.exec(`UPDATE file SET homes = homes + 1 WHERE key = ANY($1::bigint[])`, keys),
		t.exec(`UPDATE file_group SET files = files + $1, bytes = bytes + $2, last = $3, first_filed = least(first_filed, $4), version = version + 1 WHERE key = $5`,
			len(files), bytes, us(observed), us(first), grp))
}

const (
	dirtyGroups = `SELECT ` + groupColumns + ` FROM file_group g WHERE NOT g.closed AND g.version > g.evaluated ORDER BY g.key LIMIT $1`
	dueGroups   = `SELECT ` + groupColumns + ` FROM file_group g WHERE NOT g.closed AND g.wake_at <= ` + nowIs1 + ` ORDER BY g.wake_at LIMIT $2`
)

// DirtyGroups implements opsdb.Planning.
func (s *Store) DirtyGroups(ctx context.Context, now time.Time, limit int) (groups []opsdb.Group, err error) {
	err = s.read(ctx, "DirtyGroups", func(v *view) error {
		groups, err = query(v, scanGroup, dirtyGroups, limitOf(limit))
		if err != nil {
			return err
		}
		due, err := query(v, scanGroup, dueGroups, us(now), limitOf(limit))
		groups = merge(groups, due, limit, func(g opsdb.Group) opsdb.ID { return g.ID })
		return err
	})
	return groups, err
}

// merge appends what is not there yet, up to limit (0: all).
func merge[T any](a, b []T, limit int, id func(T) opsdb.ID) []T {
	seen := map[opsdb.ID]bool{}
	for _, x := range a {
		seen[id(x)] = true
	}
	for _, x := range b {
		if limit > 0 && len(a) >= limit {
			break
		}
		if !seen[id(x)] {
			a = append(a, x)
		}
	}
	return a
}

// GroupFiles implements opsdb.Planning.
func (s *Store) GroupFiles(ctx context.Context, id opsdb.ID) (files []opsdb.File, err error) {
	err = s.read(ctx, "GroupFiles", func(v *view) error {
		files, err = query(v, scanFile, `SELECT `+fileColumns+` FROM file_group g JOIN group_file gf ON gf.grp = g.key JOIN file f ON f.key = gf.file
		  WHERE g.id = $1 ORDER BY f.path`, string(id))
		return err
	})
	return files, err
}

// KeepGroup implements opsdb.Planning.
func (s *Store) KeepGroup(ctx context.Context, id opsdb.ID, version int64, wake time.Time, reason string) error {
	return s.write(ctx, "KeepGroup", func(t *tx) error {
		t.quiet = true
		n, err := t.execN(`UPDATE file_group SET evaluated = $1, wake_at = $2, reason = $3 WHERE id = $4 AND NOT closed AND version = $5`,
			version, us(wake), reason, string(id), version)
		if err == nil && n == 0 {
			err = fmt.Errorf("group %s at version %d: %w", id, version, opsdb.ErrChanged)
		}
		return err
	})
}
