package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

func ends(out opsdb.Outcome, err error) func(context.Context, stages.Work) (opsdb.Outcome, error) {
	return func(context.Context, stages.Work) (opsdb.Outcome, error) { return out, err }
}

func TestATaskIsDone(t *testing.T) {
	t.Parallel()
	out := opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Present, Path: "raw/x.tar"}, Receipts: []opsdb.Receipt{receipt()}}
	s := newShop(worker.Config{}, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
		a := w.Assignment()
		if a.Task.Token != 1 || w.Worker() != "w1" || w.Now().IsZero() {
			return opsdb.Outcome{}, fmt.Errorf("token %d, worker %q", a.Task.Token, w.Worker())
		}
		for m, err := range w.Members(ctx) {
			if m.Package != a.Package.ID || err != nil {
				return opsdb.Outcome{}, fmt.Errorf("member of %s: %w", m.Package, err)
			}
		}
		if _, err := w.Confirm(ctx); err != nil {
			return opsdb.Outcome{}, err
		}
		return out, w.RecordMembers(ctx, nil)
	})
	task := s.desk.add(nil)
	points := &effect.Points{}
	var passed []string
	points.Hook = func(name string) { passed = append(passed, name) }
	if ran, err := s.RunTask(effect.With(t.Context(), points), task.ID); !ran || err != nil {
		t.Fatalf("ran %v, error %v", ran, err)
	}
	if diff := cmp.Diff([]opsdb.Outcome{out}, s.desk.outcomes[task.ID]); diff != "" {
		t.Fatalf("recorded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"worker.finish.before", "worker.finish.after"}, passed); diff != "" {
		t.Fatalf("effects (-want +got):\n%s", diff)
	}
	if ran, err := s.RunTask(t.Context(), task.ID); ran || err != nil {
		t.Fatalf("a completed task: ran %v, error %v", ran, err)
	}
	if s.Busy() != 0 {
		t.Fatalf("%d leases are out", s.Busy())
	}
}

func TestTheNextPieceIsBroughtToItsSite(t *testing.T) {
	t.Parallel()
	s := newShop(worker.Config{}, ends(opsdb.Outcome{Next: opsdb.Receive}, nil))
	task := s.desk.add(func(t *opsdb.Task) { t.Piece, t.SendSite, t.ReceiveSite = opsdb.Send, "cologne", "cornell" })
	s.do(t, task.ID)
	if id, ok := s.queue.Take([]string{"cornell"}); !ok || id != task.ID {
		t.Fatalf("cornell was brought %q", id)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	full := opsdb.Failure{Class: opsdb.Environment, Subject: "location:cologne.buffer", Reason: "full"}
	tests := []struct {
		name     string
		err      error
		attempts int // counted before
		state    opsdb.TaskState
		class    opsdb.FailureClass
		after    time.Duration
		counts   bool
		says     string
	}{
		{"an unclassified error", errors.New("reset by peer"), 0, opsdb.TaskPending, opsdb.Transient, 2 * time.Second, true, "reset by peer"},
		{"the third time", errors.New("reset by peer"), 2, opsdb.TaskPending, opsdb.Transient, 8 * time.Second, true, "reset by peer"},
		{"the last time", errors.New("reset by peer"), 7, opsdb.TaskFailed, opsdb.Permanent, 0, true, "8 attempts, the last one: stage: reset by peer"},
		{"OpsDB is away, the last time", fmt.Errorf("ask the gate: %w", opsdb.ErrAway), 7, opsdb.TaskPending, opsdb.Transient, 2 * time.Second, false, "stage: ask the gate: the database is away"},
		{"a mismatch", stages.Failed(opsdb.Failure{Class: opsdb.BadData}, errors.New("other bytes")), 1, opsdb.TaskPending, opsdb.BadData, 4 * time.Second, true, "other bytes"},
		{"the environment", stages.Failed(full, errors.New("no space left")), 7, opsdb.TaskPending, opsdb.Environment, 2 * time.Second, false, "no space left"},
		{"the configuration", stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, errors.New("no credentials")), 0, opsdb.TaskFailed, opsdb.BadConfig, 0, false, "no credentials"},
		{"a permanent one", stages.Permanent(errors.New("no such thing")), 0, opsdb.TaskFailed, opsdb.Permanent, 0, false, "no such thing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := opsdb.Outcome{Receipts: []opsdb.Receipt{receipt()}}
			s := newShop(worker.Config{}, ends(out, fmt.Errorf("stage: %w", tt.err)))
			task := s.desk.add(func(t *opsdb.Task) { t.Attempts = tt.attempts })
			s.do(t, task.ID)
			if len(s.desk.fails[task.ID]) != 1 {
				t.Fatalf("failed %d times", len(s.desk.fails[task.ID]))
			}
			got := s.desk.fails[task.ID][0]
			if state := s.desk.task(task.ID).State; state != tt.state || got.failure.Class != tt.class || got.counts != tt.counts || got.after != tt.after {
				t.Errorf("%s, %s, counts %v, after %s; want %s, %s, %v, %s", state, got.failure.Class, got.counts, got.after, tt.state, tt.class, tt.counts, tt.after)
			}
			if !strings.Contains(got.failure.Text, tt.says) || !got.failure.At.Equal(noon) {
				t.Errorf("text %q at %s, want %q", got.failure.Text, got.failure.At, tt.says)
			}
			if diff := cmp.Diff(out.Receipts, s.desk.receipts); diff != "" {
				t.Errorf("receipts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBackoffGrowsToTenMinutesAndJitters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		attempts int
		jitter   float64
		want     time.Duration
	}{
		{0, 0, 1500 * time.Millisecond}, {0, 0.999, 2499 * time.Millisecond}, {4, 0.5, 32 * time.Second}, {30, 0.5, 10 * time.Minute}, {80, 0.5, 10 * time.Minute},
	} {
		s := newShop(worker.Config{Jitter: func() float64 { return tt.jitter }, Attempts: func(opsdb.Task) int { return 100 }}, ends(opsdb.Outcome{}, errors.New("no")))
		task := s.desk.add(func(t *opsdb.Task) { t.Attempts = tt.attempts })
		s.do(t, task.ID)
		if got := s.desk.fails[task.ID][0].after; got.Round(time.Millisecond) != tt.want {
			t.Errorf("after %d attempts: again in %s, want %s", tt.attempts, got, tt.want)
		}
	}
}

func TestTheEnvironmentIsProbedMoreRarelyUntilItWorksAgain(t *testing.T) {
	t.Parallel()
	var fails error
	var blamed []string
	s := newShop(worker.Config{Suspect: func(_ context.Context, location string, f opsdb.Failure, need int64) {
		blamed = append(blamed, fmt.Sprint(location, " ", f.Reason, " ", need))
	}}, func(context.Context, stages.Work) (opsdb.Outcome, error) { return opsdb.Outcome{}, fails })
	once := func() (after time.Duration) {
		task := s.desk.add(func(t *opsdb.Task) { t.Bytes = 7 })
		s.do(t, task.ID)
		for _, f := range s.desk.fails[task.ID] {
			after = f.after
		}
		return after
	}
	full := stages.Failed(opsdb.Failure{Class: opsdb.Environment, Subject: "location:cologne.buffer", Reason: "full"}, errors.New("full"))
	for _, why := range []error{full, opsdb.ErrAway} {
		fails = why
		for _, want := range []float64{2, 4, 8, 16, 32, 60, 60} {
			if got := once().Seconds(); got != want {
				t.Fatalf("%v: again in %g s, want %g s", why, got, want)
			}
		}
		fails = nil
		once()
		fails = why
		if got := once(); got != 2*time.Second {
			t.Fatalf("%v: after it worked: again in %s, want 2 s", why, got)
		}
	}
	if len(blamed) != 8 || blamed[0] != "cologne.buffer full 7" {
		t.Fatalf("blamed %q", blamed)
	}
}

func TestATaskThatFailsWhereOthersSucceedPaysWithAttempts(t *testing.T) {
	t.Parallel()
	var fails error
	s := newShop(worker.Config{}, func(_ context.Context, w stages.Work) (opsdb.Outcome, error) {
		if w.Assignment().Task.Priority == 0 {
			return opsdb.Outcome{}, nil
		}
		return opsdb.Outcome{}, fails
	})
	bad := s.desk.add(func(t *opsdb.Task) { t.Priority = 1 })
	fails = stages.Failed(opsdb.Failure{Class: opsdb.Environment, Subject: "location:cologne.buffer", Reason: "refused"}, errors.New("refused"))
	again := func() failed {
		s.desk.expire(bad.ID)
		s.do(t, bad.ID)
		all := s.desk.fails[bad.ID]
		return all[len(all)-1]
	}
	for range 3 {
		if got := again(); got.counts {
			t.Fatal("nothing succeeded there, and it costs an attempt")
		}
	}
	for n := 1; n <= 8; n++ {
		s.do(t, s.desk.add(nil).ID)
		got := again()
		if !got.counts || (got.failure.Class == opsdb.Permanent) != (n == 8) {
			t.Fatalf("failure %d beside a success: %+v", n, got)
		}
	}
}

func TestOtherEnds(t *testing.T) {
	t.Parallel()
	s := newShop(worker.Config{}, ends(opsdb.Outcome{}, fmt.Errorf("wait: %w", stages.Later(time.Hour, "recalling from tape"))))
	task := s.desk.add(nil)
	s.do(t, task.ID)
	if got := s.desk.laters[task.ID]; len(got) != 1 || got[0] != (postponed{time.Hour, "recalling from tape"}) {
		t.Errorf("later: %v", got)
	}

	r := receipt()
	s = newShop(worker.Config{}, ends(opsdb.Outcome{Receipts: []opsdb.Receipt{r}}, fmt.Errorf("gate: %w", &opsdb.Objection{Rule: "S1"})))
	task = s.desk.add(nil)
	s.do(t, task.ID)
	if len(s.desk.fails)+len(s.desk.laters)+len(s.desk.outcomes) != 0 || len(s.desk.receipts) != 1 {
		t.Errorf("after an objection the store has withdrawn the task; written were %v %v %v", s.desk.fails, s.desk.laters, s.desk.outcomes)
	}

	s = newShop(worker.Config{}, func(_ context.Context, w stages.Work) (opsdb.Outcome, error) {
		return opsdb.Outcome{}, fmt.Errorf("%s", w.Assignment().Peers[3])
	})
	task = s.desk.add(nil)
	s.do(t, task.ID)
	if f := s.desk.fails[task.ID][0].failure; f.Class != opsdb.Permanent || !strings.Contains(f.Text, "index out of range") || !strings.Contains(f.Text, "task_test.go") {
		t.Errorf("a panic: %s %s", f.Class, f.Text)
	}

	task = s.desk.add(func(t *opsdb.Task) { t.Type = "teleport" })
	s.do(t, task.ID)
	if f := s.desk.fails[task.ID][0].failure; f.Class != opsdb.BadConfig || !strings.Contains(f.Text, `no stage type "teleport"`) {
		t.Errorf("an unknown type: %s %s", f.Class, f.Text)
	}
}

func TestACancelledRunIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{}, func(ctx context.Context, _ stages.Work) (opsdb.Outcome, error) {
			<-ctx.Done()
			return opsdb.Outcome{}, ctx.Err()
		})
		task := s.desk.add(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if ran, err := s.RunTask(ctx, task.ID); !ran || err != nil {
			t.Fatalf("ran %v, error %v", ran, err)
		}
		if got := s.desk.laters[task.ID]; len(got) != 1 || got[0].after != 0 || !strings.Contains(got[0].reason, "stopped") {
			t.Fatalf("given back: %v", got)
		}
	})
}
