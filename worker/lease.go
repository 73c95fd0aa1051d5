package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// keep waits for the run to end. Meanwhile it renews the lease for as long as
// the watchdog is content; it cancels a run that is stuck, and one whose token
// is no longer the present one. Time is counted in ticks of its own, so that
// neither a host that slept nor a clock that was set makes a run look stuck.
func (w *Worker) keep(ctx context.Context, work *work, ended <-chan end, cancel context.CancelCauseFunc) end {
	tick := time.NewTicker(w.cfg.Check)
	defer tick.Stop()
	var unrenewed time.Duration
	for {
		select {
		case e := <-ended:
			return stopped(ctx, e)
		case <-ctx.Done():
			return stopped(ctx, w.abandon(ended, errors.New("cancelled")))
		case <-tick.C:
			if err := work.watch(w.cfg.Check); err != nil {
				cancel(err)
				return w.abandon(ended, err)
			}
			if unrenewed += w.cfg.Check; unrenewed < w.cfg.Renew {
				continue
			}
			unrenewed = 0
			if err := w.renew(ctx, work); err != nil {
				cancel(err)
				return w.abandon(ended, err)
			}
		}
	}
}

// stopped tells an error of a run that was stopped from one of its own.
func stopped(ctx context.Context, e end) end {
	if e.err != nil && ctx.Err() != nil {
		e.err = fmt.Errorf("%w: %w", errStopped, e.err)
	}
	return e
}

// renew prolongs the lease. That OpsDB is away is no reason to stop: the work
// goes on, and its result will find out whether the lease held.
func (w *Worker) renew(ctx context.Context, work *work) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Renew)
	defer cancel()
	t := work.a.Task
	p := work.progress()
	err := w.store.Renew(ctx, t.ID, t.Token, w.cfg.Lease, p.Phase, p.Done, p.Total)
	w.renewed(ctx, err)
	if errors.Is(err, opsdb.ErrStale) || errors.Is(err, opsdb.ErrNotFound) {
		return fmt.Errorf("renew the lease of task %s: %w", t.ID, err)
	}
	if err != nil {
		w.cfg.Log.WarnContext(ctx, "lease not renewed", "task", t.ID, "error", err)
	}
	return nil
}

// abandon waits a while for a cancelled run to end. One that does not is left
// behind: its Work no longer answers, and its files carry its own attempt's name.
func (w *Worker) abandon(ended <-chan end, cause error) end {
	late := time.NewTimer(w.cfg.Abandon)
	defer late.Stop()
	select {
	case e := <-ended:
		if e.err != nil {
			e.err = fmt.Errorf("%w (%w)", cause, e.err)
		}
		return e
	case <-late.C:
		return end{err: fmt.Errorf("%w; it did not end when cancelled", cause)}
	}
}
