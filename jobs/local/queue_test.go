package local_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/jobs/jobstest"
	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	jobstest.Run(t, func(*testing.T) jobs.Queue { return local.New() })
}

func TestATaskWaitsOnce(t *testing.T) {
	t.Parallel()
	q := local.New()
	a, b := jobstest.Task("cologne"), jobstest.Task("cologne")
	for range 3 {
		if err := q.Enqueue(t.Context(), []opsdb.Task{a, b}); err != nil {
			t.Fatal(err)
		}
	}
	if q.Len() != 2 {
		t.Fatalf("%d tasks wait, want 2", q.Len())
	}
	for _, want := range []opsdb.ID{a.ID, b.ID} {
		if got, ok := q.Take([]string{"cologne"}); !ok || got != want {
			t.Fatalf("took %s, %v; want %s", got, ok, want)
		}
	}
	if got, ok := q.Take([]string{"cologne"}); ok {
		t.Fatalf("took %s from an empty queue", got)
	}
}

func TestATaskThatMovedOnLeavesItsOldSite(t *testing.T) {
	t.Parallel()
	q := local.New()
	task := jobstest.Task("ccat")
	task.ReceiveSite, task.Piece = "cologne", opsdb.Send
	_ = q.Enqueue(t.Context(), []opsdb.Task{task})
	task.Piece = opsdb.Receive
	_ = q.Enqueue(t.Context(), []opsdb.Task{task})
	if got, ok := q.Take([]string{"ccat"}); ok {
		t.Fatalf("ccat was given %s", got)
	}
	if got, ok := q.Take([]string{"cologne"}); !ok || got != task.ID {
		t.Fatalf("cologne was given %q", got)
	}
}

func TestAWaitingWorkerIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := local.New()
		var woken [2]opsdb.ID
		for i := range woken {
			go func() { woken[i], _ = q.Next(t.Context(), []string{"cologne"}) }()
		}
		synctest.Wait() // both wait now
		a, b := jobstest.Task("cologne"), jobstest.Task("cologne")
		for _, task := range []opsdb.Task{jobstest.Task("cornell"), a, b} {
			_ = q.Enqueue(t.Context(), []opsdb.Task{task})
			synctest.Wait()
		}
		if woken != [2]opsdb.ID{a.ID, b.ID} && woken != [2]opsdb.ID{b.ID, a.ID} {
			t.Fatalf("woken with %q", woken)
		}
	})
}

type unclaimed struct {
	tasks []opsdb.Task
	err   error
}

func (u unclaimed) Unclaimed(context.Context) ([]opsdb.Task, error) { return u.tasks, u.err }

func TestRebuild(t *testing.T) {
	t.Parallel()
	q := local.New()
	task := jobstest.Task("cologne")
	if err := q.Rebuild(t.Context(), unclaimed{tasks: []opsdb.Task{task}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := q.Take([]string{"cologne"}); got != task.ID {
		t.Fatalf("took %q, want %s", got, task.ID)
	}
	away := errors.New("away")
	if err := q.Rebuild(t.Context(), unclaimed{err: away}); !errors.Is(err, away) {
		t.Fatalf("got %v, want the store's error", err)
	}
}
