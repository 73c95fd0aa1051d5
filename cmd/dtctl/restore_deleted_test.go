package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// D7: after a back-up source files and buffers are cleaned; then the back-up is put back, which believes all of them to be there still. The
// inventory finds what is not there: nothing is believed that is not there, nothing is lost, and everything goes on.
func TestRestoreOfABackupOfWhatWasDeletedSince(t *testing.T) {
	t.Parallel()
	y, r := newYardOf(t, keeping(yardRoutes)), rand.New(rand.NewPCG(7, 1)) //nolint:gosec // repeatable on purpose
	y.fill("obs1", 3_000_000, r)
	s := y.serve()
	y.waitUntil(s, func() bool { return y.members() == len(y.truth) && y.archived() })
	saved := filepath.Join(y.root, "backup.db")
	vacuumInto(t, y.db(), saved)
	s.stop()
	y.route(yardRoutes)
	s = y.serve("--allow-weaker")
	y.waitUntilFinished(s)
	s.stop()
	y.putBack(saved)
	if believed, _ := y.believed(); believed == 0 {
		t.Fatal("the back-up believes no copy that is gone: this tries nothing")
	}

	s = y.serve("--allow-weaker")
	y.waitUntil(s, func() bool { return y.restored() != nil })
	said := ""
	y.waitUntil(s, func() bool {
		var o, e bytes.Buffer
		run(t.Context(), []string{"inventory", "--db", y.db()}, strings.NewReader(""), &o, &e)
		said += o.String()
		return y.restored() == nil
	})
	if !strings.Contains(said, "missing") {
		t.Errorf("the inventories named nothing missing: %s", said)
	}
	y.fill("obs2", 1_000_000, r)
	y.waitUntil(s, func() bool { believed, _ := y.believed(); return y.filesLeft() == 0 && believed == 0 && y.archived() })
	names := y.names()
	for _, name := range names {
		dtctl(t, exitGood, "verify", name, "--db", y.db())
	}
	y.waitUntil(s, func() bool { return y.reread() >= 2*len(names) })
	s.stop()
	if believed, bad := y.believed(); believed != 0 || bad != 0 {
		t.Errorf("%d copies are believed that are not there, %d archive copies are not good", believed, bad)
	}
	if files := y.members(); files != len(y.truth) {
		t.Errorf("the archived packages have %d files of %d", files, len(y.truth))
	}
	dtctl(t, exitGood, "audit", "verify", "--db", y.db())
	dtctl(t, exitGood, "inventory", "--db", y.db())
}

// believed counts copies and source files that the database takes to be there and that are not, and archive copies that are not present.
func (y *yard) believed() (gone, bad int) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		facts, err := s.Packages(ctx, opsdb.Query{Limit: 1000})
		for _, f := range facts {
			for _, c := range f.Copies {
				l := y.graph.Locations[c.Location]
				if _, err := os.Lstat(filepath.Join(l.Path, c.Path)); c.Form == opsdb.Tar && c.Live() && err != nil {
					gone++
				}
				if l.Type == opsdb.Archive && c.State != opsdb.Present {
					bad++
				}
			}
		}
		n, more := s.Totals(ctx)
		gone += max(n.Files["lab.camera"][opsdb.Present].Count-y.filesLeft(), 0)
		if err == nil {
			err = more
		}
		return err
	})
	return gone, bad
}

func (y *yard) names() (names []string) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		facts, err := s.Packages(ctx, opsdb.Query{Limit: 1000})
		for _, f := range facts {
			names = append(names, f.Package.Name)
		}
		return err
	})
	return names
}

// members counts the files of all packages.
func (y *yard) members() (n int) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		facts, err := s.Packages(ctx, opsdb.Query{Limit: 1000})
		for _, f := range facts {
			n += f.Package.Files
		}
		return err
	})
	return n
}

// reread counts the archive copies that were read again because somebody asked.
func (y *yard) reread() (n int) {
	for _, k := range y.tasks() {
		if k.Type == "verify" && k.State == opsdb.TaskCompleted {
			n++
		}
	}
	return n
}
