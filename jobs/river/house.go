package river

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/ccatobs/cdt/opsdb"
)

// Migrate makes River's tables, or brings them up to this version, and lets
// the roles of CDT use them if there are such. It may be called again, and by
// several processes at once: one goes first. Where nothing is missing it needs no
// right but to read.
func Migrate(ctx context.Context, url string) error {
	if missing, err := Missing(ctx, url); err == nil && len(missing) == 0 {
		return nil
	}
	return migrate(ctx, url)
}

// migrate holds a lock of its session meanwhile: migrations have transactions of their own.
func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the queue's database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, sql := range []string{`SELECT pg_advisory_lock(hashtext('cdt river'))`, `CREATE SCHEMA IF NOT EXISTS river`} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("migrate the queue: %w", err)
		}
	}
	pool, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	m, err := migrator(pool)
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err == nil {
		_, err = conn.Exec(ctx, lighter)
	}
	if err == nil {
		_, err = conn.Exec(ctx, grants)
	}
	if err != nil {
		return fmt.Errorf("migrate the queue: %w", err)
	}
	return nil
}

// lighter drops indexes that cost more with every change of a job than all the
// rest, and that serve only to look for jobs by hand; its rows are few.
const lighter = `DROP INDEX IF EXISTS river.river_job_args_index, river.river_job_metadata_index, river.river_job_kind`

// grants lets those who run engines and workers use the queue.
const grants = `DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT rolname FROM pg_roles WHERE rolname IN ('cdt_engine', 'cdt_worker') LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA river TO %I', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO %I', name);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA river TO %I', name);
  END LOOP;
END $$`

// Grant lets the roles of CDT use the queue; for roles that were made after the queue.
func Grant(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the queue's database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, grants); err != nil {
		return fmt.Errorf("grant the use of the queue: %w", err)
	}
	return nil
}

func migrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: Schema, Logger: slog.New(slog.DiscardHandler)})
}

// Missing says which migrations River's tables lack; none: they are right.
func Missing(ctx context.Context, url string) ([]string, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	m, err := migrator(pool)
	if err != nil {
		return nil, err
	}
	got, err := m.Validate(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("look at the queue's tables: %w", err)
	}
	return got.Messages, nil
}

// House is the client of an engine: it takes part in the election of the
// leader that removes what is over, runs no job, and can cancel any.
type House struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

// idle is a queue without jobs: River starts no client without one.
func idle() map[string]river.QueueConfig {
	return map[string]river.QueueConfig{"cdt-no-jobs": {MaxWorkers: 1, FetchPollInterval: time.Hour}}
}

// KeepHouse starts keeping house. id is the identity of this process.
func KeepHouse(ctx context.Context, url, id string, log *slog.Logger) (*House, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{hands: newHands()}) // a leader discards kinds it does not know
	cfg := config(id, log)
	cfg.Workers, cfg.Queues = workers, idle()
	client, err := river.NewClient(riverpgxv5.New(pool), cfg)
	if err == nil {
		err = client.Start(context.WithoutCancel(ctx))
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("keep house in the queue: %w", err)
	}
	return &House{pool, client}, nil
}

// Cancel implements [jobs.Canceller].
func (h *House) Cancel(ctx context.Context, task opsdb.ID) (int, error) {
	return cancelJobs(ctx, h.pool, h.client, task)
}

// What is running but has nothing to run. It looks at what is in hand, by the state, and at each one's task, by its id.
const (
	// goneHold is what processes have that are not among the living.
	goneHold = `UPDATE river.river_job SET state = 'cancelled', finalized_at = now()
	  WHERE state = 'running' AND NOT (attempted_by[cardinality(attempted_by)] = ANY($1))`
	// overLong is what a process had that has come back under its name: the task has ended, backs off, was given out anew, or another worker has it.
	overLong = `UPDATE river.river_job j SET state = 'cancelled', finalized_at = now() WHERE j.state = 'running' AND j.attempted_at < now() - interval '10 seconds'
	  AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = j.args->>'task' AND (t.state = 'in_progress' AND t.worker = j.attempted_by[cardinality(j.attempted_by)]
	    OR t.state = 'scheduled' AND t.updated_at <= j.attempted_at))`
)

// Sweep ends the jobs that processes hold which are not among the living, and those of tasks that
// have ended or were given out anew since, and returns how many. That somebody runs one of them after all does no
// harm: the run goes on, and its lease says whether it counts.
func (h *House) Sweep(ctx context.Context, living []string) (int, error) {
	gone, err := h.pool.Exec(ctx, goneHold, living)
	if err != nil {
		return 0, fmt.Errorf("end the jobs of processes that are gone: %w", err)
	}
	over, err := h.pool.Exec(ctx, overLong)
	if err != nil {
		return int(gone.RowsAffected()), fmt.Errorf("end the jobs of tasks that are over: %w", err)
	}
	return int(gone.RowsAffected() + over.RowsAffected()), nil
}

// Close stops keeping house; another engine's turn comes.
func (h *House) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := h.client.StopAndCancel(ctx)
	go h.pool.Close() // waits for connections that hang
	if err != nil {
		return fmt.Errorf("stop keeping house in the queue: %w", err)
	}
	return nil
}
