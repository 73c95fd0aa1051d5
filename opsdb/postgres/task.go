package postgres

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// held returns a task with the lock on its package.
func (t *tx) held(id opsdb.ID) (job, error) {
	t.queue(`SELECT FROM package_state WHERE id = (SELECT package FROM task WHERE id = $1) FOR NO KEY UPDATE`, string(id))
	j, err := tables.JobOf(t, id)
	if err != nil {
		err = fmt.Errorf("task %s: %w", id, err)
	}
	return j, err
}

// owned returns the task if token is its present one and its worker may still
// act: it is in progress, or its lease expired and nobody else claimed it.
func (t *tx) owned(id opsdb.ID, token int64) (job, error) {
	j, err := t.held(id)
	if err != nil {
		return j, err
	}
	return j, j.Owned(token)
}

// withdraw ends a task that is not to be done.
func (t *tx) withdraw(j job, revision int64, why string) error {
	t.event(opsdb.Event{Kind: opsdb.EventTaskWithdrawn, Subject: "task:" + string(j.ID), Package: j.Package, Location: j.To, Why: why,
		Revision: revision, Before: string(j.State), After: string(opsdb.TaskWithdrawn)})
	if err := t.exec(`UPDATE task SET state = 'withdrawn', lease_until = NULL, look_at = NULL, next_try = NULL, worker = '', subject = '', updated_at = $1, ended_at = $1 WHERE id = $2`,
		us(t.now), string(j.ID)); err != nil {
		return err
	}
	if err := t.release(j); err != nil {
		return err
	}
	return t.exec(`UPDATE copy SET state = 'deletion_possible' WHERE id = $1 AND state = 'deletion_scheduled'`, string(j.TargetCopy))
}

// release frees what tasks took and have not used: slots, and the room of
// copies of which nothing is there yet.
func (t *tx) release(jobs ...job) error {
	tasks, copies := make([]opsdb.ID, len(jobs)), make([]opsdb.ID, len(jobs))
	for i, j := range jobs {
		tasks[i], copies[i] = j.ID, j.TargetCopy
	}
	if err := t.exec(`DELETE FROM task_slot WHERE task = ANY($1::text[])`, idList(tasks)); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := t.leave(j, ""); err != nil {
			return err
		}
	}
	// Most have brought what they were to bring: to look costs less than to remove nothing, for which counters are kept, too.
	var unused []opsdb.ID
	ask(&t.view, &unused, tables.ScanID, `SELECT c.id FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT id FROM copy WHERE copy.id = x.id AND copy.state = 'expected' OFFSET 0) c`, idList(copies))
	if err := t.flush(); err != nil || len(unused) == 0 {
		return err
	}
	return t.unreserve(unused)
}

// unreserve removes copies of which nothing is there.
func (t *tx) unreserve(copies []opsdb.ID) error {
	freed, err := query(&t.view, tables.ScanID, `DELETE FROM copy c USING unnest($1::text[]) x (id) WHERE c.id = x.id AND c.state = 'expected' RETURNING c.location`, idList(copies))
	if err != nil {
		return err
	}
	t.changes += int64(len(freed))
	for _, location := range freed {
		if err := t.roomFreed(string(location)); err != nil {
			return err
		}
	}
	return nil
}

// roomWakes is how many packages freed room wakes: those that do not fit wait on.
const roomWakes = 64

func (t *tx) roomFreed(location string) error { return t.wake("room:"+location, roomWakes) }
