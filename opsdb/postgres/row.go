package postgres

import (
	"errors"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// What rows are read as.
type (
	scanner = tables.Scanner
	job     = tables.Job
	pack    = tables.Pack
	filed   = tables.Filed
	group   = tables.Grouped
)

// Tasks by a list of ids. A join would be planned for as few as there were when
// the statement was first used, and walk through all there ever were later;
// OFFSET 0 has each of them looked up by itself.
const (
	tasksOf = ` FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT * FROM task WHERE task.id = x.id OFFSET 0) t `
	// lockTheir takes their packages, in the order of their ids.
	// lockTheirNear is it, too, and says whether the deadline of one of them to be claimed is near: then its claim raises the
	// version of its package (0100_claims.sql).
	lockTheirNear = `SELECT coalesce(bool_or(q.near), false) FROM (SELECT t.package, t.lease_until < now() + interval '1 minute' AS near` + tasksOf + `ORDER BY 1 OFFSET 0) q CROSS JOIN LATERAL (SELECT 1 FROM package_state s WHERE s.id = q.package OFFSET 0 FOR NO KEY UPDATE) l`
	lockTheir     = `SELECT FROM (SELECT t.package` + tasksOf + `ORDER BY 1 OFFSET 0) q CROSS JOIN LATERAL (SELECT 1 FROM package_state s WHERE s.id = q.package OFFSET 0 FOR NO KEY UPDATE) l`
)

func (t *tx) insertTask(j job) error {
	return tables.Insert(t, "task", taskFields(), t.taskRow(j))
}

// taskFields are the columns of a new task, taskRow what they hold.
func taskFields() []string { return append(tables.TaskFields(), "look_at") }

func (t *tx) taskRow(j job) []any { return append(tables.TaskRow(j, t.now), t.lookAt(j.LeaseUntil)) }

// askObserved asks for the observed clock as it stands.
func (v *view) askObserved(into *time.Time) {
	v.each(func(r scanner) error { return r.Scan(tables.At(into)) }, `SELECT observed FROM observed_clock`)
}

// readingOf is the reading that speaks for each copy c.
const readingOf = ` LEFT JOIN LATERAL (SELECT * FROM receipt WHERE key = c.receipt OFFSET 0) r ON true `

const readingColumns = `r.id, r.package, r.location, r.path, r.digest, r.size, r.at, r.worker, r.task, r.token, r.medium`

func (t *tx) insertPackage(p opsdb.Package, revision int64, firstFiled any) error {
	return errors.Join(t.exec(`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size,
	    instrument, observation, module, program, tags, observed_at, made_at, made_age, first_filed)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		string(p.ID), p.Route, p.Stage, p.Number, p.Name, p.Dir, string(p.Group), p.Source, p.Destination, p.Files, p.Bytes, p.Size,
		p.Instrument, p.Observation, p.Module, p.Program, text(p.Tags), us(p.ObservedAt), us(p.MadeAt), us(p.MadeAge), firstFiled),
		t.exec(`INSERT INTO package_state (package, id, made_at, first_filed, revision) SELECT key, id, made_at, first_filed, $2 FROM package WHERE id = $1`, string(p.ID), revision))
}

func (t *tx) touch(ids ...opsdb.ID) error { return tables.Touch(t, ids...) }

func (t *tx) lock(ids ...opsdb.ID) error {
	tables.Lock(t, ids...)
	return nil
}

// lockMembers takes the files that an outcome speaks of.
func (t *tx) lockMembers(out opsdb.Outcome) error {
	ids := append([]opsdb.ID{}, out.Removed...)
	for _, m := range out.Changed {
		ids = append(ids, m.File)
	}
	return tables.LockFilesOf(t, ids)
}
