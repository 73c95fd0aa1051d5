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

// amongOpen finds the tasks that have not ended by the table of them: no index of tasks knows (0120_open_tasks.sql).
func amongOpen(table string) string { return table + ".id = ANY(ARRAY(SELECT task FROM open_task))" }

func dialect() *tables.Dialect {
	return &tables.Dialect{
		FindsBehind:    true,
		In:             func(column string, n int) string { return fmt.Sprintf("%s = ANY($%d)", column, n) },
		SiteOf:         func(column string) string { return "split_part(" + column + ", '.', 1)" },
		EndsIn:         `reverse(id) >= $1 AND reverse(id) < $1 || 'g' AND right(replace(id, '-', ''), length($2::text)) = $2::text`, // by an index on reverse(id)
		Yes:            "true",
		No:             "false",
		ForUpdate:      " FOR UPDATE",
		Open:           func(table string) string { return table + ".open" },
		AmongOpen:      amongOpen,
		Ill:            "ill",
		NoLease:        "lease_until = NULL, look_at = NULL",
		Lease:          func(arg string) string { return "lease_until = " + arg + ", look_at = " + arg },
		Apart:          " OFFSET 0",
		PackageColumns: packageColumns,
		PackageFrom:    packageFrom,
		Status:         "s.status",
		State:          "package_state",
		StateKey:       "package",
		Dirty:          isDirty,
		FinishAlone:    fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d, hashtext($1))`, observing),
		Clock:          "observed_clock",
		ChainHead:      `SELECT seq, hash FROM chain_head`,
		Unchained:      `seq IS NULL`,
		Counted:        counted(),
		Pressure: tables.Pressure{
			Alone: fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, pressing),
			Rest:  `UPDATE pressure SET pressing = false WHERE location = $1`,
			End:   `DELETE FROM pressure WHERE location = $1`,
			Reach: `INSERT INTO pressure (location, pressing, age, package) VALUES ($1, true, $2, $3)
	  ON CONFLICT (location) DO UPDATE SET pressing = true, age = excluded.age, package = excluded.package`,
		},
		// Functions of the owner: whoever notices may call it, and write nothing of the kind besides,
		Restore: func(t tables.Tx, was, epoch, who, why string) error {
			return t.Exec(`SELECT mark_restored($1, $2, $3, $4, $5, $6)`, was, epoch, opsdb.TokenGap, us(t.Now()), who, why)
		},
		// and nobody else may take a package out of its quarantine, nor without the event.
		Lift: func(t tables.Tx, pkg opsdb.ID, e opsdb.Event) error {
			return t.Exec(`SELECT lift_quarantine($1, $2, $3, $4, $5, $6, $7)`, string(pkg), string(opsdb.NewID()), opsdb.FormatVersion, us(t.Now()), e.Actor, e.Kind, e.Why)
		},
	}
}

// counted are the counters: sums of what transactions have added.
func counted() tables.Counted {
	return tables.Counted{
		Files:      `SELECT a AS place, b AS state, count, bytes FROM tally_now WHERE kind = 'file'`,
		Unrouted:   `SELECT CAST(coalesce(sum(count), 0) AS bigint), CAST(coalesce(sum(bytes), 0) AS bigint) FROM tally_now WHERE kind = 'homeless'`,
		Copies:     `SELECT a AS place, b AS state, count, bytes FROM tally_now WHERE kind = 'copy'`,
		Packages:   `SELECT a, count FROM tally_now WHERE kind = 'package'`,
		Tasks:      `SELECT a, count FROM tally_now WHERE kind = 'task'`,
		Moves:      `SELECT a, b, count FROM tally_now WHERE kind = 'move'`,
		Registered: `SELECT a AS place, count, bytes FROM tally_now WHERE kind = 'registered'`,
		Left: `SELECT coalesce(sum(bytes * CASE WHEN kind = 'copy' THEN -1 ELSE 1 END), 0)::bigint FROM tally_now WHERE a = $1 AND
	  (kind = 'used' OR kind = 'file' AND b NOT IN ('deleted', 'lost') OR kind = 'copy' AND b IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress'))`,
	}
}

var _ tables.Tx = (*tx)(nil)

// Now implements [tables.View].
func (v *view) Now() time.Time { return v.now }

// Dialect implements [tables.View].
func (v *view) Dialect() *tables.Dialect { return v.store.dialect }

// Sites implements [tables.View].
func (v *view) Sites() (map[string]opsdb.Site, error) {
	w := opsdb.World{Sites: map[string]opsdb.Site{}}
	err := v.sites(&w)
	return w.Sites, err
}

// Locations implements [tables.View].
func (v *view) Locations() (map[string]opsdb.Location, map[string]int64, error) {
	w := opsdb.World{Locations: map[string]opsdb.Location{}, Condemned: map[string]int64{}}
	v.askLocations(&w)
	counted := v.askCounters()
	if err := v.flush(); err != nil {
		return nil, nil, err
	}
	for _, n := range *counted {
		n.into(&w)
	}
	return w.Locations, w.Condemned, nil
}

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
