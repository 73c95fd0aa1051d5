package opsdbtest

import (
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// full fills ccat.buffer with n packages of 500 bytes, the oldest first.
func (d *desk) full(n int) (all []opsdb.Package) {
	d.Helper()
	for range n {
		p := d.packed(1)
		d.save(d.evaluation(p))
		all = append(all, p)
		d.advance(time.Minute)
	}
	return all
}

// press has the store hold the mark against ccat.buffer.
func (d *desk) press(above, until int64) int {
	d.Helper()
	n, err := d.store.Press(d.Context(), []opsdb.Mark{{Location: "ccat.buffer", Above: above, Until: until}})
	d.check(err)
	return n
}

func (d *desk) pressure() *opsdb.Pressure {
	d.Helper()
	w, err := d.store.World(d.Context())
	d.check(err)
	return w.Locations["ccat.buffer"].Pressure
}

// saves what an evaluation concludes of a package under pressure.
func (d *desk) pressed(p opsdb.Package, until int64) opsdb.Evaluation {
	d.Helper()
	c := d.copyAt(p.ID, "ccat.buffer")
	e := d.evaluation(p, d.move(p, "delete", "delete", "ccat.buffer", "ccat.buffer"))
	if d.pressure().Covers(c) {
		e.Press = []opsdb.Press{{Copy: c.ID, Until: until}}
	}
	return e
}

func testPressure(t *testing.T, open Open) {
	t.Run("life", func(t *testing.T) { t.Parallel(); testPressureLife(t, open) })
	t.Run("eight", func(t *testing.T) { t.Parallel(); testPressureEight(t, open) })
}

// 8 packages of 500 bytes: pressure begins above 3,500 and ends at 2,500. The
// second oldest cannot go.
func testPressureLife(t *testing.T, open Open) {
	d := newDesk(t, open)
	all := d.full(7)
	if d.press(3500, 2500) != 0 || d.pressure() != nil {
		t.Fatal("pressure begins at the mark, not above it")
	}
	all = append(all, d.full(1)...)
	if n := d.press(3500, 2500); n != 3 || !d.pressure().Pressing || d.events(opsdb.EventPressure) != 1 {
		t.Fatalf("%d packages are looked at, pressure %+v", n, d.pressure())
	}
	for i, p := range all {
		if covered := d.pressure().Covers(d.copyAt(p.ID, "ccat.buffer")); covered != (i < 3) || d.dirty(p.ID) != (i < 3) {
			t.Errorf("package %d: covered %v, dirty %v", i+1, covered, d.dirty(p.ID))
		}
	}
	d.save(d.pressed(all[0], 2500))
	if d.press(3500, 2500) != 0 {
		t.Fatal("it goes further though not all of the oldest have been looked at")
	}
	d.save(d.evaluation(all[1]))
	d.save(d.pressed(all[2], 2500))
	if n := d.press(3500, 2500); n != 1 || !d.dirty(all[3].ID) {
		t.Fatalf("one was kept: %d more are looked at", n)
	}
	d.save(d.pressed(all[3], 2500))
	if d.press(3500, 2500) != 0 || d.pressure() == nil || d.pressure().Pressing {
		t.Fatalf("enough is condemned: %+v", d.pressure())
	}
	// The one that was kept may go now, but need not.
	d.save(d.pressed(all[1], 2500))
	d.stateAt(all[1].ID, "ccat.buffer", opsdb.Present)
	if n := len(d.facts(all[1].ID).Moves); n != 0 {
		t.Errorf("%d moves are shown of what stays", n)
	}
	for _, i := range []int{0, 2, 3} {
		d.stateAt(all[i].ID, "ccat.buffer", opsdb.DeletionPossible)
	}
	// More room: it is over, and what was condemned is looked at again.
	if n := d.press(5000, 4000); n != 3 || d.pressure() != nil || !d.dirty(all[3].ID) {
		t.Errorf("%d are looked at, pressure %+v", n, d.pressure())
	}
	d.balanced()
}

// D4: eight engines at once stop exactly at the watermark.
func testPressureEight(t *testing.T, open Open) {
	d := newDesk(t, open)
	all := d.full(16)
	if n := d.press(7000, 4250); n != 8 {
		t.Fatalf("%d packages are looked at", n)
	}
	var wait sync.WaitGroup
	errs := make([]error, len(all))
	for i, p := range all {
		e := d.evaluation(p)
		e.Press = []opsdb.Press{{Copy: d.copyAt(p.ID, "ccat.buffer").ID, Until: 4250}}
		wait.Go(func() { _, errs[i] = d.store.Save(t.Context(), d.rev, []opsdb.Evaluation{e}) })
	}
	wait.Wait()
	n := 0
	for i, p := range all {
		d.check(errs[i])
		if d.copyAt(p.ID, "ccat.buffer").State == opsdb.DeletionPossible {
			n++
		}
	}
	if n != 8 {
		t.Errorf("%d of 16 are condemned, 8 are enough", n)
	}
	d.balanced()
}
