package opsdbtest

import (
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// Who waits for room at a place is looked at again as soon as there is some, whatever made it (E9).
func testFreedRoom(t *testing.T, open Open) {
	const at = "cologne.buffer"
	report := func(d *desk, free int64) {
		d.check(d.store.Report(d.Context(), opsdb.LocationReport{Location: at, Free: free, Total: 1000}))
	}
	for name, begin := range map[string]func(d *desk) (frees func()){
		"a task that nobody took": func(d *desk) func() {
			d.schedule(d.packed(1), "ship", "transfer", "ccat.buffer", at)
			return func() {
				d.clock.Advance(claimBy)
				_, err := d.store.Expire(d.Context(), d.clock.Now(), claimBy)
				d.check(err)
			}
		},
		"a copy that was deleted": func(d *desk) func() {
			a := d.claim(d.remove(d.condemned(), at).Task.ID)
			_, err := d.store.Confirm(d.Context(), a.Task.ID, a.Task.Token)
			d.check(err)
			return func() { d.finish(a, opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Deleted}}) }
		},
		"what somebody else removed": func(d *desk) func() {
			report(d, 10)
			return func() { report(d, 11) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open)
			frees := begin(d)
			waits, other := d.packed(1), d.packed(1)
			for p, cause := range map[*opsdb.Package]string{&waits: "room:" + at, &other: "room:cornell.buffer"} {
				e := d.evaluation(*p)
				e.Causes = []string{cause}
				d.save(e)
			}
			if d.dirty(waits.ID) {
				t.Fatal("it does not wait")
			}
			if frees(); !d.dirty(waits.ID) || d.dirty(other.ID) {
				t.Errorf("who waits for room there is looked at: %v; who waits for room elsewhere: %v", d.dirty(waits.ID), d.dirty(other.ID))
			}
		})
	}
}
