package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/opsdbtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	opsdbtest.Run(t, func(t *testing.T, c clock.Clock) opsdb.Store { return openAt(t, c) })
}

// openAt opens a new store on a clock.
func openAt(t *testing.T, c clock.Clock) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "cdt.db"), Options{Clock: c})
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
