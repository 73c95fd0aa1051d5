package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Todo implements opsdb.Planning, in two round trips, or one where nothing but files is new.
func (s *Store) Todo(ctx context.Context, limit int) (todo opsdb.Todo, err error) {
	var g glance
	for again := true; again && err == nil; {
		if todo, g, err = s.glance(ctx, limit); err == nil && g.noted {
			err = s.serveNoted(ctx)
		}
		again = g.noted
	}
	if err != nil || len(g.groups)+len(g.packages) == 0 {
		return todo, err
	}
	err = s.readHow(ctx, timeless, "Todo", func(v *view) error { return v.todo(&todo, g) })
	return todo, err
}

// glance are the keys of what has changed or is due, read in one statement.
type glance struct {
	noted                 bool // causes are noted that this process may serve
	groups, groupsDue     []int64
	packages, due, behind []opsdb.ID
}

// $1: the clock that was handed in. $2: the limit. $3: whether noted causes are asked for.
const glancing = `SELECT ` + headColumns + `, $3::boolean AND EXISTS (SELECT 1 FROM wakeup),
  ARRAY(SELECT g.key FROM file_group g WHERE NOT g.closed AND g.version > g.evaluated ORDER BY g.key LIMIT $2),
  ARRAY(SELECT g.key FROM file_group g WHERE NOT g.closed AND g.wake_at <= ` + nowIs1 + ` ORDER BY g.wake_at LIMIT $2),
  ARRAY(SELECT s.id FROM package_state s WHERE ` + isDirty + ` ORDER BY urgent DESC, made_at, package LIMIT $2),
  ARRAY(SELECT s.id FROM package_state s WHERE s.wake_at <= ` + nowIs1 + ` ORDER BY s.wake_at LIMIT $2),
  ARRAY(SELECT s.id FROM package_state s WHERE s.revision < o.revision ORDER BY s.revision, s.package LIMIT $2), clock_timestamp()
  FROM opsdb o, observed_clock c`

// glance reads new files, and the keys of what else there is to be done, in one round trip.
func (s *Store) glance(ctx context.Context, limit int) (todo opsdb.Todo, g glance, err error) {
	err = s.readHow(ctx, timeless, "Todo", func(v *view) (err error) {
		ask(v, &todo.Unrouted, tables.ScanFile, unrouted, limitOf(limit))
		finish := v.askGlance(&todo.World, &g, limit, s.wakes)
		v.end()
		err = v.flush()
		finish()
		return err
	})
	return todo, g, err
}

func (v *view) askGlance(w *opsdb.World, g *glance, limit int, wakes bool) (finish func()) {
	v.each(func(r scanner) error {
		return scanHead(r, w, &g.noted, &g.groups, &g.groupsDue, &g.packages, &g.due, &g.behind, v.clock())
	}, glancing, v.handed(), limitOf(limit), wakes)
	return func() {
		w.Now = v.now
		g.groups = tables.Merge(g.groups, g.groupsDue, limit, func(k int64) int64 { return k })
		id := func(id opsdb.ID) opsdb.ID { return id }
		g.packages = tables.Merge(tables.Merge(g.packages, g.due, limit, id), g.behind, limit, id)
	}
}

// todo reads the groups and packages that there is something to be done for, with their world, in a snapshot of their own.
func (v *view) todo(todo *opsdb.Todo, g glance) error {
	groups := v.askGroups(g.groups)
	f := v.askFacts(g.packages)
	v.askHeadAndTime(&todo.World)
	finish := func() error { return nil }
	if len(g.packages) > 0 {
		finish = v.askWorld(&todo.World)
	}
	v.end()
	if err := v.flush(); err != nil {
		return err
	}
	todo.Groups, todo.Dirty, todo.World.Now = groups(), f.facts(), v.now
	return finish()
}

// keyed is rows by their keys, in that order.
const keyed = ` FROM unnest($1::bigint[]) WITH ORDINALITY k (key, n) JOIN `

// askGroups asks for open groups, and for their files as long as they are few.
func (v *view) askGroups(keys []int64) (then func() []opsdb.OpenGroup) {
	var groups []group
	files, sum := map[int64][]opsdb.File{}, 0
	if len(keys) > 0 {
		ask(v, &groups, tables.ScanGrouped, `SELECT `+tables.GroupColumns+keyed+`file_group g ON g.key = k.key ORDER BY k.n`, keys)
		v.each(func(r scanner) error {
			var key int64
			f, err := tables.ScanFiled(after{r, &key})
			files[key] = append(files[key], f.File)
			sum++
			return err
		}, `SELECT gf.grp, `+tables.FileColumns+` FROM group_file gf JOIN file f ON f.key = gf.file WHERE gf.grp = ANY($1::bigint[])
		    AND (SELECT sum(g.files) FROM file_group g WHERE g.key = ANY($1::bigint[])) < $2 LIMIT $2`, keys, opsdb.FewFiles+1)
	}
	return func() (out []opsdb.OpenGroup) {
		for _, g := range groups {
			open := opsdb.OpenGroup{Group: g.Group}
			if members := files[g.Row]; sum <= opsdb.FewFiles {
				slices.SortFunc(members, func(a, b opsdb.File) int { return cmp.Compare(a.Path, b.Path) })
				open.Members = members
			}
			out = append(out, open)
		}
		return out
	}
}

// after scans a first column before those of a row function.
type after struct {
	scanner
	first any
}

func (a after) Scan(dest ...any) error { return a.scanner.Scan(append([]any{a.first}, dest...)...) }

// Queue implements opsdb.Planning, in one round trip.
func (s *Store) Queue(ctx context.Context, limit int) (moves []opsdb.OpenMove, w opsdb.World, err error) {
	err = s.readHow(ctx, along, "Queue", func(v *view) error {
		ask(v, &moves, tables.ScanMove, inLanes, limitOf(limit))
		v.askHead(&w)
		finish := v.askWorld(&w)
		v.end()
		if err := v.flush(); err != nil {
			return err
		}
		moves, w.Now = opsdb.InOrder(moves), v.now
		return finish()
	})
	if err != nil || len(moves) == 0 {
		return nil, opsdb.World{}, err
	}
	return moves, w, nil
}
