package live

import (
	"math"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
)

// smooth is the time over which a rate is averaged: what is older weighs less than 1/e.
const smooth = 10 * time.Second

// Meter turns what tasks say of their bytes into rates. It is safe for use by several goroutines.
type Meter struct {
	now   func() time.Duration
	mu    sync.Mutex
	tasks map[string]reading
}

type reading struct {
	phase string
	at    time.Duration
	done  int64
	rate  float64
	known bool // rate was measured at least once
}

// NewMeter returns a meter by a clock that counts time passed; nil: the system's monotonic one.
func NewMeter(now func() time.Duration) *Meter {
	if now == nil {
		now = clock.Monotonic()
	}
	return &Meter{now: now, tasks: map[string]reading{}}
}

// Rate is how fast a task moves, in bytes a second, after it has done so many
// bytes of a phase. The first reading of a phase has the rate 0.
func (m *Meter) Rate(task, phase string, done int64) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	last, ok := m.tasks[task]
	next := reading{phase: phase, at: now, done: done}
	if ok && last.phase == phase && done >= last.done {
		next.rate, next.known = last.rate, last.known
		elapsed := now - last.at
		if elapsed <= 0 {
			return last.rate
		}
		next.add(float64(done-last.done)/elapsed.Seconds(), elapsed)
	}
	m.tasks[task] = next
	return next.rate
}

// add weighs a new rate against the old ones by the time it speaks for.
func (r *reading) add(rate float64, elapsed time.Duration) {
	if !r.known {
		r.rate, r.known = rate, true
		return
	}
	old := math.Exp(-elapsed.Seconds() / smooth.Seconds())
	r.rate = old*r.rate + (1-old)*rate
}

// Forget drops a task that has ended.
func (m *Meter) Forget(task string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tasks, task)
}
