//go:build servers

package main

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// D7 on PostgreSQL: a dump is made while packages are under way, and put back after all were archived. An engine or a
// worker recognises it by what it saw; nothing is deleted until every location has its inventory. Then everything comes
// to its end, and the checker finds nothing.
func TestRestoreOfADump(t *testing.T) {
	t.Parallel()
	// Nothing is deleted before the restore: proofs would be lost with the events after the dump.
	later := strings.NewReplacer("MAX", "MB(4)", "delete_when: age >= seconds(2)", "delete_when: age >= seconds(30)",
		"delete_when: archived >= 2", "delete_when: archived >= 2 && age >= seconds(30)", `archived_all("archives")}`, `archived_all("archives") && age >= seconds(30)}`)
	f := newFleetOf(t, testserver.Postgres(t), t.TempDir(), later.Replace(fleetRoutes))
	start := func() []*served {
		engine := f.engine()
		engine.waitFor(`"msg":"serving"`)
		if f.truth == nil {
			f.initialise()
		}
		return []*served{engine, f.worker("ccat"), f.worker("cologne"), f.worker("cornell")}
	}
	all := start()
	f.fill("obs1", 20_000_000, 2_000_000, rand.New(rand.NewPCG(9, 0))) //nolint:gosec // repeatable on purpose
	f.until("every file is in a package", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		n := 0 // what is packed after the dump is unknown when that is put back, and waits for a person
		facts, err := s.Packages(ctx, opsdb.Query{Limit: 1000})
		for _, p := range facts {
			n += p.Package.Files
		}
		return n == len(f.truth), err
	})
	dump := filepath.Join(f.root, "cdt.dump")
	f.tool("pg_dump", "-Fc", "-d", f.url, "-f", dump)
	f.until("every package is archived", 2*time.Minute, func(ctx context.Context, s looker) (bool, error) {
		n, err := s.Totals(ctx)
		return err == nil && len(n.Packages) == 1 && n.Packages["archived"] > 0, err
	})
	dtctl(t, exitGood, "pause", "route:raw", "--db", f.url, "--why", "something after the dump")
	dtctl(t, exitGood, "resume", "route:raw", "--db", f.url)
	f.until("what was done since is in the chain", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		n, err := s.Totals(ctx)
		return n.Unchained == 0, err
	})
	for _, p := range all {
		p.stop()
	}
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	f.store = nil
	f.tool("pg_restore", "--clean", "--if-exists", "-d", f.url, dump)

	all = start()
	restored := func(ctx context.Context, s looker) (bool, error) {
		w, err := s.World(ctx)
		return w.Restored != nil, err
	}
	f.until("it is recognised", time.Minute, restored)
	if out, _ := dtctl(t, exitGood, "status", "--db", f.url); !strings.Contains(out, "THE DATABASE WAS RESTORED") {
		t.Errorf("status: %s", out)
	}
	f.until("every location has its inventory", 2*time.Minute, func(ctx context.Context, s looker) (bool, error) {
		var o, e strings.Builder
		run(ctx, []string{"inventory", "--db", f.url}, strings.NewReader(""), &o, &e)
		is, err := restored(ctx, s)
		return !is, err
	})
	f.until("everything is archived and cleaned up", 3*time.Minute, f.finished)
	for _, p := range all {
		p.stop()
	}
	f.check()
	dtctl(t, exitGood, "audit", "verify", "--db", f.url)
}

// tool runs a program of PostgreSQL's.
func (f *fleet) tool(name string, args ...string) {
	f.t.Helper()
	if out, err := exec.CommandContext(f.t.Context(), name, args...).CombinedOutput(); err != nil {
		f.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
