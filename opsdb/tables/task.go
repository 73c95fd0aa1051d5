package tables

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// held returns a task with the lock on its package.
func held(t Tx, id opsdb.ID) (Job, error) {
	t.Take(`SELECT FROM package_state WHERE id = (SELECT package FROM task WHERE id = $1) FOR NO KEY UPDATE`, string(id))
	j, err := JobOf(t, id)
	if err != nil {
		err = fmt.Errorf("task %s: %w", id, err)
	}
	return j, err
}

// Owned returns the task if token is its present one and its worker may still
// act: it is in progress, or its lease expired and nobody else claimed it.
func Owned(t Tx, id opsdb.ID, token int64) (Job, error) {
	j, err := held(t, id)
	if err != nil {
		return j, err
	}
	return j, j.Owned(token)
}

// Finished reports whether this very Finish has been done already.
func Finished(j Job, token int64, out opsdb.Outcome) bool {
	if j.Token != token || token == 0 {
		return false
	}
	if out.Next == "" {
		return j.State == opsdb.TaskCompleted
	}
	return j.State == opsdb.TaskScheduled && j.Worker == "" && j.Piece == out.Next
}

// Withdraw ends a task that is not to be done.
func Withdraw(t Tx, j Job, revision int64, why string) error {
	t.Event(opsdb.Event{Kind: opsdb.EventTaskWithdrawn, Subject: "task:" + string(j.ID), Package: j.Package, Location: j.To, Why: why,
		Revision: revision, Before: string(j.State), After: string(opsdb.TaskWithdrawn)})
	if err := t.Exec(`UPDATE task SET state = 'withdrawn', `+t.Dialect().NoLease+`, next_try = NULL, worker = '', subject = '', updated_at = $1, ended_at = $1 WHERE id = $2`,
		Time(t.Now()), string(j.ID)); err != nil {
		return err
	}
	if err := Release(t, j); err != nil {
		return err
	}
	return t.Exec(`UPDATE copy SET state = 'deletion_possible' WHERE id = $1 AND state = 'deletion_scheduled'`, string(j.TargetCopy))
}

// Release frees what tasks took and have not used: slots, and the room of
// copies of which nothing is there yet.
func Release(t Tx, jobs ...Job) error {
	tasks, copies := make([]opsdb.ID, len(jobs)), make([]opsdb.ID, len(jobs))
	for i, j := range jobs {
		tasks[i], copies[i] = j.ID, j.TargetCopy
	}
	if err := t.Exec(`DELETE FROM task_slot WHERE `+t.Dialect().In("task", 1), tasks); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := Leave(t, j, ""); err != nil {
			return err
		}
	}
	// Most have brought what they were to bring: to look costs less than to remove nothing, for which counters are kept, too.
	unused, err := Query(t, ScanID, `SELECT id FROM copy WHERE `+t.Dialect().In("id", 1)+` AND state = 'expected'`, copies)
	if err != nil || len(unused) == 0 {
		return err
	}
	freed, err := Query(t, ScanID, `DELETE FROM copy WHERE `+t.Dialect().In("id", 1)+` AND state = 'expected' RETURNING location`, unused)
	if err != nil {
		return err
	}
	for _, location := range freed {
		if err := roomFreed(t, string(location)); err != nil {
			return err
		}
	}
	return nil
}

// roomWakes is how many packages freed room wakes: those that do not fit wait on.
const roomWakes = 64

// roomFreed wakes who waits for room at a location.
func roomFreed(t Tx, location string) error { return t.Wake("room:"+location, roomWakes) }
