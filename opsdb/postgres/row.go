package postgres

import (
	"errors"
	"slices"

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

func scanKey(r scanner) (key int64, err error) {
	err = r.Scan(&key)
	return key, err
}

// touch marks packages dirty; the caller holds them, or holds nothing that comes after packages.
func (t *tx) touch(ids ...opsdb.ID) error {
	return t.exec(`UPDATE package_state SET version = version + 1 WHERE id = ANY($1::text[])`, idList(ids))
}

// touchHolders marks the packages dirty that hold a file.
const touchHolders = `UPDATE package_state SET version = version + 1 WHERE package IN (SELECT package FROM member WHERE file = $1)`

// lock takes packages in the order of their ids. What was read of them before may be out of date.
func (t *tx) lock(ids ...opsdb.ID) error {
	slices.Sort(ids)
	t.queue(`SELECT FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT 1 FROM package_state s WHERE s.id = x.id OFFSET 0 FOR NO KEY UPDATE) l`, idList(slices.Compact(ids)))
	return nil
}

// lockWithPeers takes packages and all that share source files with them.
func (t *tx) lockWithPeers(ids ...opsdb.ID) error {
	peers, err := query(&t.view, tables.ScanID, `SELECT DISTINCT o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE p.id = ANY($1::text[])`, idList(ids))
	if err != nil {
		return err
	}
	return t.lock(append(peers, ids...)...)
}

// lockFiles takes files, before them the open groups they are in, and after them the packages that hold them.
func (t *tx) lockFiles(keys []int64) error {
	t.queue(`SELECT FROM file_group WHERE key IN (SELECT grp FROM group_file WHERE file = ANY($1::bigint[])) ORDER BY key FOR NO KEY UPDATE`, keys)
	t.queue(`SELECT FROM file WHERE key = ANY($1::bigint[]) ORDER BY key FOR NO KEY UPDATE`, keys)
	packages, err := query(&t.view, tables.ScanID, `SELECT DISTINCT p.id FROM member m JOIN package p ON p.key = m.package WHERE m.file = ANY($1::bigint[])`, keys)
	if err != nil {
		return err
	}
	return t.lock(packages...)
}

// lockMembers takes the files that an outcome speaks of.
func (t *tx) lockMembers(out opsdb.Outcome) error {
	ids := append([]opsdb.ID{}, out.Removed...)
	for _, m := range out.Changed {
		ids = append(ids, m.File)
	}
	if len(ids) == 0 {
		return nil
	}
	keys, err := query(&t.view, scanKey, `SELECT key FROM file WHERE id = ANY($1::text[])`, idList(ids))
	if err != nil {
		return err
	}
	return t.lockFiles(keys)
}
