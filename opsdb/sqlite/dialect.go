package sqlite

import (
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

const packageColumns = `p.key, p.id, p.route, p.stage, p.number, p.name, p.dir, p.grp, p.source, p.destination, p.files, p.bytes, p.size,
  p.digest, p.manifest, p.instrument, p.observation, p.module, p.program, p.tags, p.observed_at, p.made_at, p.made_age,
  p.version, p.evaluated, p.wake_at, p.quarantined, p.gone, p.wanted, p.policies`

func isOpen(table string) string { return table + ".state IN ('pending', 'scheduled', 'in_progress')" }

func dialect() *tables.Dialect {
	return &tables.Dialect{
		OneWriter: true,
		In: func(column string, n int) string {
			return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n)
		},
		SiteOf:         func(column string) string { return "substr(" + column + ", 1, instr(" + column + ", '.') - 1)" },
		EndsIn:         `substr(replace(id, '-', ''), -length($2)) = $2`,
		Yes:            "1",
		No:             "0",
		Open:           isOpen,
		AmongOpen:      isOpen,
		Ill:            "state IN ('failed', 'withdrawn')",
		NoLease:        "lease_until = NULL",
		Lease:          func(arg string) string { return "lease_until = " + arg },
		PackageColumns: packageColumns,
		PackageFrom:    " FROM package p ",
		Status:         "p.status",
		State:          "package",
		StateKey:       "key",
		Dirty:          "version > evaluated",
		Clock:          "opsdb",
		ChainHead:      `SELECT chain_seq, chain_hash FROM opsdb`,
		Unchained:      `key > (SELECT chain_key FROM opsdb)`,
		Counted:        counted(),
		Pressure: tables.Pressure{
			Rest:  `UPDATE location SET pressing = 0 WHERE name = $1`,
			End:   `UPDATE location SET pressing = 0, press_age = NULL, press_package = '' WHERE name = $1`,
			Reach: `UPDATE location SET pressing = 1, press_age = $2, press_package = $3 WHERE name = $1`,
		},
		Restore: restore,
		Lift: func(t tables.Tx, pkg opsdb.ID, e opsdb.Event) error {
			t.Event(e)
			return t.Exec(`UPDATE package SET quarantined = '' WHERE id = $1`, string(pkg))
		},
	}
}

// counted are the counters that triggers of the schema keep.
func counted() tables.Counted {
	return tables.Counted{
		Files:      `SELECT location AS place, state, sum(count) AS count, sum(bytes) AS bytes FROM file_total GROUP BY location, state`,
		Unrouted:   `SELECT coalesce(sum(count), 0), coalesce(sum(bytes), 0) FROM file_total WHERE homeless = 1 AND state = 'present'`,
		Copies:     `SELECT location AS place, state, count, bytes FROM copy_total`,
		Packages:   `SELECT status, count FROM package_total`,
		Tasks:      `SELECT state, count FROM task_total`,
		Moves:      `SELECT verdict, reason, count FROM move_total`,
		Registered: `SELECT location AS place, count, bytes FROM registered`,
		Register:   register,
		Left: `SELECT coalesce((SELECT used FROM room WHERE location = $1), 0)
	  + (SELECT coalesce(sum(bytes), 0) FROM file_total WHERE location = $1 AND state NOT IN ('deleted', 'lost'))
	  - (SELECT coalesce(sum(bytes), 0) FROM copy_total WHERE location = $1 AND state IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress'))`,
	}
}

func restore(t tables.Tx, was, epoch, who, why string) error {
	now := us(t.Now())
	return errors.Join(
		t.Exec(`INSERT INTO past_epoch (epoch, ended) VALUES ($1, $2) ON CONFLICT DO NOTHING`, was, now),
		t.Exec(`UPDATE opsdb SET epoch = $1, restored_at = $2, restored_by = $3, restored_why = $4`, epoch, now, who, why),
		t.Exec(`UPDATE task SET epoch = $1, token = token + $2, lease_until = CASE WHEN state = 'in_progress' THEN $3 ELSE lease_until END
		  WHERE state IN ('pending', 'scheduled', 'in_progress')`, epoch, opsdb.TokenGap, now),
		tables.LookAgain(t))
}

var _ tables.Tx = (*tx)(nil)

// Now implements [tables.View].
func (v *view) Now() time.Time { return v.now }

// Dialect implements [tables.View].
func (v *view) Dialect() *tables.Dialect { return v.c.dialect }

// Facts implements [tables.View].
func (v *view) Facts(ids []opsdb.ID) ([]opsdb.Facts, error) {
	packs, err := query(v, tables.ScanPackage, `SELECT `+packageColumns+` FROM json_each($1) j JOIN package p ON p.id = j.value ORDER BY j.key`, ids)
	if err != nil {
		return nil, err
	}
	return v.facts(packs)
}

// Sites implements [tables.View].
func (v *view) Sites() (map[string]opsdb.Site, error) {
	w := opsdb.World{Sites: map[string]opsdb.Site{}}
	err := v.sites(&w)
	return w.Sites, err
}

// Locations implements [tables.View].
func (v *view) Locations() (map[string]opsdb.Location, map[string]int64, error) {
	w := opsdb.World{Locations: map[string]opsdb.Location{}, Condemned: map[string]int64{}}
	return w.Locations, w.Condemned, errors.Join(v.locations(&w), v.condemned(&w))
}

// Exec implements [tables.Tx].
func (t *tx) Exec(query string, args ...any) error { return t.exec(query, args...) }

// ExecN implements [tables.Tx].
func (t *tx) ExecN(query string, args ...any) (int64, error) { return t.execN(query, args...) }

// Take implements [tables.Tx]: nobody else writes.
func (t *tx) Take(string, ...any) {}

// Event implements [tables.Tx].
func (t *tx) Event(e opsdb.Event) { t.event(e) }

// Bring implements [tables.Tx]: who brings tasks looks for them.
func (t *tx) Bring(...opsdb.Task) error { return nil }

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
