package postgres

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

const taskColumns = `t.id, t.route, t.stage, t.type, t.package, t.from_loc, t.to_loc, t.link, t.send_site, t.receive_site, t.piece, t.state,
  t.class, t.priority, t.bytes, t.revision, t.epoch, t.token, t.claim_by, t.lease_until, t.worker, t.phase, t.done, t.total, t.attempts, t.next_try,
  t.failure, t.source_copy, t.target_copy, t.form, t.path, t.expect, t.confirmed, t.created_at, t.updated_at, t.ended_at, t.batch, t.waits`

// Tasks by a list of ids. A join would be planned for as few as there were when
// the statement was first used, and walk through all there ever were later;
// OFFSET 0 has each of them looked up by itself.
const (
	tasksOf = ` FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT * FROM task WHERE task.id = x.id OFFSET 0) t `
	// lockTheir takes their packages, in the order of their ids.
	lockTheir = `SELECT FROM (SELECT t.package` + tasksOf + `ORDER BY 1 OFFSET 0) q CROSS JOIN LATERAL (SELECT 1 FROM package_state s WHERE s.id = q.package OFFSET 0 FOR NO KEY UPDATE) l`
)

// job is a task row with what only the store looks at.
type job struct {
	opsdb.Task
	form      opsdb.Form
	claimBy   time.Duration
	confirmed int64
}

func scanJob(r scanner) (t job, err error) {
	var lease, next, created, updated, ended *time.Time
	var claim int64
	var failure *string
	var path []byte
	err = r.Scan(&t.ID, &t.Route, &t.Stage, &t.Type, &t.Package, &t.From, &t.To, &t.Link, &t.SendSite, &t.ReceiveSite, &t.Piece, &t.State,
		&t.Class, &t.Priority, &t.Bytes, &t.Revision, &t.Epoch, &t.Token, &claim, &lease, &t.Worker, &t.Phase, &t.Done, &t.Total, &t.Attempts, &next,
		&failure, &t.SourceCopy, &t.TargetCopy, &t.form, &path, &t.Expect, &t.confirmed, &created, &updated, &ended, &t.Batch, &t.Waits)
	if err != nil {
		return t, err
	}
	t.Destination, t.Path, t.claimBy = t.To, string(path), time.Duration(claim)*time.Microsecond
	t.LeaseUntil, t.NextTry = timeOf(lease), timeOf(next)
	t.CreatedAt, t.UpdatedAt, t.EndedAt = timeOf(created), timeOf(updated), timeOf(ended)
	if failure != nil {
		t.Failure = &opsdb.Failure{}
		return t, json.Unmarshal([]byte(*failure), t.Failure)
	}
	return t, nil
}

func scanTask(r scanner) (opsdb.Task, error) {
	j, err := scanJob(r)
	return j.Task, err
}

func (v *view) job(id opsdb.ID) (job, error) {
	return one(v, scanJob, `SELECT `+taskColumns+` FROM task t WHERE t.id = $1`, string(id))
}

// taskRow is the columns of a new task.
func taskRow() []string {
	return []string{"id", "route", "stage", "type", "package", "from_loc", "to_loc", "link", "send_site", "receive_site", "piece", "state", "class", "priority", "bytes",
		"revision", "epoch", "claim_by", "lease_until", "source_copy", "target_copy", "form", "path", "expect", "created_at", "updated_at", "batch", "waits"}
}
func (t *tx) insertTask(j job) error {
	return t.exec(`INSERT INTO task (`+strings.Join(taskRow(), ", ")+`)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)`, t.taskValues(j)...)
}

func (t *tx) taskValues(j job) []any {
	return []any{string(j.ID), j.Route, j.Stage, j.Type, string(j.Package), j.From, j.To, j.Link, j.SendSite, j.ReceiveSite, string(j.Piece), string(j.State), string(j.Class), j.Priority, j.Bytes,
		j.Revision, j.Epoch, j.claimBy.Microseconds(), us(j.LeaseUntil), string(j.SourceCopy), string(j.TargetCopy), string(j.form), blob(j.Path), string(j.Expect), us(t.now), us(t.now), string(j.Batch), string(j.Waits)}
}
