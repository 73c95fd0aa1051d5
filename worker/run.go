package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/opsdb"
)

// Run does the tasks of its sites until ctx is cancelled. Then it takes no
// more, lets what runs go on for [Config.Grace], gives the rest back, and
// removes the worker's row. That OpsDB is away for a while ends nothing. It
// returns nil after a graceful stop.
func (w *Worker) Run(ctx context.Context) error {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var row sync.WaitGroup
	row.Go(func() { w.presence(ctx, hard) })
	s := w.newSlots()
	w.pull(ctx, hard, s)
	s.stop(w.cfg.Grace)
	cancel()
	s.wg.Wait()
	row.Wait()
	return w.absent(ctx)
}

// presence renews the worker's row until the last task has ended: while tasks
// run in their grace the worker is still there. When OpsDB was away the row is renewed as soon
// as it is back: a site that is not seen for long enough is taken for dead, and what it has is sent elsewhere.
func (w *Worker) presence(ctx, hard context.Context) {
	for failed := 0; hard.Err() == nil; {
		next := w.cfg.Renew
		if err := errors.Join(w.present(hard), w.Replay(hard)); err == nil {
			failed = 0
		} else if failed++; hard.Err() == nil {
			next = min(next, w.delay(failed))
			w.cfg.Log.WarnContext(ctx, "OpsDB is away", "error", err)
		}
		pause(hard, next)
	}
}

func (w *Worker) absent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Write)
	defer cancel()
	if err := w.store.Absent(ctx, w.cfg.ID); err != nil {
		return fmt.Errorf("sign off worker %s: %w", w.cfg.ID, err)
	}
	return nil
}

// pull takes tasks from the queue, a few more than can run, so that one
// stage type at its limit does not keep the others waiting.
func (w *Worker) pull(ctx, hard context.Context, s *slots) {
	for s.enter(ctx) {
		id, err := w.queue.Next(ctx, w.cfg.Sites)
		if err != nil {
			s.leave()
			if ctx.Err() == nil {
				w.cfg.Log.WarnContext(ctx, "queue does not answer", "error", err)
				pause(ctx, baseDelay)
			}
			continue
		}
		run, over := w.kept(hard, id)
		s.wg.Go(func() {
			defer s.leave()
			over(w.serve(ctx, run, s, id))
		})
	}
	if k, ok := w.queue.(jobs.Keeper); ok {
		k.Leave()
	}
}

// kept is the context for the run of a task the queue has brought: a queue
// that keeps its jobs can end it. over says that the run has ended, and whether it was begun.
func (w *Worker) kept(ctx context.Context, id opsdb.ID) (run context.Context, over func(begun bool)) {
	if k, ok := w.queue.(jobs.Keeper); ok {
		return k.Keep(ctx, id)
	}
	return ctx, func(bool) {}
}

// serve does one task when there is a slot for it; while OpsDB is away it
// asks again, until it answers or the worker stops. The slot is for the run: while its result is
// recorded another one may begin. How many may wait to be recorded is bounded by what is in hand. What the worker stopped before it was begun
// others may begin; one whose claim OpsDB did not answer is refused to them if it was made.
func (w *Worker) serve(ctx, hard context.Context, s *slots, id opsdb.ID) (begun bool) {
	free, ok := s.take(ctx, w, id)
	if !ok {
		return false
	}
	defer free()
	for n := 1; ctx.Err() == nil && hard.Err() == nil; n++ {
		ran, err := w.runTask(hard, id, free)
		if err != nil {
			w.cfg.Log.WarnContext(ctx, "task", "task", id, "error", err)
		}
		if ran || err == nil {
			return true
		}
		pause(ctx, min(w.delay(n), w.cfg.Renew))
	}
	return false
}

// Taker is a queue that can say that nothing waits, as an in-process one can.
type Taker interface {
	Take(sites []string) (opsdb.ID, bool)
}

// Drain does everything that waits in the queue for its sites now, and what
// comes while it does, within the same limits as Run; it returns how many
// tasks it ran when nothing waits and nothing runs. It is the step of a driver
// with a clock of its own, and needs a queue that is a [Taker]. Errors are
// those of RunTask; what runs is cancelled with ctx.
func (w *Worker) Drain(ctx context.Context) (ran int, err error) {
	queue, ok := w.queue.(Taker)
	if !ok {
		return 0, errors.New("drain the queue: it cannot say that it is empty")
	}
	s := w.newSlots()
	ended := make(chan error)
	running := 0
	for {
		for ctx.Err() == nil {
			id, waits := queue.Take(w.cfg.Sites)
			if !waits {
				break
			}
			running++
			go func() { ended <- w.drainOne(ctx, s, id, &ran) }()
		}
		if running == 0 {
			return ran, errors.Join(err, ctx.Err())
		}
		err = errors.Join(err, <-ended)
		running--
	}
}

func (w *Worker) drainOne(ctx context.Context, s *slots, id opsdb.ID, ran *int) error {
	free, ok := s.take(ctx, w, id)
	if !ok {
		return nil
	}
	defer free()
	did, err := w.RunTask(ctx, id)
	if did {
		s.mu.Lock()
		*ran++
		s.mu.Unlock()
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
