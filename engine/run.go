package engine

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// shortest is the least time between two rounds of housekeeping that a timer
	// starts: what is due but cannot be done must not keep the loop spinning.
	shortest = 50 * time.Millisecond
	// tidy is how long the housekeeping waits after a pass that did something, so
	// that it comes once for many.
	tidy = 200 * time.Millisecond
	// breath is how long the loop leaves what it has just dispatched to the workers
	// before it looks at it again: their claim comes first, and both are seen at once.
	breath = 10 * time.Millisecond
)

// Poke asks for a pass soon: a virtual clock was moved, say.
func (e *Engine) Poke() { tell(e.poke) }

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and returns ctx.Err(). Two loops go side by side.
// One serves changed facts, whenever they change, and does what follows from
// them and nothing else. The other keeps house when something is due, soon after
// anything was done, and every so often: the clock, what expired, room, the audit
// chain. Every so often (the sweep) the first one looks though nobody told it
// to, in case a wake-up was lost; see [Engine.SweepFinds]. An error ends a round,
// is logged, and the next round comes after a while.
func (e *Engine) Run(ctx context.Context) error {
	var house sync.WaitGroup
	house.Go(func() { e.keepHouse(ctx) })
	e.serve(ctx)
	house.Wait()
	return ctx.Err()
}

// SweepFinds is how many looks of the sweep found something that no wake-up had told of.
func (e *Engine) SweepFinds() int64 { return e.found.Load() }

// serve makes light passes until ctx ends.
func (e *Engine) serve(ctx context.Context) {
	for swept, failed := false, 0; ctx.Err() == nil; {
		did, err := e.measured(ctx, e.light)
		if failed++; err == nil {
			failed = 0
			e.wentWell()
		} else if ctx.Err() == nil {
			e.cfg.Log.ErrorContext(ctx, "a pass ended early", "error", err)
		}
		if swept && err == nil && !did.Idle() {
			e.found.Add(1)
			e.cfg.Log.WarnContext(ctx, "the sweep found what no wake-up had told of", "files", did.Routed, "packages", did.Evaluated, "tasks", did.Dispatched)
		}
		if !did.Idle() {
			tell(e.stir)
		}
		swept = e.sleep(ctx, e.rest(did, failed))
	}
}

// afterErrors is how long to sleep after so many errors in a row: a longer while each time.
func (e *Engine) afterErrors(failed int) time.Duration {
	return min(e.cfg.Sweep, 20*shortest<<min(failed-1, 4))
}

// rest is how long to sleep if nothing wakes the loop; 0: not at all. failed is how many passes in a row did.
func (e *Engine) rest(did Progress, failed int) time.Duration {
	switch {
	case failed > 0:
		return e.afterErrors(failed)
	case did.Dispatched > 0 || e.left.Load():
		return breath
	case !did.Idle():
		return 0
	}
	return e.cfg.Sweep
}

// sleep waits to be woken, and reports whether it was the sweep that did it.
func (e *Engine) sleep(ctx context.Context, d time.Duration) (swept bool) {
	if d == 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		return d == e.cfg.Sweep
	case <-e.poke:
	case <-e.cfg.Store.Changed():
	}
	return false
}

// light is what a changed fact waits for: files, groups, packages, dispatch. It
// does not look again at what it has dispatched itself.
func (e *Engine) light(ctx context.Context) (did Progress, err error) {
	e.pass.Lock()
	defer e.pass.Unlock()
	p := e.inForce()
	if p == nil {
		return did, ErrNotActive
	}
	if done, err := e.hinted(ctx, p, &did); done || err != nil {
		return did, err
	}
	for range maxRounds {
		far, rest, err := e.round(ctx, p, &did)
		if err != nil || !rest {
			return did, err
		}
		if far != gathered {
			break
		}
	}
	return did, e.dispatchAll(ctx, p, &did)
}

// keepHouse keeps house until ctx ends, and has looked at what is due.
func (e *Engine) keepHouse(ctx context.Context) {
	for due, failed := false, 0; ctx.Err() == nil; {
		var next time.Time
		_, err := e.measured(ctx, func(ctx context.Context) (did Progress, err error) {
			did, next, err = e.housekeeping(ctx)
			return did, err
		})
		if failed++; err == nil {
			failed = 0
		} else if ctx.Err() == nil && !errors.Is(err, ErrNotActive) {
			e.cfg.Log.ErrorContext(ctx, "housekeeping ended early", "error", err)
		}
		if due {
			e.Poke()
		}
		e.idle(ctx, next, failed)
		due = !next.IsZero() && !next.After(e.cfg.Clock.Now())
	}
}

// housekeeping is one round beside the passes. What it makes dirty wakes them.
func (e *Engine) housekeeping(ctx context.Context) (did Progress, next time.Time, err error) {
	e.house.Lock()
	defer e.house.Unlock()
	p := e.inForce()
	if p == nil {
		return did, next, ErrNotActive
	}
	for _, step := range []func(context.Context, *plans, *Progress) error{e.tick, e.expire, e.pressBeside, e.chain} {
		if err := step(ctx, p, &did); err != nil {
			return did, next, err
		}
	}
	next, err = e.due(ctx)
	return did, next, err
}

// idle sleeps until something is due, or a while after anything was done.
func (e *Engine) idle(ctx context.Context, next time.Time, failed int) {
	wait, stir := e.cfg.Sweep, e.stir
	switch {
	case failed > 0:
		wait = e.afterErrors(failed)
	case !next.IsZero():
		wait = min(wait, max(shortest, next.Sub(e.cfg.Clock.Now())))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-stir:
			if wait > tidy {
				timer.Reset(tidy)
			}
			stir = nil
			continue
		}
		return
	}
}
