//go:build servers

package postgres

import (
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/opsdbtest"
	"github.com/ccatobs/cdt/testserver"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	opsdbtest.Run(t, func(t *testing.T, c clock.Clock) opsdb.Store {
		return openAt(t, testserver.PostgresDatabase(t, server), Options{Clock: c, Connections: 4})
	})
}

// openAt opens a store that the test's end closes.
func openAt(t *testing.T, url string, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, opts)
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
