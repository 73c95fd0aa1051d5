package node

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/clock"
)

// Timer tells the store's time.
type Timer interface {
	Now(ctx context.Context) (time.Time, error)
}

// StoreClock is the clock of a store in another process, as this one knows
// it: asked now and then, and carried on by this host's own passing of time.
// So that what is due is due by one clock for all (S7), whatever this host's says.
type StoreClock struct {
	store  Timer
	passed func() time.Duration
	base   atomic.Int64 // store time in microseconds when passed was 0
}

// NewStoreClock asks the store for its time.
func NewStoreClock(ctx context.Context, store Timer) (*StoreClock, error) {
	c := &StoreClock{store: store, passed: clock.Monotonic()}
	return c, c.Ask(ctx)
}

// Ask sets the clock by the store's, allowing for half of the way there and back.
func (c *StoreClock) Ask(ctx context.Context) error {
	before := c.passed()
	now, err := c.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("ask the database for its time: %w", err)
	}
	c.base.Store(now.Add(-(before + c.passed()) / 2).UnixMicro())
	return nil
}

// Now implements [clock.Clock].
func (c *StoreClock) Now() time.Time {
	return clock.Trim(time.UnixMicro(c.base.Load()).Add(c.passed()))
}
