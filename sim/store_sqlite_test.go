//go:build !servers

package sim_test

import (
	"testing"

	"github.com/ccatobs/cdt/sim"
)

// stand says on what a test observatory stands: here on SQLite, as one process.
// With the tag servers the same tests stand on PostgreSQL, with a process for every site.
func stand(_ *testing.T, cfg sim.Config) sim.Config { return cfg }
