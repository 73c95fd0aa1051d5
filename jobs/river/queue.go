package river

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/opsdb"
)

// Options are how a worker's queue works. Zero fields take the value named.
type Options struct {
	ID     string // of this process, as in its worker row: [Sweep] ends the jobs of those that are gone
	InHand int    // jobs in hand at once, a site; 16
	// Cooldown is the least time between two fetches at a site; 2 ms.
	Cooldown time.Duration
	// Poll is how often a site is asked though nothing woke it; 1 s.
	Poll time.Duration
	Log  *slog.Logger
}

// Queue is a [jobs.Queue] and a [jobs.Keeper] for the workers of one process.
// It fetches for a site from the first Next that names it, and stays out of
// River's election of a leader: see [KeepHouse] for who keeps house.
type Queue struct {
	opts   Options
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	hands  *hands
	early  *early

	mu    sync.Mutex
	sites map[string]bool
}

var (
	_ jobs.Queue     = (*Queue)(nil)
	_ jobs.Keeper    = (*Queue)(nil)
	_ jobs.Canceller = (*Queue)(nil)
)

// connections are enough for a notifier, a completer and a few fetches at once.
const connections = 4

// Open connects to the database and starts the queue. River's tables must be there ([Migrate]).
func Open(ctx context.Context, url string, opts Options) (*Queue, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	q := &Queue{opts: opts.filled(), pool: pool, hands: newHands(), sites: map[string]bool{}}
	q.early = newEarly(q.opts.ID, q.opts.InHand, q.hands)
	if err := q.start(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return q, nil
}

func (o Options) filled() Options {
	if o.InHand == 0 {
		o.InHand = 16
	}
	if o.Cooldown == 0 {
		o.Cooldown = 2 * time.Millisecond
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

var errURL = errors.New("the queue's database: this is no address of a PostgreSQL database, say postgres://user@host:5432/name")

func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL // what pgx says of it may hold the password
	}
	cfg.MaxConns = connections
	for key, value := range map[string]string{
		// The table is empty in one moment and full in the next: a plan by its indexes is good for both, and is made once.
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
		// What a crash takes back is only what the queue knows: a job that comes again finds its task claimed or done.
		"synchronous_commit": "off",
	} {
		if cfg.ConnConfig.RuntimeParams[key] == "" {
			cfg.ConnConfig.RuntimeParams[key] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the queue's database: %w", err)
	}
	return pool, nil
}

func (q *Queue) start(ctx context.Context) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{hands: q.hands})
	cfg := config(q.opts.ID, q.opts.Log)
	cfg.Workers, cfg.Queues = workers, idle()
	cfg.LeaderElectionDisabled, cfg.FetchOnlyKnownKinds = true, true
	cfg.FetchCooldown, cfg.FetchPollInterval = q.opts.Cooldown, q.opts.Poll
	var err error
	q.client, err = river.NewClient(driver{riverpgxv5.New(q.pool), q.pool, q.hands, q.early}, cfg)
	if err != nil {
		return fmt.Errorf("make a client of the queue: %w", err)
	}
	// A stop is asked for by Close: what runs may end first.
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	return nil
}

// worker is River's side of a job in hand.
type worker struct {
	river.WorkerDefaults[RunTask]
	hands *hands
}

// Work implements [river.Worker].
func (w *worker) Work(ctx context.Context, job *river.Job[RunTask]) error {
	return w.hands.work(ctx, job.ID)
}

// Enqueue implements [jobs.Queue], in a transaction of its own. Where a store
// makes tasks, [Inserter.Enqueue] does it in the transaction of the tasks.
func (q *Queue) Enqueue(ctx context.Context, tasks []opsdb.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	c, err := insertOnly(q.pool)
	if err != nil {
		return err
	}
	if _, err := c.InsertManyFast(ctx, jobsFor(tasks)); err != nil {
		return fmt.Errorf("insert %d jobs: %w", len(tasks), err)
	}
	return nil
}

// Next implements [jobs.Queue].
func (q *Queue) Next(ctx context.Context, sites []string) (opsdb.ID, error) {
	if err := q.serve(sites); err != nil {
		return "", err
	}
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		task, arrived := q.hands.take(sites)
		if task != "" {
			return task, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-arrived:
		}
	}
}

// serve begins to fetch for sites that are new here.
func (q *Queue) serve(sites []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, site := range sites {
		if q.sites[site] {
			continue
		}
		if err := q.client.Queues().Add(site, river.QueueConfig{MaxWorkers: q.opts.InHand}); err != nil {
			return fmt.Errorf("fetch the jobs of site %s: %w", site, err)
		}
		q.sites[site] = true
		q.early.serve(site)
	}
	return nil
}

// Keep implements [jobs.Keeper].
func (q *Queue) Keep(ctx context.Context, task opsdb.ID) (context.Context, func(begun bool)) {
	h := q.hands.kept(task)
	if h == nil {
		return ctx, func(bool) {}
	}
	run, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.gone, func() { cancel(context.Cause(h.gone)) })
	return run, func(begun bool) {
		stop()
		cancel(nil)
		h.end(begun)
	}
}

// Leave implements [jobs.Keeper].
func (q *Queue) Leave() {
	q.early.close()
	q.hands.leave()
}

// closing is how long a close waits for River to write what is over.
const closing = 5 * time.Second

// Close ends the queue: what is in hand and was not begun goes back to be
// fetched by others. The caller's runs have ended. It does not wait long for a
// database that is away: [Sweep] ends the jobs of this process then.
func (q *Queue) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	q.early.close()
	err := errors.Join(q.client.StopAndCancel(ctx), q.early.giveBack(ctx, q.pool)) // one run that does not end holds up no other
	q.hands.endAll()
	if err == nil {
		q.pool.Close()
		return nil
	}
	go q.pool.Close() // waits for connections that hang
	return fmt.Errorf("stop the queue: %w", err)
}
