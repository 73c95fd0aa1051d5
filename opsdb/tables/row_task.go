package tables

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// TaskColumns are what [ScanTask] and [ScanJob] read of task t.
const TaskColumns = `t.id, t.route, t.stage, t.type, t.package, t.from_loc, t.to_loc, t.link, t.send_site, t.receive_site, t.piece, t.state,
  t.class, t.priority, t.bytes, t.revision, t.epoch, t.token, t.claim_by, t.lease_until, t.worker, t.phase, t.done, t.total, t.attempts, t.next_try,
  t.failure, t.source_copy, t.target_copy, t.form, t.path, t.expect, t.confirmed, t.created_at, t.updated_at, t.ended_at, t.batch, t.waits`

// Job is a task with what only the store looks at.
type Job struct {
	opsdb.Task
	Form      opsdb.Form    // of its target copy
	ClaimBy   time.Duration // how long it may stay unclaimed
	Confirmed int64         // token of the confirmed deletion
}

// ScanJob reads TaskColumns.
func ScanJob(r Scanner) (j Job, err error) {
	var claim int64
	err = r.Scan(&j.ID, &j.Route, &j.Stage, &j.Type, &j.Package, &j.From, &j.To, &j.Link, &j.SendSite, &j.ReceiveSite, &j.Piece, &j.State,
		&j.Class, &j.Priority, &j.Bytes, &j.Revision, &j.Epoch, &j.Token, &claim, At(&j.LeaseUntil), &j.Worker, &j.Phase, &j.Done, &j.Total, &j.Attempts, At(&j.NextTry),
		decode(&j.Failure), &j.SourceCopy, &j.TargetCopy, &j.Form, Path(&j.Path), &j.Expect, &j.Confirmed, At(&j.CreatedAt), At(&j.UpdatedAt), At(&j.EndedAt), &j.Batch, &j.Waits)
	j.Destination, j.ClaimBy = j.To, time.Duration(claim)*time.Microsecond
	return j, err
}

// ScanTask reads TaskColumns.
func ScanTask(r Scanner) (opsdb.Task, error) {
	j, err := ScanJob(r)
	return j.Task, err
}

// TaskFields are the columns that TaskRow gives.
func TaskFields() []string {
	return []string{"id", "route", "stage", "type", "package", "from_loc", "to_loc", "link", "send_site", "receive_site", "piece", "state", "class", "priority", "bytes",
		"revision", "epoch", "claim_by", "lease_until", "source_copy", "target_copy", "form", "path", "expect", "created_at", "updated_at", "batch", "waits"}
}

// TaskRow is a new task as it is written, with room for a column of a store's own.
func TaskRow(j Job, now time.Time) []any {
	return append(make([]any, 0, 32),
		string(j.ID), j.Route, j.Stage, j.Type, string(j.Package), j.From, j.To, j.Link, j.SendSite, j.ReceiveSite, string(j.Piece), string(j.State), string(j.Class), j.Priority, j.Bytes,
		j.Revision, j.Epoch, j.ClaimBy.Microseconds(), Time(j.LeaseUntil), string(j.SourceCopy), string(j.TargetCopy), string(j.Form), Blob(j.Path), string(j.Expect), Time(now), Time(now), string(j.Batch), string(j.Waits))
}

// Insert writes a row into a table.
func Insert(t Tx, table string, columns []string, row []any) error {
	return t.Exec(`INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES (`+marks(len(columns))+`)`, row...)
}

// marks are the places of the first n arguments.
func marks(n int) string {
	b := []byte("$1")
	for i := 2; i <= n; i++ {
		b = strconv.AppendInt(append(b, ", $"...), int64(i), 10)
	}
	return string(b)
}

// JobOf reads a task; opsdb.ErrNotFound if there is none.
func JobOf(v View, id opsdb.ID) (Job, error) {
	return One(v, ScanJob, `SELECT `+TaskColumns+` FROM task t WHERE t.id = $1`, string(id))
}

// Owned says why a token gives no right to act: it must be the present one, and
// the task in progress, or its lease expired and nobody else have claimed it.
func (j Job) Owned(token int64) error {
	if j.Token != token || token == 0 || !(j.State == opsdb.TaskInProgress || j.State == opsdb.TaskScheduled && j.Worker != "") {
		return fmt.Errorf("task %s is %s with token %d, not %d: %w", j.ID, j.State, j.Token, token, opsdb.ErrStale)
	}
	return nil
}

// Holder is who holds the slots of a task that was dispatched: itself, or its batch.
func (j Job) Holder() opsdb.ID {
	if j.Batch != "" {
		return j.Batch
	}
	return j.ID
}
