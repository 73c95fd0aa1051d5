package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/opsdbtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	migrated := migratedFile(t)
	opsdbtest.Run(t, func(t *testing.T, c clock.Clock) opsdb.Store {
		path := filepath.Join(t.TempDir(), "cdt.db")
		if err := os.WriteFile(path, migrated, 0o644); err != nil {
			t.Fatal(err)
		}
		return openPath(t, path, c)
	})
}

// migratedFile is a database that has its tables and nothing else. Under the race detector the migrations take longer than many a row of the suite.
func migratedFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cdt.db")
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	_, err = migrate(t.Context(), db, true)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// openAt opens a new store on a clock.
func openAt(t *testing.T, c clock.Clock) *Store {
	t.Helper()
	return openPath(t, filepath.Join(t.TempDir(), "cdt.db"), c)
}

func openPath(t *testing.T, path string, c clock.Clock) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
