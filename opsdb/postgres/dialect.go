package postgres

import (
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

const packageColumns = `p.key, p.id, p.route, p.stage, p.number, p.name, p.dir, p.grp, p.source, p.destination, p.files, p.bytes, p.size,
  p.digest, p.manifest, p.instrument, p.observation, p.module, p.program, p.tags, p.observed_at, p.made_at, p.made_age,
  s.version, s.evaluated, s.wake_at, p.quarantined, p.gone, s.wanted, s.policies`

// packageFrom is both rows of a package, p and s.
const packageFrom = ` FROM package p JOIN package_state s ON s.package = p.key `

func dialect() *tables.Dialect {
	return &tables.Dialect{
		In:             func(column string, n int) string { return fmt.Sprintf("%s = ANY($%d)", column, n) },
		SiteOf:         func(column string) string { return "split_part(" + column + ", '.', 1)" },
		Yes:            "true",
		No:             "false",
		ForUpdate:      " FOR UPDATE",
		PackageColumns: packageColumns,
		PackageFrom:    packageFrom,
		State:          "package_state",
		StateKey:       "package",
		Clock:          "observed_clock",
	}
}

var _ tables.Tx = (*tx)(nil)

// Now implements [tables.View].
func (v *view) Now() time.Time { return v.now }

// Dialect implements [tables.View].
func (v *view) Dialect() *tables.Dialect { return v.store.dialect }

// Exec implements [tables.Tx]: the statement goes with the next query.
func (t *tx) Exec(sql string, args ...any) error { return t.exec(sql, args...) }

// ExecN implements [tables.Tx].
func (t *tx) ExecN(sql string, args ...any) (int64, error) { return t.execN(sql, args...) }

// Take implements [tables.Tx].
func (t *tx) Take(sql string, args ...any) { t.queue(sql, args...) }

// Event implements [tables.Tx].
func (t *tx) Event(e opsdb.Event) { t.event(e) }

// Quiet implements [tables.Tx].
func (t *tx) Quiet(is bool) { t.quiet = is }
