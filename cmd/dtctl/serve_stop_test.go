package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Stopped in the middle of a transfer, `dtctl serve` gives it back and ends
// well; started again, it goes on, and no attempt is counted.
func TestServeStoppedInTransferGoesOn(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.fill("obs1", 50_000_000, rand.New(rand.NewPCG(7, 0))) //nolint:gosec // repeatable on purpose
	for range 3 {
		s := y.serve("--grace", "1ms", "--at-once", "1")
		y.waitForTask(s, "carry", opsdb.TaskInProgress)
		s.stop()
		logLines(t, s.log())
		for _, task := range y.tasks() {
			if task.State == opsdb.TaskFailed || task.State == opsdb.TaskInProgress {
				t.Errorf("after the stop the task %s is %s", task.Stage, task.State)
			}
		}
		if y.count("carry", opsdb.TaskCompleted) > 0 {
			break // it was done before it could be stopped
		}
	}
	s := y.serve()
	y.waitUntilFinished(s)
	s.stop()
	t.Logf("%d of %d tasks were claimed more than once", y.triedAgain(), len(y.tasks()))
	for _, task := range y.tasks() {
		if task.Attempts != 0 || task.Failure != nil {
			t.Errorf("a stop counted against task %s: %d attempts, %+v", task.Stage, task.Attempts, task.Failure)
		}
	}
	for _, v := range y.check().Violations {
		t.Errorf("violation: %s", v)
	}
}

// A server that is stopped lets what runs come to its end within the grace.
func TestServeStopLetsWorkFinish(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.fill("obs1", 50_000_000, rand.New(rand.NewPCG(8, 0))) //nolint:gosec // repeatable on purpose
	s := y.serve("--grace", "60s", "--at-once", "1")
	y.waitForTask(s, "pack", opsdb.TaskInProgress)
	s.stop()
	if y.count("pack", opsdb.TaskCompleted) == 0 {
		t.Errorf("what ran was not finished: %+v\n%s", y.tasks(), s.log())
	}
}

// logLines demands that a server's log has one JSON object with time, level and message in each line.
func logLines(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var v struct {
			Time       time.Time
			Level, Msg string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Time.IsZero() || v.Level == "" || v.Msg == "" {
			t.Errorf("not one event in one line: %s", line)
		}
	}
}

// waitForTask waits until a stage has a task in a state.
func (y *yard) waitForTask(s *served, stage string, state opsdb.TaskState) {
	y.t.Helper()
	s.waitFor(`"serving"`)
	limit := time.NewTimer(3 * time.Minute)
	defer limit.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for y.count(stage, state)+y.count(stage, opsdb.TaskCompleted) == 0 {
		select {
		case <-look.C:
		case <-s.done:
			y.t.Fatalf("serve ended by itself: %v\n%s", s.err, s.log())
		case <-limit.C:
			y.t.Fatalf("no task of %s is ever %s\n%s", stage, state, s.log())
		}
	}
}

// count counts the tasks of a stage in a state.
func (y *yard) count(stage string, state opsdb.TaskState) (n int) {
	y.t.Helper()
	for _, task := range y.tasks() {
		if task.Stage == stage && task.State == state {
			n++
		}
	}
	return n
}
