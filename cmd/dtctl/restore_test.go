package main

import (
	"bytes"
	"context"
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the database as its own tools see it

	"github.com/ccatobs/cdt/opsdb"
)

// D7: a back-up is made while packages are under way, and put back after all went on to be archived. It is recognised;
// nothing is deleted or packed, and an unknown package stands in the way, until every location has its inventory.
// Then everything comes to its end, and the checker finds nothing.
func TestRestoreOfABackup(t *testing.T) {
	t.Parallel()
	// Sources and buffers are kept until the restore: proofs of deletions would be lost with the events after the back-up.
	y, r := newYardOf(t, keeping(yardRoutes)), rand.New(rand.NewPCG(7, 0)) //nolint:gosec // repeatable on purpose
	s := y.serve()
	y.waitUntil(s, func() bool { // the database is there, and its routes are in force
		var o, e bytes.Buffer
		return run(t.Context(), []string{"pause", "link:lab>cellar", "--why", "packages stay under way", "--db", y.db()}, strings.NewReader(""), &o, &e) == exitGood
	})
	y.fill("obs1", 8_000_000, r)
	y.waitUntil(s, func() bool { return y.members() == len(y.truth) }) // what is packed later is unknown when it is put back
	saved := filepath.Join(y.root, "backup.db")
	vacuumInto(t, y.db(), saved)
	if y.archived() {
		t.Fatal("everything was archived before the back-up: this tries nothing")
	}
	dtctl(t, exitGood, "resume", "link:lab>cellar", "--db", y.db())
	y.waitUntil(s, y.archived)
	s.stop()
	y.putBack(saved)
	stray := filepath.Join(y.root, "lab-lta", "camera", "obs7", "camera-obs7-m1-99-aabbccdd.tar")
	strayFile(t, stray)
	y.fill("obs3", 1_000_000, r)

	y.route(yardRoutes) // from now on all that is archived may go, and only the restore stands in the way
	s = y.serve("--allow-weaker")
	y.waitUntil(s, func() bool { return y.restored() != nil && y.grouped() > 0 })
	if out, _ := dtctl(t, exitGood, "status", "--db", y.db()); !strings.Contains(out, "THE DATABASE WAS RESTORED") {
		t.Errorf("status: %s", out)
	}
	dtctl(t, exitGood, "resume", "link:lab>cellar", "--db", y.db())
	before := y.packages()
	out, _ := dtctl(t, exitFound, "inventory", "--db", y.db())
	if !strings.Contains(out, "unknown camera/obs7/camera-obs7-m1-99-aabbccdd.tar") || !strings.Contains(out, "the database is not trusted yet") {
		t.Errorf("inventory: %s", out)
	}
	if y.restored() == nil || y.packages() != before || y.grouped() == 0 {
		t.Errorf("restored: %v, %d packages, were %d, %d files in groups", y.restored(), y.packages(), before, y.grouped())
	}
	y.waitUntil(s, func() bool {
		var o, e bytes.Buffer
		run(t.Context(), []string{"inventory", "--db", y.db(), "--accept", "--why", "a person looked"}, strings.NewReader(""), &o, &e)
		return y.restored() == nil
	})
	if err := os.RemoveAll(filepath.Dir(stray)); err != nil { // what a person accepted is dark to the checker
		t.Fatal(err)
	}
	y.waitUntilFinished(s)
	s.stop()
	y.judge()
	if n := y.highest(); n < 100 {
		t.Errorf("the highest number is %d, though 99 lay in an archive", n)
	}
}

// keeping are routes by which nothing is deleted soon.
func keeping(routes string) string {
	return strings.NewReplacer("delete_when: age >= seconds(2)", "delete_when: age >= days(1)", `archived_all("archives")}`, `archived_all("archives") && age >= days(1)}`).Replace(routes)
}

// vacuumInto makes a back-up of a database that is in use.
func vacuumInto(t *testing.T, db, to string) {
	t.Helper()
	c, err := sql.Open("sqlite", db)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's
	if _, err := c.ExecContext(t.Context(), "VACUUM INTO ?", to); err != nil {
		t.Fatal(err)
	}
}

func strayFile(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("packed after the back-up"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// putBack puts a back-up in the place of the database.
func (y *yard) putBack(saved string) {
	y.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(y.db() + suffix); err != nil {
			y.t.Fatal(err)
		}
	}
	if err := os.Rename(saved, y.db()); err != nil {
		y.t.Fatal(err)
	}
}

// waitUntil polls until something is so.
func (y *yard) waitUntil(s *served, so func() bool) {
	y.t.Helper()
	limit, look := time.NewTimer(10*time.Minute), time.NewTicker(100*time.Millisecond)
	defer limit.Stop()
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-limit.C:
			y.t.Fatalf("it never came to be: %s\n%s", y.progress(), s.log())
		case <-s.done:
			y.t.Fatalf("serve ended by itself: %v\n%s", s.err, s.log())
		}
	}
}

func (y *yard) restored() (r *opsdb.Restored) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		w, err := s.World(ctx)
		r = w.Restored
		return err
	})
	return r
}

func (y *yard) grouped() (n int) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		t, err := s.Totals(ctx)
		n = t.Grouped.Count
		return err
	})
	return n
}

// archived reports whether every package is verified in both archives.
func (y *yard) archived() (all bool) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		t, err := s.Totals(ctx)
		all = t.Packages["archived"] > 0 && len(t.Packages) == 1
		return err
	})
	return all
}

// highest is the highest number of a package.
func (y *yard) highest() (n int64) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		facts, err := s.Packages(ctx, opsdb.Query{})
		for _, f := range facts {
			n = max(n, f.Package.Number)
		}
		return err
	})
	return n
}

// judge wants no violation, and all files in all archives.
func (y *yard) judge() {
	y.t.Helper()
	report := y.check()
	for _, v := range report.Violations {
		y.t.Errorf("violation: %s", v)
	}
	for archive, n := range report.Archived {
		if n != report.Files {
			y.t.Errorf("%s has %d of %d files", archive, n, report.Files)
		}
	}
	y.t.Logf("%d files in %d packages, %d events, %d violations, %d notes", report.Files, y.packages(), report.Events, len(report.Violations), len(report.Notes))
	dtctl(y.t, exitGood, "audit", "verify", "--db", y.db())
}
