//go:build servers

package river

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// poll waits until something is so.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("in vain: %s", what)
		}
	}
}

func dialed(t *testing.T, cfg *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Who hears of jobs while River fetches, and River while who heard does, leave it to the other: in hand is what there is room for.
func TestFetchedByOneAtATime(t *testing.T) {
	for _, riverFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("River first: %v", riverFirst), func(t *testing.T) {
			b := newBed(t, 2)
			b.offer("a", "b", "c", "d")
			pool, err := connect(t.Context(), b.conn.Config().ConnString())
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			own, watch := dialed(t, b.conn.Config().Copy()), dialed(t, b.conn.Config().Copy())
			rivers := executor{nil, pool, b.hands, b.early}
			got := 0
			askRiver := func() {
				res, err := rivers.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{ClientID: "w1", Queue: "cologne", MaxToLock: 2 - got})
				if err != nil {
					t.Error(err)
					return
				}
				got += len(res.Jobs)
			}
			told := func() { b.early.told(t.Context(), own, "cologne") }
			first, second := told, askRiver
			if riverFirst {
				first, second = askRiver, told
			}
			if _, err := b.conn.Exec(t.Context(), `BEGIN; LOCK TABLE river.river_job IN SHARE MODE`); err != nil {
				t.Fatal(err)
			}
			waiting := func(n int) bool {
				var is int
				if err := watch.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&is); err != nil {
					t.Fatal(err)
				}
				return is == n
			}
			var all sync.WaitGroup
			all.Go(first)
			poll(t, "the first fetch is on its way", func() bool { return waiting(1) })
			ended := make(chan struct{})
			all.Go(func() { defer close(ended); second() })
			poll(t, "the second has fetched or left it to the first", func() bool {
				select {
				case <-ended:
					return true
				default:
					return waiting(2)
				}
			})
			if _, err := b.conn.Exec(t.Context(), `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			all.Wait()
			b.count(2, "running", 1)
			b.next("a")
			b.next("b")
			b.next("")
			if got < 2 {
				askRiver() // as what brought the word has it do
			}
			if got != 2 {
				t.Errorf("River has %d jobs, want 2", got)
			}
			b.count(2, "running", 1)
		})
	}
}

// What a person has cancelled goes back to nobody.
func TestCancelledIsNotGivenBack(t *testing.T) {
	b := newBed(t, 4)
	url := b.conn.Config().ConnString()
	b.offer("a", "b")
	b.told()
	if n, err := CancelTasks(t.Context(), url, []opsdb.ID{"a"}); err != nil || n != 1 {
		t.Fatalf("%d jobs were cancelled, %v", n, err)
	}
	pool, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := b.early.giveBack(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	b.count(1, "cancelled", 0)
	b.count(1, "available", 0)
}

// heard opens a queue for cologne of which River fetches only once, when it begins: that is over, and nothing is in hand. Other tasks, of other sites, are
// there before the queue is, too, so that it hears of none and River brings them.
func heard(t *testing.T, others ...opsdb.Task) (*Queue, string) {
	t.Helper()
	url := testserver.Postgres(t)
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), dialed(t, cfg), func(tx pgx.Tx) error {
		return insert(t.Context(), tx, append(others, opsdb.Task{ID: "first", SendSite: "cologne", ReceiveSite: "cologne", Piece: opsdb.Whole}))
	})
	if err != nil {
		t.Fatal(err)
	}
	q, err := Open(t.Context(), url, Options{ID: "w1", Poll: time.Hour, Cooldown: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, q, "first")
	poll(t, "nothing is in hand", func() bool { return q.hands.idle("cologne") })
	return q, url
}

func offer(t *testing.T, q *Queue, tasks ...opsdb.ID) {
	t.Helper()
	var list []opsdb.Task
	for _, id := range tasks {
		list = append(list, opsdb.Task{ID: id, SendSite: "cologne", ReceiveSite: "cologne", Piece: opsdb.Whole})
	}
	if err := q.Enqueue(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

func finish(t *testing.T, q *Queue, want opsdb.ID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if got, err := q.Next(ctx, []string{"cologne"}); err != nil || got != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
	_, over := q.Keep(ctx, want)
	over(true)
}

// What waits for a job has it before River's poll, or its first fetch of many, could bring it: by the connection that brings the word.
func TestHeardAndFetched(t *testing.T) {
	t.Parallel()
	q, _ := heard(t)
	for _, id := range []opsdb.ID{"a", "b", "c"} {
		offer(t, q, id)
		finish(t, q, id)
		poll(t, "what was fetched is there for River", func() bool {
			q.early.mu.Lock()
			defer q.early.mu.Unlock()
			return len(q.early.answers["cologne"].jobs) > 0
		})
		jobs, _ := q.early.take("cologne", 16)
		for _, f := range jobs {
			q.hands.drop(t.Context(), f.job) // River does not come for it in an hour
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// A worker has taken what River never came for, and the process ends: what it did not begin, before the end or while it comes, goes back at once. What it
// began does not, nor what a person has cancelled.
func TestTakenAndNotBegunIsGivenBack(t *testing.T) {
	t.Parallel()
	q, url := heard(t)
	offer(t, q, "begun", "cancelled", "unbegun", "late", "waiting")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	runs, overs := map[opsdb.ID]context.Context{}, map[opsdb.ID]func(bool){}
	for _, want := range []opsdb.ID{"begun", "cancelled", "unbegun", "late"} {
		if got, err := q.Next(ctx, []string{"cologne"}); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		runs[want], overs[want] = q.Keep(ctx, want)
	}
	if n, err := CancelTasks(ctx, url, []opsdb.ID{"cancelled"}); err != nil || n != 1 {
		t.Fatalf("%d jobs were cancelled, %v", n, err)
	}
	<-runs["cancelled"].Done()
	overs["begun"](true)
	overs["cancelled"](false)
	overs["unbegun"](false)
	go func() {
		<-runs["late"].Done()
		overs["late"](false)
	}()
	q.Leave()
	time.AfterFunc(50*time.Millisecond, cancel) // as a worker ends its runs; the close below may come first
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	left(t, url, map[opsdb.ID]string{"unbegun": "available", "late": "available", "waiting": "available"})
}

// A run that does not end keeps the close waiting, but nothing that was not begun.
func TestGivenBackThoughARunDoesNotEnd(t *testing.T) {
	t.Parallel()
	q, url := heard(t, opsdb.Task{ID: "endless", SendSite: "cornell", ReceiveSite: "cornell", Piece: opsdb.Whole})
	take := func(site string, want opsdb.ID) func(bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		t.Cleanup(cancel)
		if got, err := q.Next(ctx, []string{site}); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
		_, over := q.Keep(ctx, want)
		return over
	}
	over := take("cornell", "endless")
	defer over(true)
	offer(t, q, "a", "b")
	take("cologne", "a")(false)
	if err := q.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the close ended with %v", err)
	}
	left(t, url, map[opsdb.ID]string{"a": "available", "b": "available"})
}

// left are the tasks of which there are jobs of cologne, by their states, but what a person has cancelled.
func left(t *testing.T, url string, want map[opsdb.ID]string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := dialed(t, cfg).Query(t.Context(), `SELECT args->>'task', state::text FROM river.river_job WHERE queue = 'cologne' AND state <> 'cancelled'`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[opsdb.ID]string{}
	var task, state string
	if _, err := pgx.ForEachRow(rows, []any{&task, &state}, func() error { got[opsdb.ID(task)] = state; return nil }); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("jobs left: %v, want %v", got, want)
	}
}

// A cancel is heard of a job that River has not come for, too.
func TestCancelHeardBeforeRiverCame(t *testing.T) {
	t.Parallel()
	q, url := heard(t)
	offer(t, q, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if got, err := q.Next(ctx, []string{"cologne"}); err != nil || got != "a" {
		t.Fatalf("got %q, %v", got, err)
	}
	run, over := q.Keep(ctx, "a")
	if n, err := CancelTasks(t.Context(), url, []opsdb.ID{"a"}); err != nil || n != 1 {
		t.Fatalf("%d jobs were cancelled, %v", n, err)
	}
	<-run.Done()
	if !errors.Is(context.Cause(run), jobs.ErrCancelled) {
		t.Errorf("the run ended by %v, want a cancel", context.Cause(run))
	}
	over(true)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// Connections of the queues that break, again and again, lose nothing: each task is given out, and no job is left.
func TestConnectionsBreak(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	mine := dialed(t, cfg)
	const rounds, each = 60, 5
	sites := []string{"cologne", "cornell"}
	var mu sync.Mutex
	seen := map[opsdb.ID]int{}
	var all sync.WaitGroup
	next, stop := context.WithCancel(ctx)
	var queues []*Queue
	for _, id := range []string{"w1", "w2"} {
		q, err := Open(ctx, url+" application_name=queue", Options{ID: id, InHand: 3, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		queues = append(queues, q)
		if err := q.serve(sites); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			all.Go(func() {
				for {
					task, err := q.Next(next, sites)
					if err != nil {
						return
					}
					_, over := q.Keep(next, task)
					mu.Lock()
					seen[task]++
					mu.Unlock()
					over(true)
				}
			})
		}
	}
	for round := range rounds {
		tx, err := mine.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var list []opsdb.Task
		for i := range each {
			site := sites[(round+i)%2]
			list = append(list, opsdb.Task{ID: opsdb.ID(fmt.Sprintf("%d-%d", round, i)), SendSite: site, ReceiveSite: site, Piece: opsdb.Whole})
		}
		if err := insert(ctx, tx, list); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if round%4 == 3 { // while what was just inserted is fetched
			if _, err := mine.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'queue'`); err != nil {
				t.Fatal(err)
			}
		}
		poll(t, "half of what was offered was given out", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(seen) >= (round+1)*each/2
		})
	}
	poll(t, "everything was given out", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == rounds*each
	})
	poll(t, "no job is left", func() bool {
		var left int
		if err := mine.QueryRow(ctx, `SELECT count(*) FROM river.river_job`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		return left == 0
	})
	stop()
	all.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("task %s was given out %d times", id, n)
		}
	}
	for _, q := range queues {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}
