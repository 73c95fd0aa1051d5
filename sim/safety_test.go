package sim_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// runHooked drives to the end and calls hook at every effect.
func (h *house) runHooked(hook func(name string)) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(effect.With(h.t.Context(), &effect.Points{Hook: hook}), 20*time.Minute)
	defer cancel()
	h.must(h.Run(ctx))
}

// later lets a run stop when so much time has passed.
func (h *house) later(d time.Duration) {
	h.t.Helper()
	stop, until := h.Driver.Stop, h.Clock.Now().Add(d)
	h.Driver.Stop = func(_ context.Context, next time.Time) (bool, error) { return next.IsZero() || next.After(until), nil }
	h.run()
	h.Driver.Stop = stop
}

// unmount takes a location's root away, as a file system that is not mounted; the result brings it back.
func (h *house) unmount(location string) (back func()) {
	h.t.Helper()
	root := h.Roots[location]
	if err := errors.Join(os.Rename(root, root+".aside"), os.Mkdir(root, 0o755)); err != nil {
		h.t.Error(err) // perhaps in a goroutine of a worker
	}
	return func() {
		h.t.Helper()
		h.must(os.Remove(root))
		h.must(os.Rename(root+".aside", root))
	}
}

// cutDeletion lets the first deletion at a location be confirmed and then takes the location away, so that the act is cut short.
func (h *house) cutDeletion(location string) (back func()) {
	h.t.Helper()
	var cut atomic.Bool
	confirmed := func() bool {
		for _, e := range h.events(opsdb.EventDeleting) {
			if e.Location == location {
				return true
			}
		}
		return false
	}
	stop := h.Driver.Stop
	h.Driver.Stop = func(context.Context, time.Time) (bool, error) { return cut.Load(), nil }
	h.runHooked(func(name string) {
		if name == "builtin.confirm.after" && !cut.Load() && confirmed() && cut.CompareAndSwap(false, true) {
			back = h.unmount(location)
		}
	})
	h.Driver.Stop = stop
	if !cut.Load() {
		h.t.Fatalf("no deletion began at %s", location)
	}
	return back
}

// S1, S2: a deletion that was confirmed and cut short is taken back when a person holds the package meanwhile.
func TestHoldDuringADeletionThatWasCutShort(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"ccat.buffer", "ccat.primecam", "cologne.buffer"} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, ccat(t))
			h.fill("ccat.primecam", 2, 20_000)
			back := h.cutDeletion(location)
			p := h.packages()[0]
			hold, err := h.Store.Hold(t.Context(), opsdb.Hold{Package: p.Package.ID, Kind: opsdb.HoldDelete, Who: "tester", Why: "looks odd"})
			h.must(err)
			back()
			h.Clock.Advance(time.Minute)
			h.later(24 * time.Hour)
			c := copyAt(h.packages()[0], location)
			if c == nil || c.State != opsdb.Present {
				t.Errorf("the held copy is %+v: %s", c, h.reasons(location))
			}
			if left, _ := filepath.Glob(filepath.Join(h.Roots[location], opsdb.TrashDir, "*")); len(left) > 0 {
				t.Errorf("in the trash lie %v", left)
			}
			if t.Failed() {
				return
			}
			h.must(h.Store.Unhold(t.Context(), hold.ID, "tester", "it was nothing"))
			h.reopen(nil)
			h.run()
			h.cleaned(h.judge())
		})
	}
}

// S2: a place whose deletion was cut short becomes wanted: the copy is kept, and serves.
func TestPlaceBecomesWantedDuringADeletionThatWasCutShort(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	back := h.cutDeletion("cologne.buffer")
	p := h.packages()[0]
	h.flip(filepath.Join(h.Roots["cologne.lta"], copyAt(p, "cologne.lta").Path))
	h.must(h.Store.WantVerify(t.Context(), p.Package.ID, "cologne.lta", "tester"))
	h.later(time.Hour)
	back()
	h.Clock.Advance(time.Minute)
	h.run()
	c := copyAt(h.packages()[0], "cologne.lta")
	if c == nil || !c.Verified() {
		t.Fatalf("the archive was not repaired: %+v; at cologne.buffer %+v: %s", c, copyAt(h.packages()[0], "cologne.buffer"), h.reasons("cologne.buffer"))
	}
	h.judge()
}

// A person who asks for a package at a place after its copy there was condemned keeps it (S1: wanted).
func TestRequestAfterCondemnation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	ask := func() opsdb.StagingRequest {
		r, err := h.Store.Request(t.Context(), opsdb.StagingRequest{Package: h.packages()[0].Package.ID, Location: "cologne.ramses", Who: "tester"})
		h.must(err)
		return r
	}
	first := ask()
	h.run()
	h.must(h.Store.Release(t.Context(), first.ID, "tester"))
	var asked atomic.Bool
	h.runHooked(func(name string) {
		if name == "builtin.confirm.before" && asked.CompareAndSwap(false, true) {
			ask()
		}
	})
	if !asked.Load() {
		t.Fatal("the released copy was never to be deleted")
	}
	for _, e := range h.events(opsdb.EventDeleted) {
		if e.Location == "cologne.ramses" {
			t.Error("what was asked for again was deleted")
		}
	}
	if c := copyAt(h.packages()[0], "cologne.ramses"); c == nil || c.State != opsdb.Staged {
		t.Errorf("the copy asked for is %+v", c)
	}
	h.judge()
}

// cutAt takes a location away at the n-th effect of a name after the first deletion there was confirmed.
func (h *house) cutAt(location, effectName string, n int) (back func()) {
	h.t.Helper()
	var cut, confirmed atomic.Bool
	var seen atomic.Int64
	stop := h.Driver.Stop
	h.Driver.Stop = func(context.Context, time.Time) (bool, error) { return cut.Load(), nil }
	h.runHooked(func(name string) {
		if name == "builtin.confirm.after" && !confirmed.Load() {
			for _, e := range h.events(opsdb.EventDeleting) {
				if e.Location == location {
					confirmed.Store(true)
				}
			}
		}
		if confirmed.Load() && name == effectName && seen.Add(1) == int64(n) {
			cut.Store(true)
			back = h.unmount(location)
		}
	})
	h.Driver.Stop = stop
	if !cut.Load() {
		h.t.Fatalf("%s never came %d times after a deletion at %s was confirmed", effectName, n, location)
	}
	return back
}

// S12: files that went before a deletion was taken back are told to be deleted, not lost.
func TestFilesThatWentBeforeADeletionWasTakenBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	back := h.cutAt("ccat.primecam", "disk.unlink.after", 1)
	hold, err := h.Store.Hold(t.Context(), opsdb.Hold{Package: h.packages()[0].Package.ID, Kind: opsdb.HoldDelete, Who: "tester", Why: "looks odd"})
	h.must(err)
	back()
	for range 2 { // the deletion is taken back, then the source is scanned
		h.Clock.Advance(time.Minute)
		h.later(24 * time.Hour)
	}
	files, err := h.Store.Files(t.Context(), opsdb.Query{})
	h.must(err)
	there := 0
	for _, f := range files {
		_, gone := os.Stat(filepath.Join(h.Roots["ccat.primecam"], f.Path))
		if gone == nil {
			there++
		}
		if (gone == nil) != (f.State == opsdb.Present) || f.State == opsdb.Lost {
			t.Errorf("%s is %s, on the disk: %v", f.Path, f.State, gone)
		}
	}
	if there == 0 || there == len(files) {
		t.Fatalf("%d of %d files are there: the deletion was not cut in its midst", there, len(files))
	}
	h.must(h.Store.Unhold(t.Context(), hold.ID, "tester", "it was nothing"))
	h.reopen(nil)
	h.run()
	h.cleaned(h.judge())
}

// S1, S6: a person holds a package while its files are being removed: no more of them go.
func TestHoldWhileFilesGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.put("ccat.primecam", "obs0/m0/f000.dat", noise(1, 100))
	for i := range 200 {
		h.put("ccat.primecam", "obs0/m0/g"+strings.Repeat("x", i), noise(uint64(i), 100))
	}
	p := opsdb.ID("")
	var unlinked atomic.Int64
	deleting := false
	h.Driver.Step = func(context.Context) error {
		for _, f := range h.packages() {
			c := copyAt(f, "ccat.primecam")
			deleting, p = c != nil && c.State == opsdb.DeletionScheduled, f.Package.ID
		}
		return nil
	}
	h.runHooked(func(name string) {
		if deleting && name == "disk.unlink.after" && unlinked.Add(1) == 3 {
			_, err := h.Store.Hold(h.t.Context(), opsdb.Hold{Package: p, Kind: opsdb.HoldDelete, Who: "tester", Why: "stop"})
			h.must(err)
		}
	})
	if n := unlinked.Load(); n < 3 || n > 100 {
		t.Errorf("%d files were removed; three had gone when the hold came", n)
	}
	h.Clock.Advance(time.Minute)
	h.later(time.Hour)
	r, err := h.Check(t.Context(), h.truth, false)
	h.must(err)
	for _, v := range r.Violations {
		t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
}
