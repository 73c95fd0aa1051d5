package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// mostTries is how often OpsDB may refuse a result, while it answers, before
// the attempt is recorded as failed instead.
const mostTries = 8

// Replay brings the results that wait in the journal into OpsDB, oldest
// first. It is called at the start, before every claim, and every [Config.Renew]. It fails, and
// leaves them waiting, only if OpsDB is away.
func (w *Worker) Replay(ctx context.Context) error {
	if w.cfg.Journal.Len() == 0 {
		return nil
	}
	w.replay.Lock()
	defer w.replay.Unlock()
	for _, r := range w.cfg.Journal.Waiting() {
		if err := w.again(ctx, r); err != nil {
			return fmt.Errorf("replay the result of task %s: %w", r.Task, err)
		}
	}
	return nil
}

func (w *Worker) again(ctx context.Context, r Result) error {
	err := w.resolve(ctx, r)
	if err == nil {
		return w.cfg.Journal.Done(r.ID)
	}
	if _, away := w.store.Now(ctx); away != nil {
		return err
	}
	w.cfg.Log.WarnContext(ctx, "OpsDB answers but does not take a result", "task", r.Task, "error", err)
	if w.cfg.Journal.again(r.ID) < mostTries {
		return nil
	}
	if err := w.write(ctx, refused(&r, err)); err != nil {
		w.cfg.Log.ErrorContext(ctx, "result is given up; its task is done again when its lease has expired", "task", r.Task, "error", err)
	}
	return w.cfg.Journal.Done(r.ID)
}

// resolve writes a result unless reading the task shows that this was done
// already, by a commit whose answer never came, or that it is too late.
func (w *Worker) resolve(ctx context.Context, r Result) error {
	t, err := w.store.Task(ctx, r.Task)
	if err != nil && !errors.Is(err, opsdb.ErrNotFound) {
		return err
	}
	switch {
	case err == nil && awaits(t, r):
		return w.write(ctx, &r)
	case err == nil && r.Kind == Finished && t.Epoch == r.Epoch && t.Token == r.Token && t.State == opsdb.TaskScheduled:
		return w.bring(ctx, t) // it was committed: the next piece is scheduled
	default:
		r.Kind = Dropped
		return w.write(ctx, &r)
	}
}

// awaits reports whether the task still is where the run left it. An expired
// lease makes it scheduled again with the token unchanged.
func awaits(t opsdb.Task, r Result) bool {
	return t.Epoch == r.Epoch && t.Token == r.Token && t.Piece == r.Piece &&
		(t.State == opsdb.TaskInProgress || t.State == opsdb.TaskScheduled)
}
