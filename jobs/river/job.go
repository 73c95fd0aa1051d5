package river

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/ccatobs/cdt/opsdb"
)

// Schema is the PostgreSQL schema of River's tables.
const Schema = "river"

// RunTask is the job: run the present piece of a task at the site of its queue.
type RunTask struct {
	TaskID opsdb.ID `json:"task"`
}

// Kind implements [river.JobArgs].
func (RunTask) Kind() string { return "run_task" }

// Inserter writes jobs into other people's transactions. It needs no
// connection of its own.
type Inserter struct{}

// NewInserter returns an inserter.
func NewInserter() (*Inserter, error) {
	_, err := insertOnly(nil) // that River takes its configuration
	return &Inserter{}, err
}

// insertOnly makes a client that inserts once. River lets a client wake a
// queue only so often, by the time of the insert and not of the commit: what is inserted
// meanwhile would lie there until somebody looks. A new client wakes at once.
func insertOnly(pool *pgxpool.Pool) (*river.Client[pgx.Tx], error) {
	c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: Schema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("make a client that inserts jobs: %w", err)
	}
	return c, nil
}

// Enqueue offers tasks to their sites within tx: they are offered if and only if tx commits.
func (i *Inserter) Enqueue(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	return insert(ctx, tx, tasks)
}

// insertJobs is what River's own insert of a job writes, and how its clients are woken: in one statement, and
// without a job of River's own for each, of which it would make JSON here.
const insertJobs = `WITH j AS (INSERT INTO river.river_job (args, kind, max_attempts, queue) SELECT jsonb_build_object('task', x.task), $1, 1, x.queue
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY x (task, queue, n) ORDER BY x.n)
  SELECT pg_notify('river.river_insert', json_build_object('queue', queue)::text) FROM unnest($4::text[]) queue`

func insert(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error {
	ids, queues := make([]string, len(tasks)), make([]string, len(tasks))
	for i, t := range tasks {
		ids[i], queues[i] = string(t.ID), t.Site()
	}
	var b pgx.Batch
	b.Queue(insertJobs, RunTask{}.Kind(), ids, queues, slices.Compact(slices.Sorted(slices.Values(queues))))
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("insert %d jobs: %w", len(tasks), err)
	}
	return nil
}

func jobsFor(tasks []opsdb.Task) []river.InsertManyParams {
	out := make([]river.InsertManyParams, len(tasks))
	for i, t := range tasks {
		out[i] = river.InsertManyParams{Args: RunTask{t.ID}, InsertOpts: &river.InsertOpts{Queue: t.Site(), MaxAttempts: 1}}
	}
	return out
}

// How long River keeps what is over: its rows stay few.
const (
	keepEnded   = time.Minute
	neverRescue = 10 * 365 * 24 * time.Hour
)

// config is what all clients that start have in common.
func config(id string, log *slog.Logger) *river.Config {
	return &river.Config{
		ID: id, Schema: Schema, Logger: log, MaxAttempts: 1,
		JobTimeout: -1, RescueStuckJobsAfter: neverRescue, JobStuckThreshold: neverRescue,
		CompletedJobRetentionPeriod: keepEnded, CancelledJobRetentionPeriod: keepEnded, DiscardedJobRetentionPeriod: keepEnded,
	}
}
