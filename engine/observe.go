package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ccatobs/cdt/measure"
)

// measured is a round of one of the loops, with what it took and did written down.
func (e *Engine) measured(ctx context.Context, round func(context.Context) (Progress, error)) (Progress, error) {
	from := e.since()
	did, err := round(ctx)
	now := e.since()
	if ctx.Err() == nil && !errors.Is(err, ErrNotActive) {
		e.cfg.Measure.Pass(ctx, now-from, measure.Did(did), err != nil)
	}
	return did, err
}

// wentWell notes that a pass has ended well.
func (e *Engine) wentWell() { e.passed.Store(max(1, int64(e.since()))) }

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
