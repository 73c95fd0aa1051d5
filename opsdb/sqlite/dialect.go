package sqlite

import (
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

const packageColumns = `p.key, p.id, p.route, p.stage, p.number, p.name, p.dir, p.grp, p.source, p.destination, p.files, p.bytes, p.size,
  p.digest, p.manifest, p.instrument, p.observation, p.module, p.program, p.tags, p.observed_at, p.made_at, p.made_age,
  p.version, p.evaluated, p.wake_at, p.quarantined, p.gone, p.wanted, p.policies`

func dialect() *tables.Dialect {
	return &tables.Dialect{
		OneWriter: true,
		In: func(column string, n int) string {
			return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n)
		},
		SiteOf:         func(column string) string { return "substr(" + column + ", 1, instr(" + column + ", '.') - 1)" },
		Yes:            "1",
		No:             "0",
		PackageColumns: packageColumns,
		PackageFrom:    " FROM package p ",
		State:          "package",
		StateKey:       "key",
		Clock:          "opsdb",
	}
}

var _ tables.Tx = (*tx)(nil)

// Now implements [tables.View].
func (v *view) Now() time.Time { return v.now }

// Dialect implements [tables.View].
func (v *view) Dialect() *tables.Dialect { return v.c.dialect }

// Exec implements [tables.Tx].
func (t *tx) Exec(query string, args ...any) error { return t.exec(query, args...) }

// ExecN implements [tables.Tx].
func (t *tx) ExecN(query string, args ...any) (int64, error) { return t.execN(query, args...) }

// Take implements [tables.Tx]: nobody else writes.
func (t *tx) Take(string, ...any) {}

// Event implements [tables.Tx].
func (t *tx) Event(e opsdb.Event) { t.event(e) }

// Quiet implements [tables.Tx].
func (t *tx) Quiet(is bool) { t.quiet = is }

// bound is arguments as SQLite keeps them: times as unix microseconds, lists as JSON.
func bound(args []any) []any {
	for i, a := range args {
		switch x := a.(type) {
		case time.Time:
			args[i] = x.UnixMicro()
		case []string, []opsdb.ID, []int64:
			args[i] = listOf(x)
		}
	}
	return args
}

func listOf(x any) string {
	if s := text(x); s != "null" {
		return s
	}
	return "[]"
}
