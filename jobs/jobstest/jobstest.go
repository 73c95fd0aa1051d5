// Package jobstest is what every queue must pass.
package jobstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/opsdb"
)

// Run runs the suite; each part asks for an empty queue of its own. enqueue of
// tasks whose rows the queue needs is the adapter's own matter: make may wrap it.
func Run(t *testing.T, make func(t *testing.T) jobs.Queue) {
	parts := []struct {
		name string
		test func(t *testing.T, q jobs.Queue)
	}{
		{"first in is first out at a site", order},
		{"a task goes to the site of its present piece", pieces},
		{"an offer wakes who waits", wakes},
		{"a cancelled wait ends with the context's error", cancelled},
		{"a task taken may be offered again", again},
		{"nothing is lost between many", many},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, make(t))
		})
	}
}

// Task returns a scheduled task that runs whole at a site.
func Task(site string) opsdb.Task {
	return opsdb.Task{ID: opsdb.NewID(), SendSite: site, ReceiveSite: site, Piece: opsdb.Whole, State: opsdb.TaskScheduled}
}

func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func offer(t *testing.T, q jobs.Queue, tasks ...opsdb.Task) {
	t.Helper()
	if err := q.Enqueue(limit(t), tasks); err != nil {
		t.Fatalf("enqueue: %v", err)
	}
}

func expect(t *testing.T, q jobs.Queue, want opsdb.ID, sites ...string) {
	t.Helper()
	got, err := next(limit(t), q, sites)
	if err != nil || got != want {
		t.Fatalf("next at %v: got %s, %v; want %s", sites, got, err, want)
	}
}

// next is Next with the run of the task ended at once.
func next(ctx context.Context, q jobs.Queue, sites []string) (opsdb.ID, error) {
	id, err := q.Next(ctx, sites)
	if k, ok := q.(jobs.Keeper); ok && err == nil {
		_, over := k.Keep(ctx, id)
		over(true)
	}
	return id, err
}

func order(t *testing.T, q jobs.Queue) {
	a, b, c, d := Task("cologne"), Task("cornell"), Task("cologne"), Task("cologne")
	offer(t, q, a, b)
	offer(t, q, c)
	offer(t, q, d)
	expect(t, q, a.ID, "cologne")
	expect(t, q, c.ID, "cologne")
	expect(t, q, b.ID, "cornell")
	expect(t, q, d.ID, "cologne", "cornell")
}

func pieces(t *testing.T, q jobs.Queue) {
	task := Task("ccat")
	task.ReceiveSite, task.Piece = "cologne", opsdb.Send
	offer(t, q, task)
	expect(t, q, task.ID, "ccat")
	task.Piece = opsdb.Receive
	offer(t, q, task)
	expect(t, q, task.ID, "cologne")
}

func wakes(t *testing.T, q jobs.Queue) {
	task := Task("cologne")
	got := make(chan opsdb.ID)
	go func() {
		id, _ := next(limit(t), q, []string{"cologne"})
		got <- id
	}()
	offer(t, q, Task("cornell"))
	offer(t, q, task)
	if id := <-got; id != task.ID {
		t.Fatalf("woken with %q, want %s", id, task.ID)
	}
}

func cancelled(t *testing.T, q jobs.Queue) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := next(ctx, q, []string{"cologne"})
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled wait ended with %v", err)
	}
	task := Task("cologne")
	offer(t, q, task)
	expect(t, q, task.ID, "cologne")
}

func again(t *testing.T, q jobs.Queue) {
	task := Task("cologne")
	for range 3 {
		offer(t, q, task)
		expect(t, q, task.ID, "cologne")
	}
}

func many(t *testing.T, q jobs.Queue) {
	const producers, each = 4, 50
	want := map[opsdb.ID]bool{}
	batches := make([][]opsdb.Task, producers)
	for i := range batches {
		for j := range each {
			task := Task(fmt.Sprintf("site%d", j%3))
			want[task.ID] = true
			batches[i] = append(batches[i], task)
		}
	}
	ctx := limit(t)
	var wg sync.WaitGroup
	for _, b := range batches {
		wg.Go(func() {
			for _, task := range b {
				if err := q.Enqueue(ctx, []opsdb.Task{task}); err != nil {
					t.Errorf("enqueue: %v", err)
				}
			}
		})
	}
	took := make(chan opsdb.ID)
	consume, stop := context.WithCancel(ctx)
	for i := range 6 {
		sites := []string{fmt.Sprintf("site%d", i%3), fmt.Sprintf("site%d", (i+1)%3)}
		wg.Go(func() {
			for {
				id, err := next(consume, q, sites)
				if err != nil {
					return
				}
				took <- id
			}
		})
	}
	for len(want) > 0 {
		select {
		case id := <-took:
			delete(want, id)
		case <-ctx.Done():
			t.Errorf("%d tasks never came", len(want))
			clear(want)
		}
	}
	stop()
	wg.Wait()
}
