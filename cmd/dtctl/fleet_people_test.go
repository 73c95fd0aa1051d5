//go:build servers

package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// Engines and workers log in with no more rights than they need.
func TestFleetWithFewRights(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testserver.Postgres(t), "MB(8)")
	f.users = map[string]string{"serve": "an_engine", "work": "a_worker"}
	_, errs := dtctl(t, exitGood, "migrate", "--roles", "--db", f.url)
	conn, err := pgx.Connect(t.Context(), f.url)
	if err != nil {
		t.Fatal(err, errs)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	for _, sql := range []string{"CREATE ROLE an_engine LOGIN IN ROLE cdt_engine", "CREATE ROLE a_worker LOGIN IN ROLE cdt_worker, cdt_api", "CREATE ROLE nobody LOGIN"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	f.engine().waitFor(`"msg":"serving"`)
	f.initialise()
	workers := []*served{f.worker("ccat"), f.worker("cologne"), f.worker("cornell")}
	f.fill("obs1", 20_000_000, 4_000_000, rand.New(rand.NewPCG(6, 0))) //nolint:gosec // repeatable on purpose
	f.until("everything is archived and cleaned up", 2*time.Minute, f.finished)
	for _, w := range workers {
		w.stop()
	}
	f.check()
	out, _ := dtctl(t, exitFound, "doctor", "--db", strings.Replace(f.url, "cdt@", "a_worker@", 1), "--state", t.TempDir())
	if !strings.Contains(out, "has the rights of cdt_api, cdt_worker") {
		t.Errorf("the doctor does not tell the worker's rights:\n%s", out)
	}
	_, errs = dtctl(t, exitFound, "status", "--db", strings.Replace(f.url, "cdt@", "nobody@", 1))
	if !strings.Contains(errs, "permission denied") && !strings.Contains(errs, "may not") {
		t.Errorf("a user without rights is told %q", errs)
	}
}

// One process does everything on PostgreSQL, as it does on an embedded database.
func TestServeAllOverPostgres(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testserver.Postgres(t), "MB(8)")
	f.fill("obs1", 10_000_000, 4_000_000, rand.New(rand.NewPCG(7, 0))) //nolint:gosec // repeatable on purpose
	all := f.start("serve", "--role", "all", "--routes", f.routes(), "--init-locations", "--scan", "1s", "--sweep", "2s")
	f.until("everything is archived and cleaned up", 2*time.Minute, f.finished)
	all.stop()
	f.check()
	out, _ := dtctl(t, exitGood, "status", "--db", f.url)
	if strings.Contains(out, "PROCESS") {
		t.Errorf("a process that has signed off is still shown:\n%s", out)
	}
}

// A person stops what runs, wherever it runs, long before a lease would end; it goes on when it is resumed.
func TestPauseNowStopsWhatRuns(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testserver.Postgres(t), "GB(1)")
	f.engine().waitFor(`"msg":"serving"`)
	f.initialise()
	f.fill("obs1", 400_000_000, 400_000_000, rand.New(rand.NewPCG(5, 0))) //nolint:gosec // repeatable on purpose
	f.worker("ccat")
	var id opsdb.ID
	f.until("the package is being packed", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		tasks, err := s.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskInProgress)})
		if len(tasks) > 0 {
			id = tasks[0].ID
		}
		return id != "", err
	})
	out, _ := dtctl(t, exitGood, "pause", "site:ccat", "--now", "--db", f.url)
	if !strings.Contains(out, "site:ccat is paused: 1 stopped") {
		t.Fatalf("the order says %q", out)
	}
	f.until("the task is given back", 10*time.Second, func(ctx context.Context, s looker) (bool, error) {
		task, err := s.Task(ctx, id)
		return task.State != opsdb.TaskInProgress, err
	})
	if task, err := f.look().Task(t.Context(), id); err != nil || task.State == opsdb.TaskCompleted || task.Attempts > 0 {
		t.Fatalf("the stopped task is %s after %d attempts, %v", task.State, task.Attempts, err)
	}
	out, _ = dtctl(t, exitGood, "status", "--db", f.url)
	if !strings.Contains(out, "drained, nothing runs") {
		t.Errorf("the status does not say that the site is drained:\n%s", out)
	}
	dtctl(t, exitGood, "resume", "site:ccat", "--db", f.url)
	f.worker("cologne")
	f.worker("cornell")
	f.until("everything is archived and cleaned up", 3*time.Minute, f.finished)
	f.check()
}

// A site nobody knows, and a program that waits for nobody, are told clearly.
func TestWorkerOfAnUnknownSite(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testserver.Postgres(t), "MB(64)")
	_, errs := dtctl(t, exitUse, "serve", "--role", "engine", "--db", f.url)
	if !strings.Contains(errs, "no routes are in force in this database yet") {
		t.Errorf("an engine without routes: %s", errs)
	}
	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	_, errs = dtctl(t, exitUse, "work", "--site", "cologn", "--db", f.url, "--state", t.TempDir())
	if !strings.Contains(errs, "they have ccat, cologne, cornell") || !strings.Contains(errs, "did you mean cologne?") {
		t.Errorf("an unknown site: %s", errs)
	}
	out, _ := dtctl(t, exitFound, "doctor", "--db", f.url, "--site", "ccat", "--state", t.TempDir())
	for _, want := range []string{"good   queue", "the database's clock and this host's agree", "start `dtctl work --site cologne` there", "run `dtctl init-location ccat.buffer`"} {
		if !strings.Contains(out, want) {
			t.Errorf("the doctor does not say %q:\n%s", want, out)
		}
	}
}
