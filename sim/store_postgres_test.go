//go:build servers

package sim_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb/postgres"
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/testserver"
)

// apart says that there is a process for every site, whose effects come in another order each time.
const apart = true

// stand says on what a test observatory stands: here on a database of PostgreSQL of its
// own, with a process for every site. Without the tag servers the same tests stand on SQLite.
func stand(t *testing.T, cfg sim.Config) sim.Config {
	t.Helper()
	return standAt(cfg, newDatabase(t))
}

// shared is a server for all tests, each with databases of its own: copies of one that is migrated already.
var shared struct {
	testserver.Shared
	once             sync.Once
	server, template string
}

func TestMain(m *testing.M) { shared.Run(m) }

// newDatabase is the address of a database in which nothing is.
func newDatabase(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() {
		s := shared.For(t)
		server := testserver.Postgres(s)
		shared.template = testserver.PostgresDatabase(s, server, "")
		if err := postgres.Migrate(t.Context(), shared.template); err != nil {
			t.Fatal(err)
		}
		shared.server = server
	})
	if shared.server == "" {
		t.Fatal("no server: see the test that asked for it first")
	}
	return testserver.PostgresDatabase(t, shared.server, shared.template)
}

// standAt is stand on the database at an address.
func standAt(cfg sim.Config, at string) sim.Config {
	cfg.Apart = true
	cfg.Store = func(ctx context.Context, c clock.Clock) (sim.Store, error) {
		return postgres.Open(ctx, at, postgres.Options{Clock: c, Name: "sim"})
	}
	return cfg
}

// save keeps the database of a house that is shut; back puts it back.
func (h *house) save() (back func()) {
	h.t.Helper()
	saved := testserver.PostgresDatabase(h.t, h.at, h.at)
	return func() { h.cfg, h.at = standAt(h.cfg, saved), saved }
}
