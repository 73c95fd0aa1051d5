// Package clock is time as a thing that is handed in.
//
// Production uses [System]; the demo, the simulator and tests use a [Virtual]
// clock that stands still until somebody moves it. Nothing else in CDT asks
// the operating system for the time.
package clock

import (
	"sync"
	"time"
)

// A Clock tells the time. Now is in UTC, truncated to microseconds, which is
// what every OpsDB can hold.
type Clock interface {
	Now() time.Time
}

// System is the operating system's clock.
type System struct{}

// Now implements [Clock].
func (System) Now() time.Time { return Trim(time.Now()) }

// Trim returns t in UTC, in whole microseconds and without a monotonic part.
func Trim(t time.Time) time.Time { return t.Round(0).UTC().Truncate(time.Microsecond) }

// Monotonic returns a function that tells how much time has passed since now,
// by a clock that nobody can set.
func Monotonic() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// Virtual is a clock that stands still until it is moved. It never goes back.
// It is safe for use by several goroutines.
type Virtual struct {
	mu  sync.Mutex
	now time.Time
}

// NewVirtual returns a clock that stands at start.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: Trim(start)} }

// Now implements [Clock].
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Advance moves the clock forward by d; a negative d is ignored.
func (v *Virtual) Advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d > 0 {
		v.now = Trim(v.now.Add(d))
	}
}

// AdvanceTo moves the clock to t; a t in the past is ignored.
func (v *Virtual) AdvanceTo(t time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t.After(v.now) {
		v.now = Trim(t)
	}
}
