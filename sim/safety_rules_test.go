package sim_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

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
	all, err := h.Store.Tasks(t.Context(), opsdb.Query{})
	h.must(err)
	twice := 0
	for _, task := range all {
		if task.Token > 1 {
			twice++
		}
	}
	if twice == 0 {
		t.Error("no task was claimed twice")
	}
	h.cleaned(h.judge())
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
