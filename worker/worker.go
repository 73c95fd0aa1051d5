// Package worker does the tasks of its sites: it claims a task, runs the
// stage while it keeps the lease, and records the facts (design, section 6).
// It also tells OpsDB what it sees of the locations there ([Watch]).
//
// It decides nothing about routes, and nothing about when a task is due: the
// engine does. It knows no stage type and no storage; both are handed in.
//
// It imports jobs, stages and opsdb, besides clock and effect.
package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// Store is what a worker needs of OpsDB.
type Store interface {
	opsdb.Working
	// Now is the store's time: what retries are set by.
	Now(ctx context.Context) (time.Time, error)
	// Task reads a task: how an unknown commit is resolved.
	Task(ctx context.Context, id opsdb.ID) (opsdb.Task, error)
}

// Config is how a worker works. Zero fields take the value named.
type Config struct {
	ID      string   // stable identity of this process, for leases and receipts
	Sites   []string // whose tasks it does
	Version string
	Total   int            // tasks at once; 4
	PerType map[string]int // tasks at once of a stage type; no limit but Total

	Lease   time.Duration // 60 s
	Renew   time.Duration // how often the lease and the worker's row are renewed; a quarter of Lease
	Check   time.Duration // how often the watchdog looks, in real time; 500 ms
	Still   time.Duration // stall of a phase that names none; 10 min
	Grace   time.Duration // how long a stop waits for running tasks; 20 s
	Abandon time.Duration // how long a cancelled run may take to end before it is left behind; 10 s
	Write   time.Duration // how long a result is offered to OpsDB before it waits in the journal; 30 s

	// Clock is the store's time as the worker knows it; the system's. For formats only.
	Clock clock.Clock
	// Attempts is how many counted attempts a task has; nil or 0: 8.
	Attempts func(opsdb.Task) int
	// Jitter gives numbers in [0, 1); nil: random ones.
	Jitter func() float64
	// Journal keeps results while OpsDB is away; nil: in memory only.
	Journal *Journal
	// Progress is told what a task is doing, at most once a Check and at its end; it must be quick.
	Progress func(Progress)
	// Running is told how many tasks run now whenever that changes, one call after the other; nil: nobody is.
	Running func(n int)
	// Suspect is told of a failure that blames a location; [Watch.Suspect] fits.
	Suspect func(ctx context.Context, location string, f opsdb.Failure, need int64)
	Log     *slog.Logger
	// Measure and Tracer take what is measured and traced; nil: nobody does.
	Measure *measure.Set
	Tracer  *measure.Tracer
}

// Progress is what a task is doing now.
type Progress struct {
	Task        opsdb.Task
	Phase       string
	Done, Total int64 // bytes of the phase; Total 0: unknown
	Ended       bool
}

const defaultAttempts = 8

// Worker does tasks. Its methods may be called from several goroutines.
type Worker struct {
	cfg    Config
	store  Store
	queue  jobs.Queue
	stages stages.Registry

	busy    atomic.Int64
	breaker *breaker
	replay  sync.Mutex // one replay at a time

	since       func() time.Duration // since the worker was made
	lastRenewed atomic.Int64         // of since, when OpsDB last took a renewal; 0: never
	counting    sync.Mutex           // guards runs
	runs        map[string]int       // tasks that run here, by type
}

// New makes a worker; it does nothing until [Worker.Run], [Worker.Drain] or [Worker.RunTask].
func New(cfg Config, store Store, queue jobs.Queue, registry stages.Registry) *Worker {
	cfg = cfg.filled()
	return &Worker{cfg: cfg, store: store, queue: queue, stages: registry, breaker: newBreaker(), since: clock.Monotonic(), runs: map[string]int{}}
}

func (c Config) filled() Config {
	c.Total = or(c.Total, 4)
	c.Lease = or(c.Lease, 60*time.Second)
	c.Renew = or(c.Renew, c.Lease/4)
	c.Check = or(c.Check, min(500*time.Millisecond, c.Renew))
	c.Still = or(c.Still, 10*time.Minute)
	c.Grace = or(c.Grace, 20*time.Second)
	c.Abandon = or(c.Abandon, 10*time.Second)
	c.Write = or(c.Write, 30*time.Second)
	c.Log = or(c.Log, slog.New(slog.DiscardHandler))
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Attempts == nil {
		c.Attempts = func(opsdb.Task) int { return defaultAttempts }
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Journal == nil {
		c.Journal = &Journal{}
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.Suspect == nil {
		c.Suspect = func(context.Context, string, opsdb.Failure, int64) {}
	}
	return c
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Busy is how many tasks this worker holds a lease on now. A virtual clock is moved only while it is 0.
func (w *Worker) Busy() int { return int(w.busy.Load()) }

// Waiting is how many results wait for OpsDB in the journal.
func (w *Worker) Waiting() int { return w.cfg.Journal.Len() }

// answerTime is how long the worker's row waits for an answer, at least: the line may be dead, and the next connection good.
const answerTime = 10 * time.Second

// present renews the worker's row.
func (w *Worker) present(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(w.cfg.Renew, answerTime))
	defer cancel()
	err := w.store.Present(ctx, opsdb.Worker{ID: w.cfg.ID, Sites: w.cfg.Sites, Version: w.cfg.Version, SeenAt: w.cfg.Clock.Now(), AtOnce: w.cfg.Total * lookahead, Protocol: opsdb.Protocol})
	if err == nil {
		w.lastRenewed.Store(max(1, int64(w.since())))
	}
	w.cfg.Measure.JournalWaiting(ctx, w.Waiting())
	return err
}
