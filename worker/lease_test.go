package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// moves moves a byte every pause until it was done n times or is cancelled.
func moves(ctx context.Context, w stages.Work, pause time.Duration, n int) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for range n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			w.Moved(1)
		}
	}
	return nil
}

var moving = stages.Phase{Name: "moving", Still: time.Minute, PerGB: 10 * time.Second}

func TestASlowRunKeepsItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []worker.Progress
		cfg := worker.Config{Progress: func(p worker.Progress) { told = append(told, p) }}
		s := newShop(cfg, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			w.Phase("moving", 10)
			return opsdb.Outcome{}, moves(ctx, w, 59*time.Second, 10)
		}, moving)
		task := s.desk.add(nil)
		s.do(t, task.ID)
		if s.desk.task(task.ID).State != opsdb.TaskCompleted {
			t.Fatalf("a slow run ended as %v", s.desk.fails[task.ID])
		}
		if s.desk.renewals != 39 || s.desk.phases[0] != "moving" { // 590 s, every 15 s
			t.Fatalf("renewed %d times in %q", s.desk.renewals, s.desk.phases[0])
		}
		last := told[len(told)-1]
		if !last.Ended || last.Done != 10 || last.Total != 10 || last.Task.ID != task.ID {
			t.Fatalf("told at the end: %+v", last)
		}
	})
}

func TestAStuckRunLosesItsLease(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		phase string
		bytes int64
		limit time.Duration
	}{
		{"nothing moved in its phase", "moving", 0, time.Minute},
		{"a large one may take longer", "moving", 6e9, 2 * time.Minute},
		{"a phase without a limit of its own", "thinking", 0, 10 * time.Minute},
		{"before the first phase", "", 0, 10 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(worker.Config{}, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
					if tt.phase != "" {
						w.Phase(tt.phase, 0)
					}
					<-ctx.Done()
					return opsdb.Outcome{Receipts: []opsdb.Receipt{receipt()}}, ctx.Err()
				}, moving)
				task := s.desk.add(func(t *opsdb.Task) { t.Bytes = tt.bytes })
				begin := time.Now()
				s.do(t, task.ID)
				if took := time.Since(begin); took < tt.limit || took > tt.limit+time.Second {
					t.Errorf("cancelled after %s, want %s", took, tt.limit)
				}
				got := s.desk.fails[task.ID]
				if len(got) != 1 || got[0].failure.Class != opsdb.Transient || !got[0].counts || !strings.Contains(got[0].failure.Text, "stuck in") {
					t.Fatalf("failed: %+v", got)
				}
				if len(s.desk.receipts) != 1 {
					t.Error("its reading was not recorded")
				}
			})
		})
	}
}

func TestARunThatDoesNotEndIsLeftBehindAndMayDoNothingMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wake, late := make(chan struct{}), make(chan error)
		s := newShop(worker.Config{}, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			w.Phase("moving", 0)
			<-wake // deaf to its context
			_, err := w.Confirm(ctx)
			late <- errors.Join(err, w.RecordMembers(ctx, nil))
			return opsdb.Outcome{}, nil
		}, moving)
		task := s.desk.add(nil)
		begin := time.Now()
		s.do(t, task.ID)
		if took := time.Since(begin); took > 72*time.Second {
			t.Fatalf("left behind after %s", took)
		}
		if got := s.desk.fails[task.ID]; len(got) != 1 || !strings.Contains(got[0].failure.Text, "did not end when cancelled") {
			t.Fatalf("failed: %+v", got)
		}
		s.desk.expire(task.ID) // the same token is present still
		close(wake)
		if err := <-late; !errors.Is(err, opsdb.ErrStale) {
			t.Fatalf("the one left behind was told %v", err)
		}
	})
}

// TestE2ALateWorkerIsStale: its lease expired while OpsDB was away from it, another one has the task.
func TestE2ALateWorkerIsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := receipt()
		s := newShop(worker.Config{}, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			return opsdb.Outcome{Receipts: []opsdb.Receipt{r}}, moves(ctx, w, time.Second, 100)
		})
		task := s.desk.add(nil)
		first := make(chan error)
		go func() {
			_, err := s.RunTask(t.Context(), task.ID)
			first <- err
		}()
		<-time.After(5 * time.Second)
		s.desk.expire(task.ID)
		second := s.another(worker.Config{ID: "w2"}, ends(opsdb.Outcome{}, nil))
		if ran, err := second.RunTask(t.Context(), task.ID); !ran || err != nil {
			t.Fatalf("the second: ran %v, error %v", ran, err)
		}
		begin := time.Now()
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("the late one was stopped after %s, want at its next renewal", took)
		}
		if n := len(s.desk.outcomes[task.ID]); n != 1 || len(s.desk.fails[task.ID])+len(s.desk.laters[task.ID]) != 0 {
			t.Errorf("%d outcomes, fails %v, laters %v", n, s.desk.fails, s.desk.laters)
		}
		if len(s.desk.receipts) != 1 || s.desk.receipts[0].ID != r.ID {
			t.Errorf("receipts %v: a reading of a late worker is a reading", s.desk.receipts)
		}
	})
}

// TestE2ALateResultIsDropped: nobody told the worker before it had ended.
func TestE2ALateResultIsDropped(t *testing.T) {
	t.Parallel()
	r := receipt()
	var s *shop
	var task opsdb.Task
	s = newShop(worker.Config{}, func(context.Context, stages.Work) (opsdb.Outcome, error) {
		s.desk.set(func(d *desk) { d.tasks[task.ID].Token++ })
		return opsdb.Outcome{Receipts: []opsdb.Receipt{r}}, nil
	})
	task = s.desk.add(nil)
	s.do(t, task.ID)
	if s.desk.task(task.ID).State != opsdb.TaskInProgress || len(s.desk.receipts) != 1 {
		t.Fatalf("state %s, receipts %v", s.desk.task(task.ID).State, s.desk.receipts)
	}
}

func TestOpsDBAwayDuringARunIsNoReasonToStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{}, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			return opsdb.Outcome{}, moves(ctx, w, time.Second, 300)
		})
		task := s.desk.add(nil)
		go func() {
			<-time.After(10 * time.Second)
			s.desk.set(func(d *desk) { d.away = true })
			<-time.After(200 * time.Second)
			s.desk.set(func(d *desk) { d.away = false })
		}()
		s.do(t, task.ID)
		if s.desk.task(task.ID).State != opsdb.TaskCompleted {
			t.Fatalf("ended as %s: %v", s.desk.task(task.ID).State, s.desk.fails)
		}
	})
}
