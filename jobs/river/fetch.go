package river

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/ccatobs/cdt/opsdb"
)

// driver is River's driver with a fetch of its own: it tells in which order jobs were fetched (River starts those
// of a batch side by side), and reads of each only what is used. What is done with it removes at once.
type driver struct {
	riverdriver.Driver[pgx.Tx]
	pool  *pgxpool.Pool
	hands *hands
	early *early
}

// GetExecutor implements [riverdriver.Driver].
func (d driver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.pool, d.hands, d.early}
}

type executor struct {
	riverdriver.Executor
	pool  *pgxpool.Pool
	hands *hands
	early *early
}

// fetched is a job that this process has now.
type fetched struct {
	job       int64
	task      opsdb.ID
	site      string
	attempt   int
	scheduled time.Time
}

// fetchJobs does what River's own statement does to the rows, found by where they lie and without a join.
const fetchJobs = `UPDATE river.river_job SET state = 'running', attempt = attempt + 1, attempted_at = now(), attempted_by = ARRAY[$1::text]
  WHERE ctid = ANY(ARRAY(SELECT ctid FROM river.river_job WHERE state = 'available' AND queue = $2::text AND kind = $3::text AND scheduled_at <= now()
    ORDER BY priority, scheduled_at, id LIMIT $4::integer FOR UPDATE SKIP LOCKED))
  RETURNING id, coalesce(args->>'task', ''), attempt, scheduled_at`

// noArgs stands for a job's arguments, which [hands] know.
var noArgs = json.RawMessage(`{}`) //nolint:gochecknoglobals // a constant

// JobGetAvailable implements [riverdriver.Executor], for jobs of our kind.
func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	got, ask := e.early.take(p.Queue, p.MaxToLock)
	if ask {
		defer e.early.answered(p.Queue)
		more, err := fetch(ctx, e.pool, p.ClientID, p.Queue, p.MaxToLock-len(got))
		if err != nil && len(got) == 0 {
			return nil, err
		}
		e.hands.fetched(more)
		got = append(got, more...)
	}
	jobs := make([]*rivertype.JobRow, len(got))
	for i, f := range got {
		jobs[i] = &rivertype.JobRow{ID: f.job, Attempt: f.attempt, AttemptedBy: []string{p.ClientID}, EncodedArgs: noArgs, Kind: RunTask{}.Kind(), MaxAttempts: 1, Metadata: noArgs,
			Priority: river.PriorityDefault, Queue: p.Queue, ScheduledAt: f.scheduled, State: rivertype.JobStateRunning}
	}
	if len(got) > 0 {
		runtime.Gosched() // who waits for one claims it now; what River does for it, it does while the claim is on its way
	}
	return &riverdriver.JobGetAvailableResult{Jobs: jobs}, nil
}

// fetch gives this process jobs of a site, on a connection or from a pool of them.
func fetch(ctx context.Context, on interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, id, site string, most int) ([]fetched, error) {
	rows, err := on.Query(ctx, fetchJobs, id, site, RunTask{}.Kind(), most)
	if err != nil {
		return nil, fmt.Errorf("fetch the jobs of site %s: %w", site, err)
	}
	got, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (fetched, error) {
		f := fetched{site: site}
		return f, r.Scan(&f.job, (*string)(&f.task), &f.attempt, &f.scheduled)
	})
	if err != nil {
		return nil, fmt.Errorf("fetch the jobs of site %s: %w", site, err)
	}
	return got, nil
}

// removeDone looks up each job by its number and removes it where it lies. The state must not be a condition that an index
// can serve: there are few that run when a plan is made, and it would walk through all that run, and that have run since the last vacuum.
const removeDone = `DELETE FROM river.river_job WHERE (state = 'running') IS TRUE AND ctid = ANY(ARRAY(
  SELECT j.ctid FROM unnest($1::bigint[]) x (id) CROSS JOIN LATERAL (SELECT ctid FROM river.river_job WHERE id = x.id OFFSET 0) j))`

// JobSetStateIfRunningMany implements [riverdriver.Executor]. What is done with
// is removed at once: of it River would write another row, in every index, only to remove it a minute later.
func (e executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	var done []int64
	rest := &riverdriver.JobSetStateIfRunningManyParams{Now: p.Now, Schema: p.Schema}
	for i, id := range p.ID {
		if p.State[i] == rivertype.JobStateCompleted {
			done = append(done, id)
			continue
		}
		rest.ID, rest.Attempt, rest.ErrData = append(rest.ID, id), append(rest.Attempt, p.Attempt[i]), append(rest.ErrData, p.ErrData[i])
		rest.FinalizedAt, rest.ScheduledAt, rest.State = append(rest.FinalizedAt, p.FinalizedAt[i]), append(rest.ScheduledAt, p.ScheduledAt[i]), append(rest.State, p.State[i])
		rest.MetadataDoMerge, rest.MetadataUpdates = append(rest.MetadataDoMerge, p.MetadataDoMerge[i]), append(rest.MetadataUpdates, p.MetadataUpdates[i])
	}
	if len(done) > 0 {
		if err := e.Exec(ctx, removeDone, done); err != nil {
			return nil, err
		}
	}
	if len(rest.ID) == 0 {
		return nil, nil // of what was removed River has nothing to tell to anybody
	}
	return e.Executor.JobSetStateIfRunningMany(ctx, rest)
}
