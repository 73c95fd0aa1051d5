package river

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/ccatobs/cdt/opsdb"
)

// Cancel implements [jobs.Canceller].
func (q *Queue) Cancel(ctx context.Context, task opsdb.ID) (int, error) {
	return cancelJobs(ctx, q.pool, q.client, task)
}

func cancelJobs(ctx context.Context, pool *pgxpool.Pool, client *river.Client[pgx.Tx], task opsdb.ID) (int, error) {
	args, err := json.Marshal(RunTask{task})
	if err != nil {
		return 0, err
	}
	rows, err := pool.Query(ctx, `SELECT id FROM river.river_job WHERE args @> $1 AND finalized_at IS NULL`, args)
	if err != nil {
		return 0, fmt.Errorf("look for the jobs of task %s: %w", task, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, fmt.Errorf("look for the jobs of task %s: %w", task, err)
	}
	for _, id := range ids {
		if _, err := client.JobCancel(ctx, id); err != nil {
			return 0, fmt.Errorf("cancel job %d of task %s: %w", id, task, err)
		}
	}
	return len(ids), nil
}

// CancelTasks is Cancel of several tasks, for a process that has no queue.
func CancelTasks(ctx context.Context, url string, tasks []opsdb.ID) (int, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	client, err := insertOnly(pool)
	if err != nil {
		return 0, err
	}
	reached := 0
	for _, task := range tasks {
		n, err := cancelJobs(ctx, pool, client, task)
		if err != nil {
			return reached, err
		}
		reached += n
	}
	return reached, nil
}
