package postgres

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
)

// Todo implements opsdb.Planning, in two round trips, or one where nothing has changed.
func (s *Store) Todo(ctx context.Context, limit int) (todo opsdb.Todo, err error) {
	for {
		noted := false
		err = s.readHow(ctx, soon, "Todo", func(v *view) error {
			todo, noted, err = v.todo(limit, s.wakes)
			return err
		})
		if err != nil || !noted {
			return todo, err
		}
		if err = s.serveNoted(ctx); err != nil {
			return todo, err
		}
	}
}

// todo reads what has changed and what belongs to it. Where causes are noted
// that this process may serve, it says so and reads no more.
func (v *view) todo(limit int, wakes bool) (todo opsdb.Todo, noted bool, err error) {
	var dirty, due []group
	v.askHead(&todo.World)
	if wakes {
		v.each(func(r scanner) error { return r.Scan(&noted) }, `SELECT EXISTS (SELECT 1 FROM wakeup)`)
	}
	ask(v, &todo.Unrouted, scanFile, unrouted, limitOf(limit))
	ask(v, &dirty, scanGroupRow, dirtyGroups, limitOf(limit))
	ask(v, &due, scanGroupRow, dueGroups, v.handed(), limitOf(limit))
	packs := v.askDirty(limit)
	if err := v.flush(); err != nil || noted {
		return todo, noted, err
	}
	todo.World.Now = v.now
	groups := merge(dirty, due, limit, func(g group) opsdb.ID { return g.ID })
	if todo.Unrouted == nil && groups == nil && packs() == nil {
		return todo, false, nil
	}
	f := v.askFacts(packs())
	members := v.askMembers(groups)
	finish := func() error { return nil }
	if len(packs()) > 0 {
		finish = v.askWorld(&todo.World)
	}
	v.end()
	if err := v.flush(); err != nil {
		return todo, false, err
	}
	todo.Groups, todo.Dirty = members(), f.out
	return todo, false, finish()
}

// askMembers asks for the files of open groups, as long as they are few.
func (v *view) askMembers(groups []group) (then func() []opsdb.OpenGroup) {
	var keys []int64
	sum := 0
	for _, g := range groups {
		if sum += g.Files; sum > opsdb.FewFiles {
			break
		}
		keys = append(keys, g.key)
	}
	files := map[int64][]opsdb.File{}
	if len(keys) > 0 {
		v.each(func(r scanner) error {
			var key int64
			f, err := scanFiled(after{r, &key})
			files[key] = append(files[key], f.File)
			return err
		}, `SELECT gf.grp, `+fileColumns+` FROM group_file gf JOIN file f ON f.key = gf.file WHERE gf.grp = ANY($1::bigint[]) ORDER BY f.path`, keys)
	}
	return func() (out []opsdb.OpenGroup) {
		for _, g := range groups {
			out = append(out, opsdb.OpenGroup{Group: g.Group, Members: files[g.key]})
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

// Queue implements opsdb.Planning, in two round trips.
func (s *Store) Queue(ctx context.Context, limit int) (moves []opsdb.OpenMove, w opsdb.World, err error) {
	err = s.readHow(ctx, soon, "Queue", func(v *view) error {
		if moves, err = v.ready(limit); err != nil || len(moves) == 0 {
			return err
		}
		w, err = v.world()
		return err
	})
	return moves, w, err
}
