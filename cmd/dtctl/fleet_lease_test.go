//go:build servers

package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// inHand waits until a worker has a task in hand, and returns it.
func (f *fleet) inHand() (task opsdb.Task) {
	f.t.Helper()
	f.until("a worker has a task in hand", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		tasks, err := s.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskInProgress)})
		if len(tasks) == 0 {
			return false, err
		}
		task = tasks[0]
		return true, err
	})
	return task
}

// E3: a worker is killed with a task in hand; after its lease, and not before, another one does it.
// CDT_LEASE=60s is the long form, with the lease workers have by default.
func TestATaskOfADeadWorkerRunsElsewhere(t *testing.T) {
	t.Parallel()
	lease := length(t, "CDT_LEASE", 4*time.Second)
	f := newFleet(t, testserver.Postgres(t), "GB(1)")
	f.engine().waitFor(`"msg":"serving"`)
	f.initialise()
	f.fill("obs1", 400_000_000, 400_000_000, rand.New(rand.NewPCG(4, 0))) //nolint:gosec // repeatable on purpose
	first := f.worker("ccat", "--lease", lease.String())
	task := f.inHand()
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.done
	before, err := f.look().Task(t.Context(), task.ID)
	if err != nil || before.State != opsdb.TaskInProgress {
		t.Fatalf("the task of the dead worker is %s, %v", before.State, err)
	}
	f.worker("ccat", "--lease", lease.String())
	var late time.Duration
	f.until("another worker has the task", lease+time.Minute, func(ctx context.Context, s looker) (bool, error) {
		now, err := s.Task(ctx, task.ID)
		if err != nil || now.Token == before.Token {
			return false, err
		}
		at, err := s.Now(ctx)
		late = at.Sub(before.LeaseUntil)
		return now.Worker != before.Worker, err
	})
	t.Logf("with a lease of %s the task ran elsewhere %s after its end", lease, late)
	if late < 0 || late > 15*time.Second {
		t.Errorf("the task ran elsewhere %s after the end of its lease: it must be within 15 s", late)
	}
	f.worker("cologne")
	f.worker("cornell")
	f.until("everything is archived and cleaned up", 3*time.Minute, f.finished)
	f.check()
}

// A worker so slow that one phase lasts three leases keeps its task, though another one of its site has nothing to do.
func TestASlowWorkerGetsNoRival(t *testing.T) {
	t.Parallel()
	const lease = 4 * time.Second
	f := newFleet(t, testserver.Postgres(t), "GB(1)")
	f.engine().waitFor(`"msg":"serving"`)
	f.initialise()
	f.fill("obs1", 1_000_000_000, 1_000_000_000, rand.New(rand.NewPCG(9, 0))) //nolint:gosec // repeatable on purpose
	slow := f.worker("ccat", "--lease", lease.String())
	task := f.inHand()
	f.worker("ccat", "--lease", lease.String()).waitFor(`"msg":"working"`)
	phase := f.crawl(slow, task, lease)
	f.until("the slow worker has done the task", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		now, err := s.Task(ctx, task.ID)
		if err == nil && (now.Token != task.Token || now.Worker != task.Worker) {
			t.Fatalf("the task was claimed again: token %d of %s, now %d of %s", task.Token, task.Worker, now.Token, now.Worker)
		}
		return now.State == opsdb.TaskCompleted, err
	})
	t.Logf("the phase %q of the slow worker lasted more than three leases of %s", phase, lease)
}

// crawl lets a process run for a small part of the time, until one phase of its task has lasted for more than three leases.
func (f *fleet) crawl(s *served, task opsdb.Task, lease time.Duration) (phase string) {
	f.t.Helper()
	var since time.Time
	least := 3*lease + time.Second
	limit := time.NewTimer(time.Minute + 5*least)
	defer limit.Stop()
	for {
		f.hold(s, 190*time.Millisecond, 10*time.Millisecond)
		now, err := f.look().Task(f.t.Context(), task.ID)
		switch {
		case err != nil || now.State != opsdb.TaskInProgress || now.Token != task.Token:
			f.t.Fatalf("the task that %s does slowly is %s of %s with token %d, %v", task.Worker, now.State, now.Worker, now.Token, err)
		case now.Phase != phase || since.IsZero():
			phase, since = now.Phase, time.Now()
		case phase != "" && time.Since(since) > least:
			return phase
		}
		f.renewed(now, lease)
		select {
		case <-limit.C:
			f.t.Fatalf("no phase lasted %s", least)
		default:
		}
	}
}

// renewed lets who has a task run until its lease is prolonged, once half of that is over: where others need the
// machine, a small part of the time is too little even for that.
func (f *fleet) renewed(task opsdb.Task, lease time.Duration) {
	f.t.Helper()
	at, err := f.look().Now(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if task.LeaseUntil.Sub(at) > lease/2 {
		return
	}
	f.until("the slow worker prolongs its lease", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		now, err := s.Task(ctx, task.ID)
		return now.LeaseUntil.After(task.LeaseUntil) || now.State != opsdb.TaskInProgress, err
	})
}

// hold stops a process for a while and lets it run for another.
func (f *fleet) hold(s *served, still, runs time.Duration) {
	f.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	<-time.After(still)
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		f.t.Fatal(err)
	}
	<-time.After(runs)
}
