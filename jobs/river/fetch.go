package river

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// driver is River's driver with an eye on what is fetched: River starts the
// jobs of a batch side by side, and only the fetch knows their order.
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

// taskOf is the task of a job; false if it is none of ours.
func taskOf(row *rivertype.JobRow) (RunTask, bool) {
	var args RunTask
	if row.Kind != args.Kind() || json.Unmarshal(row.EncodedArgs, &args) != nil {
		return args, false
	}
	return args, args.TaskID != ""
}
