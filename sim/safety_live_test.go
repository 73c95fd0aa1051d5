package sim_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// tiny gives every buffer so little room that few packages of 60 KB fit.
func tiny(t *testing.T, files map[string][]byte, capacity string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, text := range files {
		s := string(text)
		s = strings.ReplaceAll(s, "disk: {path: /data/buffer}, capacity: 200TB}", "disk: {path: /data/buffer}}")
		s = strings.ReplaceAll(s, "disk: {path: /data/buffer}}", "disk: {path: /data/buffer}, capacity: "+capacity+"}")
		s = strings.ReplaceAll(s, "max_size: 50GB", "max_size: 60KB")
		s = strings.ReplaceAll(s, "GB(50)", "KB(60)")
		out[name] = []byte(s)
	}
	return out
}

// Full buffers everywhere, fed from the telescope, from both archive sites and by the back-fill of a new one, never deadlock.
func TestTinyBuffersNeverDeadlock(t *testing.T) {
	t.Parallel()
	for _, capacity := range []string{"260KB", "300KB", "700KB"} {
		t.Run(capacity, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, tiny(t, ccat(t), capacity))
			h.fill("ccat.primecam", 16, 25_000)
			h.run()
			h.cleaned(h.judge())
			h.reopen(tiny(t, bonn(t), capacity))
			for i := range 16 { // fresh data beside the back-fill
				h.put("ccat.chai", fmt.Sprintf("new%d/f%d", i/2, i), noise(uint64(900+i), 25_000))
			}
			h.run()
			h.cleaned(h.judge())
			for p, n := range h.crossings("ccat") {
				if n != 1 {
					t.Errorf("package %s left the observatory %d times", p, n)
				}
			}
		})
	}
}

// A buffer smaller than one package of max_size: what fits goes, what does not is blocked and says why, and goes on when there is room.
func TestBufferSmallerThanAPackage(t *testing.T) {
	t.Parallel()
	small := tiny(t, ccat(t), "300KB")
	h := newHouse(t, small)
	h.put("ccat.primecam", "big/m/f", noise(1, 400_000))
	h.put("ccat.primecam", "small/m/f", noise(2, 20_000))
	h.run()
	if got := h.reasons("ccat.buffer"); got != "blocked:too_large" {
		t.Errorf("what does not fit is %q", got)
	}
	archived := 0
	for _, p := range h.packages() {
		if c := copyAt(p, "cornell.lta"); c != nil && c.Verified() {
			archived++
		}
	}
	if archived != 1 {
		t.Errorf("%d packages are archived, want the one that fits", archived)
	}
	h.reopen(tiny(t, ccat(t), "2MB"))
	h.run()
	h.cleaned(h.judge())
}

// Attempts end: the package is blocked with the cause, and goes on when a person mended it and says so.
func TestRetriesEndAndGoOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	obstacles := []string{filepath.Join(h.Roots["cologne.buffer"], "raw"), filepath.Join(h.Roots["cornell.buffer"], "raw")}
	for _, path := range obstacles {
		h.must(os.WriteFile(path, []byte("a file where a folder belongs"), 0o644))
	}
	h.fill("ccat.primecam", 4, 20_000)
	h.run()
	got := h.reasons("cologne.buffer") + " " + h.reasons("cornell.buffer")
	if !strings.Contains(got, "blocked:") || strings.Contains(got, "ready:") {
		t.Fatalf("after all attempts the moves are %q", got)
	}
	failed, err := h.Store.Tasks(t.Context(), opsdb.Query{State: string(opsdb.TaskFailed)})
	h.must(err)
	if len(failed) == 0 {
		t.Fatal("no task failed")
	}
	for _, path := range obstacles {
		h.must(os.Remove(path))
	}
	for _, task := range failed {
		if task.Failure == nil || task.Failure.Text == "" {
			t.Errorf("task %s says no cause: %+v", task.ID.Short(), task.Failure)
		}
		h.must(h.Store.Retry(t.Context(), task.ID, "tester", "mended"))
	}
	h.run()
	h.cleaned(h.judge())
}

// A location away for days is waited for, others are served meanwhile, and everything goes on by itself.
func TestLocationAwayForDays(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"ccat.buffer", "cologne.buffer", "cologne.lta", "cornell.lta", "ccat.primecam"} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, ccat(t))
			h.fill("ccat.chai", 2, 20_000)
			back := h.unmount(location)
			if location != "ccat.primecam" {
				h.fill("ccat.primecam", 4, 20_000)
			}
			for range 5 {
				h.Clock.Advance(24 * time.Hour)
				h.later(time.Hour)
			}
			back()
			h.Clock.Advance(time.Minute)
			h.run()
			h.cleaned(h.judge())
			for p, n := range h.crossings("ccat") {
				if n != 1 {
					t.Errorf("package %s left the observatory %d times", p, n)
				}
			}
		})
	}
}

// Over a year copies rot at random; the scrub finds each within its cycle, and the good ones repair them.
func TestScrubOverAYear(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 16, 10_000)
	h.run()
	rnd := rand.New(rand.NewPCG(1, 2))
	spoilt := map[opsdb.ID]time.Time{}
	last := h.Clock.Now()
	harmed := 0
	h.Driver.Step = func(context.Context) error {
		if h.Clock.Now().Sub(last) < 9*24*time.Hour {
			return nil
		}
		last = h.Clock.Now()
		all := h.packages()
		f := all[rnd.IntN(len(all))]
		at := h.Archives()[rnd.IntN(2)]
		c := copyAt(f, at)
		if !spoilt[f.Package.ID].IsZero() || c == nil || c.State != opsdb.Present {
			return nil
		}
		spoilt[f.Package.ID] = last
		harmed++
		h.flip(filepath.Join(h.Roots[at], c.Path))
		return nil
	}
	h.Driver.Stop = func(ctx context.Context, next time.Time) (bool, error) {
		totals, err := h.Store.Totals(ctx)
		h.must(err)
		for _, at := range h.Archives() {
			if age := h.Clock.Now().Sub(totals.Unverified[at]); totals.Unverified[at].IsZero() || age > 92*24*time.Hour {
				t.Errorf("at %s the oldest reading is %s old", at, age)
			}
		}
		for id, since := range spoilt {
			bad := 0
			for _, f := range h.packages() {
				for _, c := range f.Copies {
					if f.Package.ID == id && c.State == opsdb.Quarantined {
						bad++
					}
				}
			}
			switch age := h.Clock.Now().Sub(since); {
			case bad > 0:
				delete(spoilt, id)
			case age > 92*24*time.Hour:
				t.Errorf("package %s is corrupt since %s, and nobody saw it", id, age)
				delete(spoilt, id)
			}
		}
		return next.IsZero() || h.Clock.Now().Sub(start) > 400*24*time.Hour, nil
	}
	h.run()
	h.Driver.Step = nil
	if harmed < 5 {
		t.Fatalf("only %d copies were harmed", harmed)
	}
	for _, f := range h.packages() {
		h.must(h.Store.WantVerify(t.Context(), f.Package.ID, "", "tester"))
	}
	h.reopen(nil)
	h.run()
	h.cleaned(h.judge())
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}

// A planned archive is validated and not wanted; when it is active everything is brought there.
func TestPlannedSiteBecomesActive(t *testing.T) {
	t.Parallel()
	planned := map[string][]byte{}
	for name, text := range bonn(t) {
		planned[name] = []byte(strings.ReplaceAll(string(text), "    name: University of Bonn\n", "    name: University of Bonn\n    state: planned\n"))
	}
	h := newHouse(t, planned)
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	for _, p := range h.packages() {
		if c := copyAt(p, "bonn.buffer"); c != nil {
			t.Errorf("at a planned site stands %+v", c)
		}
	}
	h.reopen(bonn(t))
	h.put("ccat.primecam", "late/m/f", noise(5, 5000))
	h.run()
	h.cleaned(h.judge())
}

// E12: while packages are under way a route gets another limit, a buffer less room, a stage another choice: nothing is lost or sent twice.
func TestRoutesEditedWithPackagesUnderWay(t *testing.T) {
	t.Parallel()
	edits := []map[string][]byte{
		tiny(t, ccat(t), "900KB"), tiny(t, edited(t, "choose: order ", "choose: round_robin "), "400KB"),
		tiny(t, edited(t, "landing:  [cologne.buffer, cornell.buffer]", "landing:  [cornell.buffer, cologne.buffer]"), "300KB"), tiny(t, bonn(t), "300KB"),
	}
	h := newHouse(t, edits[0])
	h.fill("ccat.primecam", 20, 25_000)
	for i := range 12 {
		steps := 0
		h.Driver.Step = func(context.Context) error {
			if steps++; steps > 1+i%4 {
				return errKilled
			}
			return nil
		}
		if err := h.Run(t.Context()); err != nil && !strings.Contains(err.Error(), errKilled.Error()) {
			t.Fatal(err)
		}
		h.reopen(edits[min(i/3, len(edits)-1)])
	}
	h.run()
	h.cleaned(h.judge())
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}
