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

// stand says on what a test observatory stands: here on a PostgreSQL of its
// own, with a process for every site. Without the tag servers the same tests stand on SQLite.
func stand(t *testing.T, cfg sim.Config) sim.Config {
	t.Helper()
	url := testserver.Postgres(t)
	cfg.Apart = true
	cfg.Store = func(ctx context.Context, c clock.Clock) (sim.Store, error) {
		return postgres.Open(ctx, url, postgres.Options{Clock: c, Name: "sim"})
	}
	return cfg
}
