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
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/storage"
)

// runHooked drives to the end and calls hook at every effect.
func (h *house) runHooked(hook func(name string)) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(effect.With(h.t.Context(), &effect.Points{Hook: hook}), 5*time.Minute)
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

// One package that can never fit stands in nobody's way, and says so.
func TestPackageLargerThanTheBufferStallsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, edited(t,
		"buffer:   {type: buffer, disk: {path: /data/buffer}, capacity: 200TB}", "buffer:   {type: buffer, disk: {path: /data/buffer}, capacity: 600KB}",
		"max_size: 50GB", "max_size: 100KB"))
	h.put("ccat.primecam", "aaa/m/huge", noise(1, 700_000))
	h.fill("ccat.primecam", 8, 40_000)
	h.later(30 * 24 * time.Hour)
	archived := 0
	for _, p := range h.packages() {
		if c := copyAt(p, "cornell.lta"); c != nil && c.Verified() {
			archived++
		}
	}
	if n := len(h.packages()); archived != n-1 {
		t.Errorf("%d of %d packages are archived, want all but the one that cannot fit", archived, n)
	}
	if got := h.reasons("ccat.buffer"); !strings.Contains(got, "blocked:") {
		t.Errorf("the package that can never fit is %q, want blocked", got)
	}
}

// lab is the CCAT route with a second site that has a source.
func lab(t *testing.T, state string) map[string][]byte {
	t.Helper()
	return edited(t,
		"links:\n", `  lab:
    name: Laboratory
`+state+`    send_once: true
    locations:
      cam:    {type: source, disk: {path: /data/cam}}
      buffer: {type: buffer, disk: {path: /data/buffer}}

links:
  - {from: lab, to: cologne, transport: bbcp, bandwidth: 1Gbit/s}
`,
		"      ship: ", `      bundle: {type: package, from: lab.cam, to: lab.buffer}
      ship: `,
		"from: ccat.buffer\n", "from: [ccat.buffer, lab.buffer]\n",
		"        ccat.chai:  ", `        lab.cam: {delete_when: age >= days(14)}
        lab.buffer: {delete_when: archived >= 2}
        ccat.chai:  `)
}

// A site is lost by mistake and found again: what was never packed is packed, and everything ends well.
func TestSourceSiteLostAndFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, lab(t, ""))
	h.fill("lab.cam", 4, 20_000)
	h.must(h.Store.Pause(t.Context(), opsdb.Pause{Subject: "stage:raw/bundle", Who: "tester", Why: "later"}))
	h.later(time.Hour)
	h.reopen(lab(t, "    state: lost\n"))
	h.later(time.Hour)
	h.reopen(lab(t, ""))
	h.must(h.Store.Resume(t.Context(), "stage:raw/bundle", "tester"))
	h.run()
	h.cleaned(h.judge())
}

// An archive site is lost and found again.
func TestArchiveSiteLostAndFound(t *testing.T) {
	t.Parallel()
	lost := edited(t, "    name: Cornell University\n", "    name: Cornell University\n    state: lost\n", "require_archived: 2", "require_archived: 1", "archived >= 2", "archived >= 1")
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	h.reopen(lost)
	h.later(time.Hour)
	if c := copyAt(h.packages()[0], "cornell.lta"); c != nil {
		t.Errorf("in a lost site stands %+v", c)
	}
	h.reopen(ccat(t))
	h.run()
	h.cleaned(h.judge())
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}

// S3: an archive does not become a buffer by an edit while copies are in it.
func TestArchiveDoesNotBecomeABuffer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bonn(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	h.shut()
	files := bonn(t)
	for name, text := range files {
		s := strings.Replace(string(text), "lta:    {type: long_term_archive, disk: {path: /archive/ccat}}\n\nlinks", "lta:    {type: buffer, disk: {path: /archive/ccat}}\n\nlinks", 1)
		s = strings.Replace(s, "archives: [cologne.lta, cornell.lta, bonn.lta]", "archives: [cologne.lta, cornell.lta]", 1)
		s = strings.Replace(s, "        landing:        {delete_when", "        bonn.lta: {delete_when: archived >= 1}\n        landing:        {delete_when", 1)
		files[name] = []byte(s)
	}
	before := h.cfg.Routes
	h.cfg.Routes = files
	if o, err := openErr(h); err == nil {
		h.Observatory = o
		h.run()
		for _, e := range h.events(opsdb.EventDeleted) {
			if e.Location == "bonn.lta" {
				t.Error("a copy was deleted in what was an archive")
			}
		}
		t.Error("an archive with copies in it became a buffer")
		return
	} else if !strings.Contains(err.Error(), "bonn.lta") {
		t.Errorf("the refusal says %v", err)
	}
	h.cfg.Routes = before
	h.open()
	h.run()
	h.judge()
}

// E12: a route and a stage that are renamed, and say so, pack nothing again.
func TestRenamedRoutePacksNothingAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 8, 20_000)
	h.stopBeforeDeletion()
	n := len(h.packages())
	h.reopen(edited(t, "\n  raw:\n", "\n  science:\n    formerly: [raw]\n", "      pack:\n", "      bundle:\n        formerly: [pack]\n"))
	h.put("ccat.primecam", "late/m/f", noise(77, 500))
	h.run()
	h.cleaned(h.judge())
	if got := len(h.packages()); got != n+1 {
		t.Errorf("%d packages after the rename, want %d", got, n+1)
	}
}

// E12: a location that holds copies is not removed; the refusal names what it holds.
func TestLocationInUseIsNotRemoved(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bonn(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.stopBeforeDeletion()
	h.shut()
	before := h.cfg.Routes
	h.cfg.Routes = ccat(t)
	if _, err := openErr(h); err == nil || !strings.Contains(err.Error(), "bonn.lta (1 copies") {
		t.Errorf("removing an archive with a copy in it says %v", err)
	}
	h.cfg.Routes = before
	h.open()
	h.run()
	h.cleaned(h.judge())
}

func openErr(h *house) (*sim.Observatory, error) { return sim.Open(h.t.Context(), h.cfg) }

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

// S1: an archive copy is found corrupt while the last buffer copy waits in its grace: the buffer copy stays and repairs it.
func TestArchiveRotsWhileTheBufferIsCondemned(t *testing.T) {
	t.Parallel()
	for _, when := range []opsdb.CopyState{opsdb.DeletionPossible, opsdb.DeletionScheduled} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, edited(t, "grace: 24h", "grace: 24h"))
			h.cfg.Impatient = when == opsdb.DeletionScheduled
			h.reopen(nil)
			h.fill("ccat.primecam", 2, 20_000)
			done := false
			step := func() {
				for _, f := range h.packages() {
					c, a := copyAt(f, "cologne.buffer"), copyAt(f, "cologne.lta")
					if !done && c != nil && c.State == when && a != nil {
						done = true
						h.flip(filepath.Join(h.Roots["cologne.lta"], a.Path))
						h.must(h.Store.WantVerify(t.Context(), f.Package.ID, "cologne.lta", "tester"))
					}
				}
			}
			h.Driver.Step = func(context.Context) error { step(); return nil }
			h.run()
			h.run()
			if !done {
				t.Fatalf("the copy was never %s", when)
			}
			if c := copyAt(h.packages()[0], "cologne.lta"); c == nil || !c.Verified() {
				t.Errorf("the archive's copy is %+v", c)
			}
			h.cleaned(h.judge())
			for p, n := range h.crossings("ccat") {
				if n != 1 {
					t.Errorf("package %s left the observatory %d times", p, n)
				}
			}
		})
	}
}

// S1f, S14: two routes hold one file; the grace of the one that is condemned later counts too.
func TestGraceOfEveryRouteThatHoldsAFile(t *testing.T) {
	t.Parallel()
	second := `
  quick:
    stages:
      pack: {type: package, from: ccat.primecam, to: ccat.buffer}
      ship: {type: transfer, from: ccat.buffer, to: cornell.buffer}
      archive: {type: archive, from: cornell.buffer, to: cornell.lta}
    retention:
      require_archived: 1
      grace: 100h
      locations:
        ccat.primecam: {delete_when: age >= days(20)}
`
	h := newHouse(t, edited(t, "        cologne.ramses: {delete_when: released && age >= days(3)}\n", "        cologne.ramses: {delete_when: released && age >= days(3)}\n"+second))
	h.cfg.Impatient = false
	h.reopen(nil)
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	r, err := h.Check(t.Context(), h.truth, true)
	h.must(err)
	for _, v := range r.Violations {
		t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
	h.cleaned(r)
	for _, e := range h.events(opsdb.EventFileDeleted) {
		if d := e.At.Sub(start); d < 20*24*time.Hour+100*time.Hour {
			t.Errorf("a file went after %s, in the grace of the second route", d)
		}
	}
}

// S7: the clock of the database jumps; deletions stop, and go on by themselves when it has been quiet.
func TestDeletionsGoOnAfterTheTimeWasSuspect(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.stopBeforeDeletion()
	h.must(h.Store.Tick(t.Context(), 10*time.Hour, false)) // ten hours passed, and the clock did not move
	w, err := h.Store.World(t.Context())
	h.must(err)
	if !w.TimeSuspect {
		t.Fatal("the jump was not noticed")
	}
	h.Clock.Advance(20 * 24 * time.Hour)
	h.run()
	h.cleaned(h.judge())
}

// A late worker whose task was given to another finishes nothing, and two of them make one copy.
func TestTwoWorkersOnOneTask(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	var again atomic.Int64
	h.runHooked(func(name string) {
		// Whatever has been written, the lease runs out now and then and the task is offered once more.
		if name == "disk.rename.before" && again.Add(1)%3 == 0 {
			h.Clock.Advance(2 * time.Minute)
			tasks, err := h.Store.Expire(h.t.Context(), h.Clock.Now(), time.Minute)
			h.must(err)
			h.must(h.Node.Queue.Enqueue(h.t.Context(), tasks))
		}
	})
	h.cleaned(h.judge())
}

// S9: two sources whose roots are swapped are foreign to each other: nothing is lost, nothing packed or deleted, until they are right again.
func TestSwappedRootsAreForeign(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.put("ccat.chai", "obs0/m0/f000.dat", noise(99, 20_000)) // the same path with other bytes
	h.stopBeforeDeletion()
	a, b := h.Roots["ccat.primecam"], h.Roots["ccat.chai"]
	swap := func() {
		h.must(os.Rename(a, a+".x"))
		h.must(os.Rename(b, a))
		h.must(os.Rename(a+".x", b))
	}
	swap()
	h.Clock.Advance(30 * 24 * time.Hour)
	h.later(24 * time.Hour)
	for _, kind := range []string{opsdb.EventFileDeleted, opsdb.EventFileKept, opsdb.EventCopyLost, opsdb.EventFileChanged} {
		if n := len(h.events(kind)); n > 0 {
			t.Errorf("%d events say %s", n, kind)
		}
	}
	swap()
	h.Clock.Advance(time.Minute)
	h.run()
	h.cleaned(h.judge())
}

// S10: a staged folder that somebody replaced by a symlink is not followed by the deletion.
func TestStagedFolderThatBecameASymlink(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	p := h.packages()[0]
	r, err := h.Store.Request(t.Context(), opsdb.StagingRequest{Package: p.Package.ID, Location: "cologne.ramses", Who: "tester"})
	h.must(err)
	h.run()
	dir := filepath.Join(h.Roots["cologne.ramses"], copyAt(h.packages()[0], "cologne.ramses").Path)
	elsewhere := filepath.Join(t.TempDir(), "mine")
	h.must(os.Rename(dir, elsewhere))
	h.must(os.Symlink(elsewhere, dir))
	h.must(h.Store.Release(t.Context(), r.ID, "tester"))
	h.run()
	for _, o := range h.truth["ccat.primecam"] {
		if _, err := os.Stat(filepath.Join(elsewhere, o.Path)); err != nil {
			t.Errorf("a file outside of the location was removed: %v", err)
		}
	}
	for _, f := range h.packages() {
		for _, c := range f.Copies {
			if c.Location == "cologne.ramses" && c.Live() && c.State != opsdb.DeletionFailed {
				t.Errorf("the staged copy is %s: %s", c.State, h.reasons("cologne.ramses"))
			}
		}
	}
}

// S14: no more packages go in an hour than the brake allows, and all go in the end.
func TestBrakeHoldsEveryHour(t *testing.T) {
	t.Parallel()
	h := newHouse(t, edited(t, "brake: {bytes: 20TB, packages: 1000}", "brake: {bytes: 20TB, packages: 2}"))
	h.cfg.Impatient = false
	h.reopen(nil)
	h.fill("ccat.primecam", 20, 2000)
	h.run()
	h.cleaned(h.judge())
	at := map[string][]time.Time{}
	for _, e := range h.events(opsdb.EventDeleting) {
		at[e.Location] = append(at[e.Location], e.At)
	}
	for location, times := range at {
		for i := 2; i < len(times); i++ {
			if d := times[i].Sub(times[i-2]); d < time.Hour {
				t.Errorf("three packages went at %s within %s", location, d)
			}
		}
	}
	for _, e := range h.events(opsdb.EventDeleting) {
		for _, c := range h.events(opsdb.EventCondemned) {
			if c.Subject == e.Subject && e.At.Sub(c.At) < 24*time.Hour {
				t.Errorf("%s went %s after it was condemned", e.Subject, e.At.Sub(c.At))
			}
		}
	}
}

// S1f: a source file whose bytes and path are another hard link's, and one that is replaced between its comparison and its deletion.
func TestHardLinksAndExchangedFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	list := h.truth["ccat.primecam"]
	root := h.Roots["ccat.primecam"]
	mine := filepath.Join(t.TempDir(), "mine")
	h.must(os.Link(filepath.Join(root, list[1].Path), mine))
	h.stopBeforeDeletion()
	var exchanged atomic.Bool
	other := noise(1234, 20_000)
	h.runHooked(func(name string) {
		// The last confirmation is through; now somebody puts another file there.
		if name != "disk.rename.before" || exchanged.Load() {
			return
		}
		for _, e := range h.events(opsdb.EventDeleting) {
			if e.Location == "ccat.primecam" && exchanged.CompareAndSwap(false, true) {
				path := filepath.Join(root, list[0].Path)
				h.must(os.WriteFile(path+".new", other, 0o644))
				h.must(os.Chtimes(path+".new", list[0].ModTime, list[0].ModTime))
				h.must(os.Rename(path+".new", path))
			}
		}
	})
	if !exchanged.Load() {
		t.Fatal("no deletion was tried")
	}
	if b, err := os.ReadFile(filepath.Join(root, list[0].Path)); err != nil || digest(b) != digest(other) {
		t.Errorf("the file that was put there is gone: %v", err)
	}
	if b, err := os.ReadFile(mine); err != nil || digest(b) != list[1].Digest {
		t.Errorf("another link to a file was harmed: %v", err)
	}
	if n := len(h.events(opsdb.EventFileKept)); n != 1 {
		t.Errorf("%d people were told, want one", n)
	}
}

// S4: every copy is lost before any archive has one; the package is made again from its source with the same digest.
func TestPackedAgainFromTheSource(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.must(h.Store.Pause(t.Context(), opsdb.Pause{Subject: "stage:raw/ship", Who: "tester", Why: "later"}))
	h.later(time.Hour)
	p := h.packages()[0]
	h.must(os.Remove(filepath.Join(h.Roots["ccat.buffer"], copyAt(p, "ccat.buffer").Path)))
	h.must(h.Store.WantVerify(t.Context(), p.Package.ID, "ccat.buffer", "tester"))
	h.later(time.Hour)
	h.must(h.Store.Resume(t.Context(), "stage:raw/ship", "tester"))
	h.run()
	h.cleaned(h.judge())
	if now := h.packages()[0].Package; now.Digest != p.Package.Digest {
		t.Errorf("the digest was %s and is %s", p.Package.Digest, now.Digest)
	}
}

// S14, S1: pressure deletes source files early, oldest first, and never what the gate or a person keeps.
func TestPressureRespectsTheGate(t *testing.T) {
	t.Parallel()
	h := newHouse(t, edited(t, "primecam: {type: source, disk: {path: /data/primecam}}", "primecam: {type: source, disk: {path: /data/primecam}, capacity: 500KB}"))
	h.must(h.Store.Pause(t.Context(), opsdb.Pause{Subject: "location:cornell.lta", Who: "tester", Why: "later"}))
	h.fill("ccat.primecam", 16, 29_000)
	h.later(48 * time.Hour)
	if n := len(h.events(opsdb.EventFileDeleted)); n > 0 {
		t.Fatalf("%d files went with one archive copy of two", n)
	}
	held := h.packages()[0].Package.ID
	_, err := h.Store.Hold(t.Context(), opsdb.Hold{Package: held, Kind: opsdb.HoldDelete, Who: "tester", Why: "looks odd"})
	h.must(err)
	h.must(h.Store.Resume(t.Context(), "location:cornell.lta", "tester"))
	h.later(48 * time.Hour)
	gone := h.events(opsdb.EventFileDeleted)
	if len(gone) == 0 || len(gone) == 16 {
		t.Errorf("%d of 16 files went under pressure", len(gone))
	}
	for _, e := range gone {
		if e.Package == held {
			t.Error("a file of the held package went")
		}
	}
	r, err := h.Check(t.Context(), h.truth, false)
	h.must(err)
	for _, v := range r.Violations {
		t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
}

// Parts that withdrawn tasks left do not take room for ever; those of open tasks stay.
func TestLeftoversOfWithdrawnTasksGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	parts := map[opsdb.ID]string{}
	there := func() (n int) {
		_, err := h.Node.Reclaim(t.Context())
		h.must(err)
		for _, path := range parts {
			if _, err := os.Stat(path); err == nil {
				n++
			}
		}
		return n
	}
	h.Driver.Step = func(ctx context.Context) error {
		open, err := h.Store.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskScheduled)})
		if err != nil || len(open) == 0 || len(parts) > 0 {
			return err
		}
		folder := filepath.Join(h.Roots["cologne.buffer"], opsdb.PartDir)
		h.must(os.MkdirAll(folder, 0o755))
		for _, id := range []opsdb.ID{open[0].ID, opsdb.NewID()} { // one is open, one nobody knows
			parts[id] = filepath.Join(folder, storage.Attempt{Task: id, Epoch: open[0].Epoch, Token: 99}.Name())
			h.must(os.WriteFile(parts[id], []byte("half a package"), 0o644))
			h.must(os.Chtimes(parts[id], start, h.Clock.Now().Add(-48*time.Hour)))
		}
		if n := there(); n != 1 {
			t.Errorf("%d parts are left, want that of the open task", n)
		}
		return nil
	}
	h.run()
	if n := there(); n != 0 || len(parts) != 2 {
		t.Errorf("%d of %d parts are left when all is done", n, len(parts))
	}
	h.cleaned(h.judge())
}

// D7: a database of yesterday is put back after the sources are gone: the archives stay as they are, and nothing crosses the ocean again.
func TestDatabaseOfYesterday(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	h.shut()
	saved, err := os.ReadFile(h.DB())
	h.must(err)
	h.open()
	h.run()
	h.shut()
	for _, suffix := range []string{"-wal", "-shm"} {
		h.must(os.RemoveAll(h.DB() + suffix))
	}
	h.must(os.WriteFile(h.DB(), saved, 0o644))
	h.open()
	h.Clock.Advance(time.Minute)
	h.run()
	for _, f := range h.packages() {
		for _, at := range h.Archives() {
			if c := copyAt(f, at); c == nil || !c.Verified() {
				t.Errorf("the copy at %s is %+v", at, c)
			} else if _, err := os.Stat(filepath.Join(h.Roots[at], c.Path)); err != nil {
				t.Error(err)
			}
		}
	}
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}
