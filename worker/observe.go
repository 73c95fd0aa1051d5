package worker

import (
	"context"
	"errors"
	"time"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
)

// observe begins the span of a run and counts it as running. The function it
// returns ends both, with the result as it will be recorded.
func (w *Worker) observe(ctx context.Context, a *opsdb.Assignment) (context.Context, func(*Result)) {
	t := &a.Task
	from := w.cfg.Clock.Now()
	waited := t.Waits.Spent(t.UpdatedAt) // until the claim
	w.waited(ctx, t, waited)
	w.cfg.Measure.Running(ctx, t.Type, w.running(t.Type, 1))
	ctx, over := w.cfg.Tracer.Attempt(ctx, measure.Attempt{
		Task: measured(t), Package: string(t.Package), ID: string(t.ID), Site: t.Site(), Worker: w.cfg.ID, Token: t.Token, Bytes: t.Bytes,
		Waited: waited,
	})
	return ctx, func(r *Result) {
		now := w.cfg.Clock.Now()
		w.cfg.Measure.Running(ctx, t.Type, w.running(t.Type, -1))
		w.cfg.Measure.Ended(ctx, measured(t), string(r.Kind), failureClass(r), now.Sub(from), t.Bytes)
		if s := r.Outcome.Sent; s != nil {
			w.cfg.Measure.Crossed(ctx, s.Link, s.Bytes, s.Kept, s.Arrived)
		}
		if r.Kind == Finished && a.ToType == opsdb.Archive && t.Type == "archive" {
			w.cfg.Measure.Archived(ctx, t.Route, t.To, now.Sub(a.Package.MadeAt))
		}
		w.say(ctx, a, r, now.Sub(from))
		over(string(r.Kind), failureOf(r))
	}
}

// waited measures what an attempt waited for.
func (w *Worker) waited(ctx context.Context, t *opsdb.Task, waited map[string]time.Duration) {
	for reason, d := range waited {
		if reason == opsdb.ForClaim {
			w.cfg.Measure.Claimed(ctx, t.Type, t.Site(), d)
		} else {
			w.cfg.Measure.Waited(ctx, t.Type, reason, d)
		}
	}
}

// running counts the tasks of a type that run here.
func (w *Worker) running(stageType string, more int) int {
	w.counting.Lock()
	defer w.counting.Unlock()
	w.runs[stageType] += more
	return w.runs[stageType]
}

// measured is a task in the words of which there are few.
func measured(t *opsdb.Task) measure.Task {
	return measure.Task{Type: t.Type, Route: t.Route, Stage: t.Stage, To: t.To, Link: t.Link, Piece: string(t.Piece)}
}

func failureClass(r *Result) string {
	if r.Failure == nil {
		return ""
	}
	return string(r.Failure.Class)
}

// failureOf is what a span shows as its error; a task given back is none.
func failureOf(r *Result) error {
	if r.Failure == nil {
		return nil
	}
	return errors.New(r.Failure.Text)
}

// tell measures the bytes that moved since it was last called. k.mu is held.
func (k *work) tell() {
	done := k.done.Load()
	if n := done - k.told; n > 0 {
		k.told = done
		k.w.cfg.Measure.Moved(context.Background(), measured(&k.a.Task), k.phase.Name, n)
	}
}

// renewed counts a renewal of a lease.
func (w *Worker) renewed(ctx context.Context, err error) {
	switch {
	case err == nil:
		w.lastRenewed.Store(max(1, int64(w.since())))
		w.cfg.Measure.Renewed(ctx, "ok")
	case errors.Is(err, opsdb.ErrStale), errors.Is(err, opsdb.ErrNotFound):
		w.cfg.Measure.Renewed(ctx, "lost")
	default:
		w.cfg.Measure.Renewed(ctx, "failed")
	}
}

// Spoken is how long ago OpsDB last took the worker's row or a lease's
// renewal, by a clock that cannot be set; negative: never yet.
func (w *Worker) Spoken() time.Duration {
	last := w.lastRenewed.Load()
	if last == 0 {
		return -1
	}
	return w.since() - time.Duration(last)
}

// Renewal is how often leases and the worker's row are renewed.
func (w *Worker) Renewal() time.Duration { return w.cfg.Renew }
