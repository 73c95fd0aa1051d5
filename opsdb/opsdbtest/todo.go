package opsdbtest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ccatobs/cdt/opsdb"
)

// testTodo: what a pass begins with is what the single reads say.
func testTodo(t *testing.T, open Open) {
	d := newDesk(t, open)
	ctx := t.Context()
	todo := func() opsdb.Todo {
		d.Helper()
		got, err := d.store.Todo(ctx, 100)
		d.check(err)
		if got.World.Revision != d.rev || got.World.Epoch == "" || !got.World.Now.Equal(d.clock.Now()) || got.World.Observed.IsZero() {
			d.Fatalf("the head of the world: %+v", got.World)
		}
		return got
	}
	if got := todo(); len(got.Unrouted)+len(got.Groups)+len(got.Dirty) != 0 {
		t.Errorf("there is nothing to do: %+v", got)
	}
	files := d.file(3)
	unrouted, err := d.store.Unrouted(ctx, 0)
	d.check(err)
	d.same(todo().Unrouted, unrouted)
	g := d.route("raw", "k", files)
	got := todo()
	if len(got.Groups) != 1 || len(got.Unrouted) != 0 {
		t.Fatalf("groups %+v, files %+v", got.Groups, got.Unrouted)
	}
	members, err := d.store.GroupFiles(ctx, g.ID)
	d.check(err)
	d.same(got.Groups[0], opsdb.OpenGroup{Group: g, Members: members})
	p := d.closeGroup(g)
	dirty, err := d.store.Dirty(ctx, d.clock.Now(), 100)
	d.check(err)
	w, err := d.store.World(ctx)
	d.check(err)
	got = todo()
	d.same(got.Dirty, dirty)
	d.same(got.World, w)
	d.queue(p)
	d.check(d.store.MarkRestored(ctx, "person:ada", "from the back-up")) // or a pass would go on as before (S8)
	w, err = d.store.World(ctx)
	d.check(err)
	d.same(todo().World, w)
	d.save(d.evaluation(p))
	if got = todo(); len(got.Dirty) != 0 || got.World.Restored == nil {
		t.Errorf("with nothing to be evaluated: restored %+v, %d to be done", got.World.Restored, len(got.Dirty))
	}
}

// queue holds Queue against Ready and World, before and after a move is ready.
func (d *desk) queue(p opsdb.Package) {
	d.Helper()
	if moves, w, err := d.store.Queue(d.Context(), 10); err != nil || len(moves) > 0 || w.Revision != 0 {
		d.Fatalf("nothing is ready: %v, %+v, %v", moves, w, err)
	}
	d.save(d.evaluation(p, d.move(p, "pack", "package", "ccat.primecam", "ccat.buffer")))
	ready, err := d.store.Ready(d.Context(), 10)
	d.check(err)
	world, err := d.store.World(d.Context())
	d.check(err)
	moves, w, err := d.store.Queue(d.Context(), 10)
	d.check(err)
	if len(moves) != 1 {
		d.Errorf("%d moves are ready", len(moves))
	}
	d.same(moves, ready)
	d.same(w, world)
	if got, err := d.store.Todo(d.Context(), 10); err != nil || slices.ContainsFunc(got.Dirty, func(f opsdb.Facts) bool { return f.Package.ID == p.ID }) {
		d.Errorf("an evaluated package is to be done: %v", err)
	}
}

func (d *desk) same(got, want any) {
	d.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		d.Errorf("(read alone, read together):\n%s", diff)
	}
}
