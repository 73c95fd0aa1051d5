package main

import (
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// The soft limit of a worker's memory, in bytes, is so much, and so much more for every task that runs. It lives beside
// people's programs on a buffer's host, and what it allocates by the file, a million times, is short-lived: near the limit the
// garbage goes sooner. A task holds the blocks between reading, writing and reading back, however large its package is (ADR 0042).
// What waits for receivers that take nothing has room of its own: without it a collector that is away would have the
// garbage collected all the time, for a few megabytes of spans and log lines (ADR 0055).
const (
	memoryAlone   = 8 << 20
	memoryPerTask = 14 << 20
	memoryTold    = 32 << 20 // 8,192 spans and as many log lines, 64 pushes of points, 4,096 hints
)

// memoryEases is how long the limit stays as it is after tasks have ended: changing it stops the process for a moment, and tasks that are small begin and end
// a hundred times a second.
const memoryEases = 2 * time.Second

// memoryLimit sets the limit for the most tasks that ran of late.
type memoryLimit struct {
	alone int64
	limit func(bytes int64)

	mu             sync.Mutex
	set, now, peak int // tasks the limit is for, that run, and that ran at most since it may ease
	easing         bool
}

// newMemoryLimit sets the limit of a worker that waits for its first task, which has room in it.
func newMemoryLimit(told bool, limit func(bytes int64)) *memoryLimit {
	m := &memoryLimit{alone: memoryAlone, limit: limit}
	if told {
		m.alone += memoryTold
	}
	m.become(1)
	return m
}

// running is told how many tasks run.
func (m *memoryLimit) running(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = max(n, 1)
	m.peak = max(m.peak, m.now)
	if m.now > m.set {
		m.become(m.now)
	}
	m.mayEase()
}

// mayEase has the limit fall in a while, if fewer tasks run than it is for.
func (m *memoryLimit) mayEase() {
	if m.now < m.set && !m.easing {
		m.easing, m.peak = true, m.now
		time.AfterFunc(memoryEases, m.ease)
	}
}

// ease has the limit fall to what it must be for the tasks that ran since.
func (m *memoryLimit) ease() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.easing = false; m.peak < m.set {
		m.become(m.peak)
	}
	m.mayEase()
}

func (m *memoryLimit) become(tasks int) {
	m.set = tasks
	m.limit(m.alone + int64(tasks)*memoryPerTask)
}

// memoryLimiter is told how many tasks run; nil if the environment sets a limit of its own. told: somebody is told of what it does.
func memoryLimiter(told bool) func(running int) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return newMemoryLimit(told, func(bytes int64) { debug.SetMemoryLimit(bytes) }).running
}
