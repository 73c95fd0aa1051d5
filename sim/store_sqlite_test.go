//go:build !servers

package sim_test

import (
	"os"
	"testing"

	"github.com/ccatobs/cdt/sim"
)

// apart says that there is a process for every site, whose effects come in another order each time.
const apart = false

// stand says on what a test observatory stands: here on SQLite, as one process.
// With the tag servers the same tests stand on PostgreSQL, with a process for every site.
func stand(_ *testing.T, cfg sim.Config) sim.Config { return cfg }

// newDatabase is the address of a database in which nothing is: none, it lies in the folder of its observatory.
func newDatabase(*testing.T) string { return "" }

// standAt is stand on the database at an address.
func standAt(cfg sim.Config, _ string) sim.Config { return cfg }

// save keeps the database of a house that is shut; back puts it back.
func (h *house) save() (back func()) {
	h.t.Helper()
	saved, err := os.ReadFile(h.DB())
	h.must(err)
	return func() {
		h.t.Helper()
		for _, suffix := range []string{"-wal", "-shm"} {
			h.must(os.RemoveAll(h.DB() + suffix))
		}
		h.must(os.WriteFile(h.DB(), saved, 0o644))
	}
}
