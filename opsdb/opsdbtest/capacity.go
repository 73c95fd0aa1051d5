package opsdbtest

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testCapacity: a site offers what its live workers take in hand, and its
// slots follow a task from the site that sends to the one that receives.
func testCapacity(t *testing.T, open Open) {
	d := newDesk(t, open)
	capacity := func(site string, want int) {
		t.Helper()
		w, err := d.store.World(t.Context())
		d.check(err)
		if got := w.Sites[site].Capacity; got != want {
			t.Errorf("%s takes %d at once, want %d", site, got, want)
		}
	}
	capacity("cologne", 0)
	d.check(d.store.Absent(t.Context(), "w"))
	d.check(d.store.Present(t.Context(), opsdb.Worker{ID: "a", Sites: []string{"ccat", "cologne"}, AtOnce: 4}))
	d.check(d.store.Present(t.Context(), opsdb.Worker{ID: "b", Sites: []string{"cologne"}, AtOnce: 3}))
	capacity("ccat", 4)
	capacity("cologne", 7)
	capacity("cornell", 0)
	quiet(d.store)
	d.check(d.store.Present(t.Context(), opsdb.Worker{ID: "b", Sites: []string{"cologne"}, AtOnce: 3}))
	if drain(d.store) {
		t.Error("a worker that is as before is news")
	}
	d.check(d.store.Present(t.Context(), opsdb.Worker{ID: "b", Sites: []string{"cologne"}, AtOnce: 5}))
	if !drain(d.store) {
		t.Error("a worker that takes more is no news")
	}
	capacity("cologne", 9)
	d.check(d.store.Absent(t.Context(), "a"))
	capacity("cologne", 5)
	d.check(d.store.Present(t.Context(), opsdb.Worker{ID: "old", Sites: []string{"cologne"}}))
	capacity("cologne", 0)
	d.present()
	d.siteSlots()
}

// quiet waits until no signal comes any more: a store may hear of a change once
// more from its database, a little later.
func quiet(s opsdb.Store) {
	for {
		select {
		case <-s.Changed():
		case <-time.After(3 * time.Second):
			return
		}
	}
}

// drain takes the signal of a change, if there is one.
func drain(s opsdb.Store) bool {
	select {
	case <-s.Changed():
		return true
	default:
		return false
	}
}

func (d *desk) siteSlots() {
	d.Helper()
	p := d.packed(1)
	g := grant(d.save(d.evaluation(p, d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")))[0])
	g.Slots["site:ccat"] = 1
	a := d.claim(d.try(g).Task.ID)
	inUse := func(ccat, cologne int) {
		d.Helper()
		w, err := d.store.World(d.Context())
		d.check(err)
		if w.Sites["ccat"].InUse != ccat || w.Sites["cologne"].InUse != cologne {
			d.Errorf("in use %d and %d, want %d and %d", w.Sites["ccat"].InUse, w.Sites["cologne"].InUse, ccat, cologne)
		}
	}
	inUse(1, 0)
	next := d.finish(a, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 500}})
	inUse(0, 1)
	a = d.claim(next.ID)
	d.finish(a, good(a, opsdb.Present))
	inUse(0, 0)
	d.balanced()
}
