package postgres

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// one claims one task, which most claims do: each statement looks up one row by its id, which takes PostgreSQL half of the time that
// a list does. Nothing is claimed if the task is a deletion, or if anything is paused: then it is for do to look closer.
func (c *claims) one() error {
	w := c.wishes[0]
	task := string(w.task)
	var near bool
	c.quiet = true
	c.each(func(r scanner) error { return r.Scan(&near) }, lockItsNear, task)
	ask(&c.view, &c.got, func(r scanner) (job, error) {
		c.quiet = !near
		return c.scanOne(r)
	}, claimTask, c.handed(), task, w.worker, w.lease.Microseconds())
	c.changes++
	ask(&c.view, &c.read.abouts, scanAbout, aboutPackage+itsPackage, task)
	ask(&c.view, &c.read.copies, tables.ScanCopy, aboutCopy+itsCopies, task)
	ask(&c.view, &c.read.receipts, tables.ScanReceipt, aReading+itsReadings, task)
	return nil
}

// What claims of one task are made of, each of rows that are looked up by one id.
const (
	ofTask      = ` = (SELECT package FROM task WHERE id = $1)`
	lockItsNear = `SELECT coalesce((SELECT lease_until < now() + interval '1 minute' FROM task WHERE id = $1), false) FROM package_state WHERE id` + ofTask + ` FOR NO KEY UPDATE`
	claimTask   = `UPDATE task t SET state = 'in_progress', token = t.token + 1, worker = $3, lease_until = ` + itsLease + `, look_at = least(t.look_at, ` + itsLease + `), phase = '', done = 0, total = 0, updated_at = ` + nowIs1 + `
  WHERE t.id = $2 AND t.state = 'scheduled' AND t.lease_until > ` + nowIs1 + ` AND t.type <> 'delete' AND (SELECT NOT EXISTS (SELECT 1 FROM pause))` + mayPack + `
  RETURNING (SELECT type FROM location WHERE name = t.from_loc), (SELECT type FROM location WHERE name = t.to_loc), ` + tables.TaskColumns
	itsLease    = nowIs1 + ` + $4::bigint * interval '1 microsecond'`
	itsPackage  = ` FROM package p CROSS JOIN package_state s WHERE p.id` + ofTask + ` AND s.id` + ofTask
	itsCopies   = ` FROM copy c` + readingOf + `WHERE c.id = ANY((SELECT ARRAY[source_copy, target_copy] FROM task WHERE id = $1)::text[])`
	itsReadings = ` FROM receipt r WHERE r.package` + ofTask + ` ORDER BY r.key`
)

// scanOne reads the types of the places and a task.
func (c *claims) scanOne(r scanner) (job, error) {
	var from, to *opsdb.LocationType
	j, err := tables.ScanJob(front{r, []any{&from, &to}})
	c.place(j.From, from)
	c.place(j.To, to)
	return j, err
}
