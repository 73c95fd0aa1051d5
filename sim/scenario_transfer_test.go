package sim_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
	"github.com/ccatobs/cdt/sim"
)

// whenShipped calls do once, between the dispatch of the first package over
// the ocean and its turn.
func (h *house) whenShipped(do func(opsdb.Task)) {
	h.t.Helper()
	h.whenScheduled("ship", do)
}

// whenScheduled calls do once, between the dispatch of the first send of a stage and its turn.
func (h *house) whenScheduled(stage string, do func(opsdb.Task)) {
	h.t.Helper()
	done := false
	h.Driver.Step = func(ctx context.Context) error {
		tasks, err := h.Store.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskScheduled)})
		for _, task := range tasks {
			if task.Stage == stage && task.Piece == opsdb.Send && !done {
				done = true
				do(task)
			}
		}
		return err
	}
	h.t.Cleanup(func() {
		if !done {
			h.t.Errorf("no package was dispatched by the stage %s", stage)
		}
	})
}

// once wants every package to have left the observatory exactly once.
func (h *house) once() {
	h.t.Helper()
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			h.t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}

// B3: what is to be sent is gone before its turn: it is found missing, made again from the source, and sent.
func TestB3SourceGoneBeforeItsTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 6, 20_000)
	h.whenShipped(func(task opsdb.Task) {
		facts, err := h.Store.Facts(t.Context(), []opsdb.ID{task.Package})
		h.must(err)
		h.must(os.Remove(filepath.Join(h.Roots["ccat.buffer"], copyAt(facts[0], "ccat.buffer").Path)))
	})
	h.run()
	h.cleaned(h.judge()) // the checker counts the crossings
	if n := len(h.events(opsdb.EventCopyLost)); n != 1 {
		t.Errorf("%d copies were called lost, want 1", n)
	}
}

// B3: the place closes before the turn of what goes there: it goes another way, and nothing is sent twice.
func TestB3PlaceClosedBeforeItsTurn(t *testing.T) {
	t.Parallel()
	for name, shut := range map[string]func(h *house, at string) (open func()){
		"paused": func(h *house, at string) func() {
			h.must(h.Store.Pause(h.t.Context(), opsdb.Pause{Subject: "location:" + at, Who: "tester", Why: "maintenance"}))
			return func() { h.must(h.Store.Resume(h.t.Context(), "location:"+at, "tester")) }
		},
		"not mounted": func(h *house, at string) func() { return h.unmount(at) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, ccat(t))
			h.fill("ccat.primecam", 6, 20_000)
			var open func()
			h.whenShipped(func(task opsdb.Task) { open = shut(h, task.To) })
			h.until("the other archive has all", func() bool {
				for _, f := range h.packages() {
					if c := copyAt(f, "cornell.lta"); c == nil || !c.Verified() {
						return false
					}
				}
				return open != nil
			})
			open()
			h.Clock.Advance(time.Minute)
			h.run()
			h.cleaned(h.judge())
			h.once()
		})
	}
}

// B6: the other side has the package already, brought by somebody else: it is read, taken over and not sent.
func TestB6TheOtherSideHasItAlready(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	var brought os.FileInfo
	var path string
	h.whenShipped(func(task opsdb.Task) {
		facts, err := h.Store.Facts(t.Context(), []opsdb.ID{task.Package})
		h.must(err)
		rel := copyAt(facts[0], "ccat.buffer").Path
		bytes, err := os.ReadFile(filepath.Join(h.Roots["ccat.buffer"], rel))
		h.must(err)
		path = filepath.Join(h.Roots[task.To], rel)
		h.must(os.MkdirAll(filepath.Dir(path), 0o755))
		h.must(os.WriteFile(path, bytes, 0o644))
		brought, err = os.Stat(path)
		h.must(err)
	})
	var same atomic.Bool
	h.runHooked(func(name string) {
		if name != "worker.finish.after" || brought == nil {
			return
		}
		now, err := os.Stat(path)
		for _, f := range h.packages() {
			if c := copyAt(f, "cologne.buffer"); c != nil && c.Verified() && err == nil && os.SameFile(now, brought) {
				same.Store(true)
			}
		}
	})
	h.cleaned(h.judge())
	if !same.Load() {
		t.Error("the copy that was there was not the one that counted")
	}
}

// fragile is a database that can be away for the workers.
type fragile struct {
	sim.Store
	away    atomic.Bool
	sends   atomic.Int64 // claimed: over the ocean
	goes    atomic.Bool  // away as soon as a send is claimed
	refused atomic.Int64
}

var errAway = errors.New("the database is away")

func (f *fragile) gone() error {
	if f.away.Load() {
		f.refused.Add(1)
		return errAway
	}
	return nil
}

func (f *fragile) Claim(ctx context.Context, task opsdb.ID, worker string, lease time.Duration) (*opsdb.Assignment, error) {
	if err := f.gone(); err != nil {
		return nil, err
	}
	a, err := f.Store.Claim(ctx, task, worker, lease)
	if err == nil && a.Task.Stage == "ship" && a.Task.Piece == opsdb.Send {
		f.sends.Add(1)
		f.away.Store(f.goes.Swap(false))
	}
	return a, err
}

func (f *fragile) Finish(ctx context.Context, task opsdb.ID, token int64, out opsdb.Outcome) (opsdb.Task, error) {
	if err := f.gone(); err != nil {
		return opsdb.Task{}, err
	}
	return f.Store.Finish(ctx, task, token, out)
}

func (f *fragile) Renew(ctx context.Context, task opsdb.ID, token int64, lease time.Duration, phase string, done, total int64) error {
	return errors.Join(f.gone(), f.Store.Renew(ctx, task, token, lease, phase, done, total))
}

func (f *fragile) Task(ctx context.Context, id opsdb.ID) (opsdb.Task, error) {
	if err := f.gone(); err != nil {
		return opsdb.Task{}, err
	}
	return f.Store.Task(ctx, id)
}

func (f *fragile) Now(ctx context.Context) (time.Time, error) {
	if err := f.gone(); err != nil {
		return time.Time{}, err
	}
	return f.Store.Now(ctx)
}

// B5: the database dies during a transfer: its result is kept and recorded when it is back, and nothing is sent again.
func TestB5DatabaseDiesInATransfer(t *testing.T) {
	t.Parallel()
	db := &fragile{}
	cfg := stand(t, houseConfig(t, ccat(t)))
	inner := cfg.Store
	cfg.Store = func(ctx context.Context, c clock.Clock) (_ sim.Store, err error) {
		if inner == nil {
			db.Store, err = sqlite.Open(ctx, filepath.Join(cfg.Root, "cdt.db"), sqlite.Options{Clock: c})
		} else {
			db.Store, err = inner(ctx, c)
		}
		return db, err
	}
	cfg.AtOnce = 1
	h := openHouse(t, cfg)
	h.fill("ccat.primecam", 2, 200_000)
	db.goes.Store(true)
	if err := h.Run(t.Context()); !errors.Is(err, errAway) {
		t.Fatalf("with the database away the run ends with %v", err)
	}
	if db.sends.Load() != 1 || db.refused.Load() == 0 {
		t.Fatalf("%d transfers, %d calls refused: the database did not die in one", db.sends.Load(), db.refused.Load())
	}
	db.away.Store(false)
	h.Clock.Advance(10 * time.Minute) // the lease has ended long ago
	h.run()
	h.cleaned(h.judge())
	if n := db.sends.Load(); n != 1 {
		t.Errorf("the package was sent %d times", n)
	}
}

// E5: the processes end in the midst of a transfer and are started again: it goes on, and nothing is lost or there twice.
func TestE5RestartWithWorkRunning(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"disk.sync.before", "disk.rename.before", "worker.finish.before", "worker.finish.after", "builtin.confirm.after"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, ccat(t))
			h.fill("ccat.primecam", 8, 20_000)
			ended := 0
			for n := int64(1); n <= 13; n += 3 {
				if h.cutRun(at, n) {
					ended++
				}
				h.reopen(nil)
			}
			if ended == 0 {
				t.Fatalf("nothing ran at %s", at)
			}
			h.run()
			h.cleaned(h.judge())
			h.once()
		})
	}
}

// cutRun runs until the n-th time that an effect is met, and ends everything there; false: it never was.
func (h *house) cutRun(at string, n int64) bool {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	var met atomic.Int64
	err := h.Run(effect.With(ctx, &effect.Points{Hook: func(name string) {
		if name == at && met.Add(1) == n {
			cancel()
		}
	}}))
	if met.Load() < n {
		h.must(err)
	}
	return met.Load() >= n
}
