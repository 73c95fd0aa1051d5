package sqlite_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// Several processes that come to a database which is not there yet make it once.
func TestANewDatabaseIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cdt.db")
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				return err
			}
			return s.Close()
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
