package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// untold is a store whose changes nobody is told of. It tells when an engine looked and found nothing.
type untold struct {
	*sqlite.Store
	idle chan struct{}
}

func (untold) Changed() <-chan struct{} { return nil }

func (u untold) Todo(ctx context.Context, limit int) (opsdb.Todo, error) {
	todo, err := u.Store.Todo(ctx, limit)
	if err == nil && len(todo.Unrouted)+len(todo.Groups)+len(todo.Dirty) == 0 {
		select {
		case u.idle <- struct{}{}:
		default:
		}
	}
	return todo, err
}

// running runs an engine over a play's store until the test ends.
func (p *play) running(store engine.Store, sweep time.Duration) (e *engine.Engine, tasks <-chan opsdb.Task) {
	p.t.Helper()
	made := make(chan opsdb.Task, 100)
	e = engine.New(engine.Config{Store: store, Clock: p.clock, Sweep: sweep, Enqueue: func(_ context.Context, tasks []opsdb.Task) error {
		for _, task := range tasks {
			made <- task
		}
		return nil
	}})
	if _, err := e.Activate(p.ctx, p.g, opsdb.Revision{Who: "ann", Text: "{}"}); err != nil {
		p.t.Fatal(err)
	}
	p.must(p.store.Present(p.ctx, opsdb.Worker{ID: "w", Sites: []string{"ccat", "cologne", "cornell"}}))
	ctx, cancel := context.WithCancel(p.ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			p.t.Errorf("the engine ended: %v", err)
		}
	})
	return e, made
}

// until asks again and again, for two minutes at most.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("not in two minutes: %s", what)
		}
	}
}

// TestSweepFindsWhatNobodyTold: a lost wake-up costs a delay, and is counted.
func TestSweepFindsWhatNobodyTold(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	u := untold{p.store, make(chan struct{})}
	e, tasks := p.running(u, 200*time.Millisecond)
	for n := 0; n < 10 && e.SweepFinds() == 0; n++ {
		<-u.idle // from now on only the sweep looks
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", n), 1, gb)
		<-tasks
		<-u.idle
	}
	if e.SweepFinds() == 0 {
		t.Error("no find of the sweep was counted")
	}
}

// TestWhatIsToldIsNoFind: with wake-ups, and a sweep that is far off, everything goes and nothing is counted.
func TestWhatIsToldIsNoFind(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	e, tasks := p.running(p.store, time.Hour)
	for n := range 3 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", n), 1, gb)
		if task := <-tasks; task.Stage != "pack" {
			t.Errorf("task %+v", task)
		}
	}
	if n := e.SweepFinds(); n != 0 {
		t.Errorf("%d finds", n)
	}
}

// TestHouseIsKeptBeside: the loop chains the audit trail and does what is due, though no pass of its own does.
func TestHouseIsKeptBeside(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	_, tasks := p.running(p.store, time.Hour)
	p.observe("ccat.primecam", "obs", 1, gb)
	task := <-tasks
	chained := func() bool {
		for e, err := range p.store.Events(p.ctx, 0) {
			p.must(err)
			if e.Seq == 0 {
				return false
			}
		}
		return true
	}
	until(t, "all events are chained", chained)
	p.clock.Advance(3 * time.Minute) // nobody claimed it in time
	p.must(p.store.Present(p.ctx, opsdb.Worker{ID: "w", Sites: []string{"ccat", "cologne", "cornell"}}))
	p.observe("ccat.primecam", "other", 1, gb)
	until(t, "what nobody claimed is withdrawn", func() bool {
		now, err := p.store.Task(p.ctx, task.ID)
		p.must(err)
		return now.State == opsdb.TaskWithdrawn
	})
}
