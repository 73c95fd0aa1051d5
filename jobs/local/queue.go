// Package local is the queue of embedded mode: in the memory of one process.
// What it holds is lost with the process and rebuilt at start from the tasks
// ([Queue.Rebuild]), which are the truth. It imports jobs and opsdb.
package local

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ccatobs/cdt/opsdb"
)

// Queue is an in-process [jobs.Queue]: first in, first out at each site, and
// the oldest of them for a worker that serves several. A task waits at most
// once: offered again it keeps its turn, unless its piece has moved on to
// another site. It is safe for use by several goroutines.
type Queue struct {
	mu      sync.Mutex
	turn    int64
	sites   map[string][]job
	at      map[opsdb.ID]string // site at which a task waits
	arrived chan struct{}       // closed and replaced when something was added
}

type job struct {
	task opsdb.ID
	turn int64
}

// New returns an empty queue.
func New() *Queue {
	return &Queue{
		sites:   map[string][]job{},
		at:      map[opsdb.ID]string{},
		arrived: make(chan struct{}),
	}
}

// Unclaimed is where a queue learns what waits for a worker.
type Unclaimed interface {
	Unclaimed(ctx context.Context) ([]opsdb.Task, error)
}

// Rebuild offers every task that waits for a worker. It may be called at any time.
func (q *Queue) Rebuild(ctx context.Context, from Unclaimed) error {
	tasks, err := from.Unclaimed(ctx)
	if err != nil {
		return fmt.Errorf("rebuild the queue from the tasks: %w", err)
	}
	return q.Enqueue(ctx, opsdb.Offers(tasks))
}

// Enqueue implements [jobs.Queue].
func (q *Queue) Enqueue(ctx context.Context, tasks []opsdb.Task) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(tasks) == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range tasks {
		q.add(t.ID, t.Site())
	}
	close(q.arrived)
	q.arrived = make(chan struct{})
	return nil
}

func (q *Queue) add(task opsdb.ID, site string) {
	if old, waits := q.at[task]; waits {
		if old == site {
			return
		}
		q.sites[old] = slices.DeleteFunc(q.sites[old], func(j job) bool { return j.task == task })
	}
	q.turn++
	q.at[task] = site
	q.sites[site] = append(q.sites[site], job{task, q.turn})
}

// Next implements [jobs.Queue].
func (q *Queue) Next(ctx context.Context, sites []string) (opsdb.ID, error) {
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		task, arrived := q.take(sites)
		if task != "" {
			return task, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-arrived:
		}
	}
}

// Take is Next without waiting; false if nothing waits at the sites.
func (q *Queue) Take(sites []string) (opsdb.ID, bool) {
	task, _ := q.take(sites)
	return task, task != ""
}

// Len is how many tasks wait, at all sites.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.at)
}

// take removes the oldest job of the sites. If there is none, the channel it
// returns is closed by whatever is added after this look: no wake-up is lost.
func (q *Queue) take(sites []string) (opsdb.ID, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	best, found := "", false
	for _, s := range sites {
		if len(q.sites[s]) > 0 && (!found || q.sites[s][0].turn < q.sites[best][0].turn) {
			best, found = s, true
		}
	}
	if !found {
		return "", q.arrived
	}
	task := q.sites[best][0].task
	q.sites[best] = q.sites[best][1:]
	delete(q.at, task)
	return task, nil
}
