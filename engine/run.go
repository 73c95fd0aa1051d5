package engine

import (
	"context"
	"time"
)

// shortest is the least time between two passes that a timer starts: what is
// due but cannot be done must not keep the loop spinning.
const shortest = 50 * time.Millisecond

// Poke asks for a pass soon: a virtual clock was moved, say.
func (e *Engine) Poke() {
	select {
	case e.poke <- struct{}{}:
	default:
	}
}

// Run makes passes until ctx ends: whenever facts change, when something is
// due, and every so often (the sweep) in case a wake-up was lost. An error of a
// pass is logged, and the next pass comes after a while, a longer one each time. It returns ctx.Err().
func (e *Engine) Run(ctx context.Context) error {
	for failed := 0; ; {
		did, next, err := e.measured(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			e.cfg.Log.ErrorContext(ctx, "a pass ended early", "error", err)
			failed++
		} else {
			failed = 0
		}
		if err := e.sleep(ctx, e.pause(did, next, failed)); err != nil {
			return err
		}
	}
}

// pause is how long to sleep if nothing wakes the loop; failed is how many passes in a row did.
func (e *Engine) pause(did Progress, next time.Time, failed int) time.Duration {
	wait := e.cfg.Sweep
	if failed > 0 {
		return min(wait, 20*shortest<<min(failed-1, 4))
	}
	if !next.IsZero() {
		wait = min(wait, next.Sub(e.cfg.Clock.Now()))
	}
	if did.Dispatched > 0 || did.Evaluated > 0 {
		wait = min(wait, 20*shortest)
	}
	return max(wait, shortest)
}

func (e *Engine) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	case <-e.poke:
	case <-e.cfg.Store.Changed():
	}
	return nil
}
