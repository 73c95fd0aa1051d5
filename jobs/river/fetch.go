package river

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// driver is River's driver with an eye on what is fetched (River starts the
// jobs of a batch side by side, and only the fetch knows their order) and on what is done with.
type driver struct {
	riverdriver.Driver[pgx.Tx]
	fetched func([]*rivertype.JobRow)
}

// GetExecutor implements [riverdriver.Driver].
func (d driver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.fetched}
}

type executor struct {
	riverdriver.Executor
	fetched func([]*rivertype.JobRow)
}

// JobGetAvailable implements [riverdriver.Executor].
func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	got, err := e.Executor.JobGetAvailable(ctx, p)
	if err == nil && got != nil {
		e.fetched(got.Jobs)
	}
	return got, err
}

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
		if err := e.Exec(ctx, `DELETE FROM river.river_job WHERE id = ANY($1::bigint[]) AND state = 'running'`, done); err != nil {
			return nil, err
		}
	}
	if len(rest.ID) == 0 {
		return nil, nil // of what was removed River has nothing to tell to anybody
	}
	return e.Executor.JobSetStateIfRunningMany(ctx, rest)
}

// taskOf is the task of a job; false if it is none of ours.
func taskOf(row *rivertype.JobRow) (RunTask, bool) {
	var args RunTask
	if row.Kind != args.Kind() || json.Unmarshal(row.EncodedArgs, &args) != nil {
		return args, false
	}
	return args, args.TaskID != ""
}
