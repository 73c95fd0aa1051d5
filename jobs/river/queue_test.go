//go:build servers

package river_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/jobs/jobstest"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// fresh gives databases of their own on one server.
func fresh(t *testing.T, server string) func(t *testing.T) string {
	var n atomic.Int64
	return func(t *testing.T) string {
		t.Helper()
		name := fmt.Sprintf("queue%d", n.Add(1))
		exec(t, server, "CREATE DATABASE "+name)
		url := server + " dbname=" + name
		if err := river.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		return url
	}
}

func exec(t *testing.T, url, sql string, args ...any) {
	t.Helper()
	conn := dial(t, url)
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func open(t *testing.T, url, id string) *river.Queue {
	t.Helper()
	q, err := river.Open(t.Context(), url, river.Options{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

// eventually waits until the count that sql asks for is as wanted.
func eventually(t *testing.T, url string, want int, sql string, args ...any) {
	t.Helper()
	conn := dial(t, url)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for {
		var got int
		if err := conn.QueryRow(t.Context(), sql, args...).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: %d, want %d", sql, got, want)
		}
	}
}

func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

const running = `SELECT count(*) FROM river.river_job WHERE state = 'running'`

func TestQueue(t *testing.T) {
	t.Parallel()
	database := fresh(t, testserver.Postgres(t))
	jobstest.Run(t, func(t *testing.T) jobs.Queue { return open(t, database(t), t.Name()) })
}

func TestHouse(t *testing.T) {
	t.Parallel()
	database := fresh(t, testserver.Postgres(t))
	for _, c := range []struct {
		name string
		test func(t *testing.T, url string)
	}{
		{"a job comes with the commit of its task and not without", transactional},
		{"every offer wakes, however soon after another", wakes},
		{"a run is cancelled from elsewhere", cancelledFromElsewhere},
		{"what a worker did not begin goes to another", givenBack},
		{"what a worker leaves goes to another while its runs go on", left},
		{"jobs of processes that are gone are ended, those of the living are not", swept},
		{"jobs of tasks that are over or given out anew are ended, whoever has them", sweptOver},
		{"a worker leads nothing, an engine does", leading},
		{"migrating twice is harmless, and missing tables are told", migrated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, database(t))
		})
	}
}

func transactional(t *testing.T, url string) {
	in, err := river.NewInserter()
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, url)
	lost, kept := jobstest.Task("cologne"), jobstest.Task("cologne")
	for _, c := range []struct {
		task opsdb.Task
		end  func(pgx.Tx) error
	}{
		{lost, func(tx pgx.Tx) error { return tx.Rollback(t.Context()) }},
		{kept, func(tx pgx.Tx) error { return tx.Commit(t.Context()) }},
	} {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(in.Enqueue(t.Context(), tx, []opsdb.Task{c.task}), c.end(tx)); err != nil {
			t.Fatal(err)
		}
	}
	q := open(t, url, "w")
	if got, err := q.Next(limit(t), []string{"cologne"}); err != nil || got != kept.ID {
		t.Fatalf("got %s, %v; want %s", got, err, kept.ID)
	}
	_, over := q.Keep(t.Context(), kept.ID)
	eventually(t, url, 1, running)
	over(true)
	over(true)
	eventually(t, url, 0, running)
}

func wakes(t *testing.T, url string) {
	q, err := river.Open(t.Context(), url, river.Options{ID: "w", Poll: time.Hour}) // only wake-ups count
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	in, err := river.NewInserter()
	if err != nil {
		t.Fatal(err)
	}
	conn, ctx := dial(t, url), limit(t)
	for n := range 200 {
		task := jobstest.Task("cologne")
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return in.Enqueue(ctx, tx, []opsdb.Task{task}) })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := q.Next(ctx, []string{"cologne"}); err != nil || got != task.ID {
			t.Fatalf("offer %d: got %s, %v", n, got, err)
		}
		_, over := q.Keep(ctx, task.ID)
		over(true)
	}
}

func cancelledFromElsewhere(t *testing.T, url string) {
	q := open(t, url, "w")
	house, err := river.KeepHouse(t.Context(), url, "e", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = house.Close() })
	task := jobstest.Task("cologne")
	if err := q.Enqueue(t.Context(), []opsdb.Task{task}); err != nil {
		t.Fatal(err)
	}
	id, err := q.Next(limit(t), []string{"cologne"})
	if err != nil {
		t.Fatal(err)
	}
	run, over := q.Keep(limit(t), id)
	defer over(true)
	if n, err := house.Cancel(t.Context(), task.ID); n != 1 || err != nil {
		t.Fatalf("cancelled %d jobs, %v", n, err)
	}
	<-run.Done()
	if !errors.Is(context.Cause(run), jobs.ErrCancelled) {
		t.Fatalf("the run ended with %v", context.Cause(run))
	}
	if n, err := river.CancelTasks(t.Context(), url, []opsdb.ID{task.ID, opsdb.NewID()}); n != 1 || err != nil {
		t.Fatalf("cancelled %d jobs of one that is not over yet, %v", n, err)
	}
	if n, err := q.Cancel(t.Context(), opsdb.NewID()); n != 0 || err != nil {
		t.Fatalf("cancelled %d jobs of a task without any, %v", n, err)
	}
}

func givenBack(t *testing.T, url string) {
	first := open(t, url, "first")
	a, b := jobstest.Task("cologne"), jobstest.Task("cologne")
	if err := first.Enqueue(t.Context(), []opsdb.Task{a, b}); err != nil {
		t.Fatal(err)
	}
	if got, err := first.Next(limit(t), []string{"cologne"}); err != nil || got != a.ID {
		t.Fatalf("got %s, %v", got, err)
	}
	_, over := first.Keep(t.Context(), a.ID)
	eventually(t, url, 2, running)
	over(true)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, url, "second")
	if got, err := second.Next(limit(t), []string{"cologne"}); err != nil || got != b.ID {
		t.Fatalf("got %s, %v; want what the first did not begin: %s", got, err, b.ID)
	}
	_, over = second.Keep(t.Context(), b.ID)
	over(true)
}

// left has a worker leave with one run that goes on, one task it has taken and not begun, and two it has not taken.
func left(t *testing.T, url string) {
	first := open(t, url, "first")
	tasks := []opsdb.Task{jobstest.Task("cologne"), jobstest.Task("cologne"), jobstest.Task("cologne"), jobstest.Task("cologne")}
	if err := first.Enqueue(t.Context(), tasks); err != nil {
		t.Fatal(err)
	}
	overs := make([]func(bool), 2)
	for i := range overs {
		if got, err := first.Next(limit(t), []string{"cologne"}); err != nil || got != tasks[i].ID {
			t.Fatalf("got %s, %v", got, err)
		}
		_, overs[i] = first.Keep(t.Context(), tasks[i].ID)
	}
	eventually(t, url, 4, running)
	first.Leave()
	overs[1](false)
	eventually(t, url, 1, running)
	late := jobstest.Task("cologne")
	if err := first.Enqueue(t.Context(), []opsdb.Task{late}); err != nil {
		t.Fatal(err)
	}
	second := open(t, url, "second")
	want := map[opsdb.ID]bool{tasks[1].ID: true, tasks[2].ID: true, tasks[3].ID: true, late.ID: true}
	for range len(want) {
		got, err := second.Next(limit(t), []string{"cologne"})
		if err != nil || !want[got] {
			t.Fatalf("got %s, %v; want what the first left", got, err)
		}
		delete(want, got)
		_, over := second.Keep(t.Context(), got)
		over(true)
	}
	eventually(t, url, 1, `SELECT count(*) FROM river.river_job`)
	if n, err := second.Cancel(t.Context(), tasks[0].ID); n != 1 || err != nil {
		t.Fatalf("reached %d jobs of the run that goes on, %v", n, err)
	}
	overs[0](true)
	eventually(t, url, 0, running)
}

// sweptOver has a process hold jobs whose tasks went on without it, as after a kill and a start under the same name.
func sweptOver(t *testing.T, url string) {
	exec(t, url, tasksTable)
	q := open(t, url, "w")
	stale := map[string]bool{"completed": true, "pending": true, "anew": true, "another's": true}
	tasks := map[opsdb.ID]string{}
	for _, is := range []string{"runs", "waits", "completed", "pending", "anew", "another's"} {
		task := jobstest.Task("cologne")
		tasks[task.ID] = is
		exec(t, url, `INSERT INTO task VALUES ($1, 'scheduled', '', now())`, string(task.ID))
		if err := q.Enqueue(t.Context(), []opsdb.Task{task}); err != nil {
			t.Fatal(err)
		}
	}
	for range tasks {
		id, err := q.Next(limit(t), []string{"cologne"})
		if err != nil {
			t.Fatal(err)
		}
		_, over := q.Keep(t.Context(), id)
		t.Cleanup(func() { over(true) })
	}
	house, err := river.KeepHouse(t.Context(), url, "e", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = house.Close() })
	for id, is := range tasks {
		switch is {
		case "runs":
			exec(t, url, `UPDATE task SET state = 'in_progress', worker = 'w', updated_at = now() WHERE id = $1`, string(id))
		case "completed", "pending":
			exec(t, url, `UPDATE task SET state = $2 WHERE id = $1`, string(id), is)
		case "anew":
			exec(t, url, `UPDATE task SET updated_at = now() WHERE id = $1`, string(id))
		case "another's":
			exec(t, url, `UPDATE task SET state = 'in_progress', worker = 'v', updated_at = now() WHERE id = $1`, string(id))
		}
	}
	if n, err := house.Sweep(t.Context(), []string{"w"}); n != 0 || err != nil {
		t.Fatalf("ended %d jobs that were fetched a moment ago, %v", n, err)
	}
	exec(t, url, `UPDATE river.river_job SET attempted_at = attempted_at - interval '1 minute'`)
	exec(t, url, `UPDATE task SET updated_at = updated_at - interval '1 minute' WHERE state <> 'pending'`)
	if n, err := house.Sweep(t.Context(), []string{"w"}); n != len(stale) || err != nil {
		t.Fatalf("ended %d jobs, %v; want %d", n, err, len(stale))
	}
	for id, is := range tasks {
		want := 1
		if stale[is] {
			want = 0
		}
		eventually(t, url, want, running+` AND args->>'task' = $1`, string(id))
	}
}

// tasksTable is as much of OpsDB as a sweep looks at.
const tasksTable = `CREATE TABLE task (id text PRIMARY KEY, state text NOT NULL, worker text NOT NULL, updated_at timestamptz NOT NULL)`

func swept(t *testing.T, url string) {
	exec(t, url, tasksTable)
	for _, id := range []string{"gone", "living"} {
		q := open(t, url, id)
		if err := q.Enqueue(t.Context(), []opsdb.Task{jobstest.Task("site-" + id)}); err != nil {
			t.Fatal(err)
		}
		task, err := q.Next(limit(t), []string{"site-" + id})
		if err != nil {
			t.Fatal(err)
		}
		_, over := q.Keep(t.Context(), task)
		t.Cleanup(func() { over(true) })
	}
	eventually(t, url, 2, running)
	house, err := river.KeepHouse(t.Context(), url, "e", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = house.Close() })
	if n, err := house.Sweep(t.Context(), []string{"living"}); n != 1 || err != nil {
		t.Fatalf("ended %d jobs, %v", n, err)
	}
	eventually(t, url, 1, running+` AND attempted_by = '{living}'`)
	eventually(t, url, 1, running)
}

func leading(t *testing.T, url string) {
	q := open(t, url, "w")
	task := jobstest.Task("cologne")
	if err := q.Enqueue(t.Context(), []opsdb.Task{task}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Next(limit(t), []string{"cologne"}); err != nil {
		t.Fatal(err)
	}
	_, over := q.Keep(t.Context(), task.ID)
	over(true)
	eventually(t, url, 0, `SELECT count(*) FROM river.river_leader`)
	house, err := river.KeepHouse(t.Context(), url, "e", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, url, 1, `SELECT count(*) FROM river.river_leader WHERE leader_id = 'e'`)
	if err := house.Close(); err != nil {
		t.Fatal(err)
	}
}

func migrated(t *testing.T, url string) {
	if err := river.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if missing, err := river.Missing(t.Context(), url); len(missing) > 0 || err != nil {
		t.Fatalf("missing %q, %v", missing, err)
	}
	exec(t, url, `DROP SCHEMA river CASCADE`)
	missing, err := river.Missing(t.Context(), url)
	if len(missing) == 0 && err == nil {
		t.Fatal("nothing is missing without tables")
	}
	if _, err := river.Open(t.Context(), "host=/nowhere user=cdt", river.Options{}); err == nil {
		t.Fatal("opened without a server")
	}
	if _, err := river.KeepHouse(t.Context(), "port=x", "e", nil); err == nil {
		t.Fatal("kept house at a wrong address")
	}
}

// TestDoneJobsAreGone shows that of a job that is over no row is left, whether its run was cancelled or not.
func TestDoneJobsAreGone(t *testing.T) {
	t.Parallel()
	url := fresh(t, testserver.Postgres(t))(t)
	q := open(t, url, "w")
	const all = 20
	for range all {
		if err := q.Enqueue(t.Context(), []opsdb.Task{jobstest.Task("cologne")}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range all {
		id, err := q.Next(limit(t), []string{"cologne"})
		if err != nil {
			t.Fatal(err)
		}
		run, over := q.Keep(t.Context(), id)
		if n == 0 {
			eventually(t, url, 1, `SELECT count(*) FROM river.river_job WHERE state = 'running' AND args->>'task' = $1`, string(id))
			if _, err := q.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			<-run.Done()
		}
		over(true)
	}
	eventually(t, url, 0, `SELECT count(*) FROM river.river_job`)
}

// A fetch is on the disk only a moment after it was made. After a crash that took it back, the job is fetched again, by whoever is there; that the task runs once is the
// claim's to see to (TestTwoWorkersWithOneIdentity, TestE2ALateWorkerOfARealStore). Both ends leave no row.
func TestAFetchThatACrashTookBack(t *testing.T) {
	t.Parallel()
	url := fresh(t, testserver.Postgres(t))(t)
	first, err := river.Open(t.Context(), url, river.Options{ID: "w1", Poll: time.Hour}) // it hears of nothing twice
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // the test ends
	task := jobstest.Task("cologne")
	if err := first.Enqueue(t.Context(), []opsdb.Task{task}); err != nil {
		t.Fatal(err)
	}
	if id, err := first.Next(limit(t), []string{"cologne"}); err != nil || id != task.ID {
		t.Fatalf("got %s, %v", id, err)
	}
	exec(t, url, `UPDATE river.river_job SET state = 'available', attempt = 0, attempted_at = NULL, attempted_by = NULL`)
	second := open(t, url, "w2")
	if id, err := nextOf(t, first, second); err != nil || id != task.ID {
		t.Fatalf("after the crash: got %s, %v", id, err)
	}
	for _, q := range []*river.Queue{first, second} {
		run, over := q.Keep(t.Context(), task.ID)
		if err := run.Err(); err != nil {
			t.Errorf("the run was ended: %v", err)
		}
		over(true)
	}
	eventually(t, url, 0, `SELECT count(*) FROM river.river_job`)
}

// nextOf is what the first of some queues to get anything for cologne gets.
func nextOf(t *testing.T, queues ...*river.Queue) (opsdb.ID, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(limit(t))
	defer cancel()
	type result struct {
		id  opsdb.ID
		err error
	}
	got := make(chan result, len(queues))
	for _, q := range queues {
		go func() {
			id, err := q.Next(ctx, []string{"cologne"})
			got <- result{id, err}
		}()
	}
	r := <-got
	return r.id, r.err
}
