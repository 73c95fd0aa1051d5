package main

import (
	"os"
	"runtime/debug"
)

// The soft limit of a worker's memory, in bytes, is so much, and so much more for every task that runs. It lives beside
// people's programs on a buffer's host, and what it allocates by the file, a million times, is short-lived: near the limit the
// garbage goes sooner. A task holds the blocks between reading, writing and reading back, however large its package is (ADR 0042).
const (
	memoryAlone   = 10 << 20
	memoryPerTask = 15 << 20
)

// limitMemory sets the limit for so many running tasks; one that waits for its first has room for it.
func limitMemory(running int) {
	debug.SetMemoryLimit(memoryAlone + int64(max(running, 1))*memoryPerTask)
}

// memoryLimiter is told how many tasks run; nil if the environment sets a limit of its own.
func memoryLimiter() func(running int) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	limitMemory(0)
	return limitMemory
}
