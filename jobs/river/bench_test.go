//go:build servers

package river_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/jobs/jobstest"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

func benchQueue(b *testing.B, inHand int) *river.Queue {
	b.Helper()
	url := testserver.Postgres(b)
	if err := river.Migrate(b.Context(), url); err != nil {
		b.Fatal(err)
	}
	q, err := river.Open(b.Context(), url, river.Options{ID: "bench", InHand: inHand})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = q.Close() })
	return q
}

// From an offer to a worker that holds the task, one at a time.
func BenchmarkLatencyOfAJob(b *testing.B) {
	q := benchQueue(b, 16)
	passed := clock.Monotonic()
	var took []time.Duration
	for range max(b.N, 300) {
		began := passed()
		one(b, q)
		took = append(took, passed()-began)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
}

func one(b *testing.B, q *river.Queue) {
	task := jobstest.Task("cologne")
	if err := q.Enqueue(b.Context(), []opsdb.Task{task}); err != nil {
		b.Fatal(err)
	}
	id, err := q.Next(b.Context(), []string{"cologne"})
	if err != nil || id != task.ID {
		b.Fatalf("got %s, %v", id, err)
	}
	_, over := q.Keep(b.Context(), id)
	over(true)
}

// Jobs in a second, offered in batches and ended at once.
func BenchmarkThroughputOfJobs(b *testing.B) {
	q := benchQueue(b, 1000)
	const batch, batches = 1000, 20
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	passed := clock.Monotonic()
	for range b.N {
		go offerBatches(ctx, b, q, batches, batch)
		for range batch * batches {
			id, err := q.Next(ctx, []string{"cologne"})
			if err != nil {
				b.Fatal(err)
			}
			_, over := q.Keep(ctx, id)
			over(true)
		}
	}
	b.ReportMetric(float64(b.N*batch*batches)/passed().Seconds(), "jobs/s")
}

func offerBatches(ctx context.Context, b *testing.B, q *river.Queue, batches, size int) {
	for n := range batches {
		tasks := make([]opsdb.Task, size)
		for i := range tasks {
			tasks[i] = jobstest.Task("cologne")
		}
		if err := q.Enqueue(ctx, tasks); err != nil {
			b.Error(fmt.Errorf("batch %d: %w", n, err))
		}
	}
}
