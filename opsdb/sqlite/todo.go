package sqlite

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Todo implements opsdb.Planning.
func (s *Store) Todo(ctx context.Context, limit int) (todo opsdb.Todo, err error) {
	err = s.read(ctx, "Todo", func(v *view) error {
		todo, err = v.todo(limit)
		return err
	})
	return todo, err
}

func (v *view) todo(limit int) (todo opsdb.Todo, err error) {
	if err := v.head(&todo.World); err != nil {
		return todo, err
	}
	if todo.Unrouted, err = v.unrouted(limit); err != nil {
		return todo, err
	}
	groups, err := v.dirtyGroups(v.now, limit)
	if err != nil {
		return todo, err
	}
	if todo.Groups, err = v.withMembers(groups); err != nil {
		return todo, err
	}
	if todo.Dirty, err = v.dirty(v.now, limit); err != nil || len(todo.Dirty) == 0 {
		return todo, err
	}
	return todo, v.places(&todo.World)
}

// withMembers reads the files of open groups, as long as they are few.
func (v *view) withMembers(groups []opsdb.Group) (out []opsdb.OpenGroup, err error) {
	sum := 0
	for _, g := range groups {
		open := opsdb.OpenGroup{Group: g}
		if sum += g.Files; sum <= opsdb.FewFiles {
			if open.Members, err = tables.FilesOf(v, g.ID); err != nil {
				return nil, err
			}
		}
		out = append(out, open)
	}
	return out, nil
}

// Queue implements opsdb.Planning.
func (s *Store) Queue(ctx context.Context, limit int) (moves []opsdb.OpenMove, w opsdb.World, err error) {
	err = s.read(ctx, "Queue", func(v *view) error {
		if moves, err = v.ready(limit); err != nil || len(moves) == 0 {
			return err
		}
		w, err = v.world()
		return err
	})
	return moves, w, err
}
