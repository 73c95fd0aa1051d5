//go:build servers

package sim_test

import (
	"context"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb/postgres"
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/testserver"
)

// apart says that there is a process for every site, whose effects come in another order each time.
const apart = true

// stand says on what a test observatory stands: here on a PostgreSQL of its
// own, with a process for every site. Without the tag servers the same tests stand on SQLite.
func stand(t *testing.T, cfg sim.Config) sim.Config {
	t.Helper()
	return standAt(cfg, newDatabase(t))
}

// newDatabase is the address of a database that is empty.
func newDatabase(t *testing.T) string {
	t.Helper()
	return testserver.Postgres(t)
}

// someDatabases makes addresses of databases on one server.
func someDatabases(t *testing.T) func() string {
	t.Helper()
	server := testserver.Postgres(t)
	return func() string { return testserver.PostgresDatabase(t, server, "") }
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
