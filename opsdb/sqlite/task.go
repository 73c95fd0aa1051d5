package sqlite

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// owned returns the task if token is its present one and its worker may still
// act: it is in progress, or its lease expired and nobody else claimed it.
func (t *tx) owned(id opsdb.ID, token int64) (job, error) {
	j, err := tables.JobOf(t, id)
	if err != nil {
		return j, fmt.Errorf("task %s: %w", id, err)
	}
	return j, j.Owned(token)
}

// withdraw ends a task that is not to be done.
func (t *tx) withdraw(j job, revision int64, why string) error {
	t.event(opsdb.Event{Kind: opsdb.EventTaskWithdrawn, Subject: "task:" + string(j.ID), Package: j.Package, Location: j.To, Why: why,
		Revision: revision, Before: string(j.State), After: string(opsdb.TaskWithdrawn)})
	if err := t.exec(`UPDATE task SET state = 'withdrawn', lease_until = NULL, next_try = NULL, worker = '', subject = '', updated_at = ?1, ended_at = ?1 WHERE id = ?2`,
		us(t.now), string(j.ID)); err != nil {
		return err
	}
	if err := t.release(j); err != nil {
		return err
	}
	return t.exec(`UPDATE copy SET state = 'deletion_possible' WHERE id = ? AND state = 'deletion_scheduled'`, string(j.TargetCopy))
}

// release frees what a task took and has not used: slots, and the room of a
// copy of which nothing is there yet.
func (t *tx) release(j job) error {
	if err := t.exec(`DELETE FROM task_slot WHERE task = ?`, string(j.ID)); err != nil {
		return err
	}
	if err := t.leave(j, ""); err != nil {
		return err
	}
	n, err := t.execN(`DELETE FROM copy WHERE id = ? AND state = 'expected'`, string(j.TargetCopy))
	if err == nil && n > 0 {
		err = t.roomFreed(j.To)
	}
	return err
}

// roomWakes is how many packages freed room wakes: those that do not fit wait on.
const roomWakes = 64

func (t *tx) roomFreed(location string) error { return t.wake("room:"+location, roomWakes) }

// wake marks dirty what waits for a cause. Who is woken waits no more; it says so again if it must.
func (t *tx) wake(cause string, limit int) error {
	ids, err := query(&t.view, tables.ScanID, `SELECT package FROM waiting WHERE cause = ? ORDER BY package LIMIT ?`, cause, limitOf(limit))
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := t.exec(`DELETE FROM waiting WHERE cause = ? AND package IN (SELECT value FROM json_each(?))`, cause, idList(ids)); err != nil {
		return err
	}
	return t.exec(`UPDATE package SET version = version + 1 WHERE id IN (SELECT value FROM json_each(?))`, idList(ids))
}
