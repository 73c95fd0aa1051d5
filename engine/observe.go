package engine

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/measure"
)

// measured is a pass, with what it took and did written down.
func (e *Engine) measured(ctx context.Context) (did Progress, next time.Time, err error) {
	from := e.since()
	did, next, err = e.Pass(ctx)
	now := e.since()
	if ctx.Err() != nil {
		return did, next, err
	}
	if err == nil {
		e.passed.Store(max(1, int64(now)))
	}
	e.cfg.Measure.Pass(ctx, now-from, measure.Did(did), err != nil)
	return did, next, err
}

// Passed is how long ago a pass of the loop last ended well, by a clock that
// cannot be set; negative: none has yet.
func (e *Engine) Passed() time.Duration {
	last := e.passed.Load()
	if last == 0 {
		return -1
	}
	return e.since() - time.Duration(last)
}

// Sweep is how long the loop sleeps at most between two passes.
func (e *Engine) Sweep() time.Duration { return e.cfg.Sweep }
