package main

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The limit rises at once with the tasks that run, falls only some seconds after they have ended, and
// is not touched while tasks of a moment come and go.
func TestTheMemoryLimitFollowsTheTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var limit, changes atomic.Int64
		m := newMemoryLimit(true, func(bytes int64) { limit.Store(bytes); changes.Add(1) })
		is := func(when string, tasks, most int64) {
			t.Helper()
			synctest.Wait()
			if want := memoryAlone + memoryTold + tasks*memoryPerTask; limit.Load() != want || changes.Load() > most {
				t.Errorf("%s: %d bytes after %d changes, want %d after %d", when, limit.Load(), changes.Load(), want, most)
			}
		}
		is("at first", 1, 1)
		m.running(16)
		is("with 16 tasks", 16, 2)
		for range 1000 { // ten seconds of small tasks
			m.running(0)
			<-time.After(5 * time.Millisecond) // of the bubble
			m.running(16)
			<-time.After(5 * time.Millisecond)
		}
		is("with 16 tasks that come and go", 16, 2)
		m.running(3)
		<-time.After(memoryEases / 2)
		is("a moment after", 16, 2)
		<-time.After(2 * memoryEases)
		is("with three for some time", 3, 3)
		m.running(0)
		<-time.After(2 * memoryEases)
		is("with none for some time", 1, 4)
		<-time.After(time.Hour)
		is("an hour later", 1, 4)
	})
}
