package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
)

// Store is what the engine needs of OpsDB.
type Store interface {
	opsdb.Planning
	Now(ctx context.Context) (time.Time, error)
	Changed() <-chan struct{}
}

// Config is what an engine is made of.
type Config struct {
	Store Store
	// Enqueue brings tasks to their sites; it may be offered the same task again.
	Enqueue func(ctx context.Context, tasks []opsdb.Task) error
	Clock   clock.Clock
	// Monotonic is how much time has passed since some fixed moment, by a
	// clock that cannot be set. Nil: the clock is virtual and taken at its word.
	Monotonic func() time.Duration
	Limits    Limits
	// Batch is how many packages, files or groups are taken at once (default 500).
	Batch int
	// Sweep is how often the loop looks though nothing woke it (default 30 s).
	Sweep time.Duration
	Log   *slog.Logger // default: nowhere
	// Measure takes what passes did; nil: nobody does.
	Measure *measure.Set
	// Tracer takes the first spans of the traces of packages that were archived; nil: nobody does.
	Tracer *measure.Tracer
}

// Progress is what one pass did.
type Progress struct {
	Routed     int // files looked at
	Closed     int // packages made of closed groups
	Evaluated  int // packages
	Dispatched int // tasks
	Expired    int // tasks offered again because nobody claimed or renewed them
	Chained    int // events
}

// Idle reports whether the pass found nothing to do.
func (p Progress) Idle() bool { return p == Progress{} }

// Engine is the loop around [Evaluate] and [Arrange]. Its methods may be called
// by several goroutines; passes run one after another. Several engines may
// share a store. [Engine.Pass] does everything in turn; [Engine.Run] keeps apart
// what a changed fact waits for and the housekeeping beside it.
type Engine struct {
	cfg    Config
	turns  *Turns
	poke   chan struct{}
	stir   chan struct{} // told by a pass that did something: the house is to be kept
	left   atomic.Bool   // the last evaluations left packages out that were changing
	found  atomic.Int64  // passes of the sweep that found something
	house  sync.Mutex    // one round of housekeeping at a time; taken before pass
	pass   sync.Mutex    // one pass at a time
	mu     sync.Mutex    // guards active
	active *plans

	byHint bool // the last light pass began with what it was told of; guarded by pass

	seen map[opsdb.ID]opsdb.Facts // what the present pass evaluated last; guarded by pass

	// Guarded by house.
	ticked  time.Duration // monotonic time of the last tick
	pressed time.Time     // when room was last looked at
	running bool          // a first tick was made

	since  func() time.Duration // since the engine was made
	passed atomic.Int64         // of since, when a pass of the loop last ended well; 0: none has
}

// plans is the graph in force with the number of its revision.
type plans struct {
	graph    *graph.Graph
	revision int64
}

// New makes an engine. It does nothing before [Engine.Activate].
func New(cfg Config) *Engine {
	if cfg.Batch <= 0 {
		cfg.Batch = 500
	}
	if cfg.Sweep <= 0 {
		cfg.Sweep = 30 * time.Second
	}
	if cfg.Limits.ClaimBy <= 0 {
		cfg.Limits.ClaimBy = 2 * time.Minute
	}
	switch {
	case cfg.Limits.AtSite == 0:
		cfg.Limits.AtSite = 32
	case cfg.Limits.AtSite < 0:
		cfg.Limits.AtSite = 0
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{cfg: cfg, turns: NewTurns(), poke: make(chan struct{}, 1), stir: make(chan struct{}, 1), since: clock.Monotonic()}
}

// Activate puts a revision in force: it is appended to OpsDB unless its routes
// are the active ones, places are mirrored, and everything becomes dirty. The
// number of rev is the store's. opsdb.ErrInUse says what still refers to a
// place that is no longer there.
func (e *Engine) Activate(ctx context.Context, g *graph.Graph, rev opsdb.Revision) (opsdb.Revision, error) {
	e.pass.Lock()
	defer e.pass.Unlock()
	if rev.Digest == "" {
		rev.Digest = g.Digest
	}
	effect.Point(ctx, "engine.activate.before")
	got, err := e.cfg.Store.Activate(ctx, rev, MirrorOf(g))
	if err != nil {
		return opsdb.Revision{}, fmt.Errorf("activate routes %s: %w", short(rev.Digest), err)
	}
	effect.Point(ctx, "engine.activate.after")
	e.mu.Lock()
	e.active = &plans{g, got.Number}
	e.mu.Unlock()
	e.Poke()
	return got, nil
}

// Follow puts a revision in force here that another process has activated.
func (e *Engine) Follow(g *graph.Graph, revision int64) {
	e.pass.Lock()
	defer e.pass.Unlock()
	e.mu.Lock()
	e.active = &plans{g, revision}
	e.mu.Unlock()
	e.Poke()
}

func short(d opsdb.Digest) string { return string(d[:min(len(d), 12)]) }

// Graph is the graph in force and its revision; nil before [Engine.Activate].
func (e *Engine) Graph() (*graph.Graph, int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active == nil {
		return nil, 0
	}
	return e.active.graph, e.active.revision
}

// ErrNotActive is returned by a pass before any revision was activated.
var ErrNotActive = errors.New("no routes are in force")

// Pass is one whole round: the clock, what expired, files, groups, packages,
// room, dispatch, the audit chain. It returns what it did and when something is
// due next (zero: nothing by itself). To be called again after any error.
func (e *Engine) Pass(ctx context.Context) (did Progress, next time.Time, err error) {
	e.house.Lock()
	defer e.house.Unlock()
	e.pass.Lock()
	defer e.pass.Unlock()
	p := e.inForce()
	if p == nil {
		return did, next, ErrNotActive
	}
	for _, step := range []func(context.Context, *plans, *Progress) error{
		e.tick, e.expire, e.settle, e.press, e.dispatchAll, e.chain} {
		if err := step(ctx, p, &did); err != nil {
			return did, next, err
		}
	}
	next, err = e.due(ctx)
	return did, next, err
}

func (e *Engine) inForce() *plans {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active
}

func (e *Engine) due(ctx context.Context) (time.Time, error) {
	next, err := e.cfg.Store.NextWake(ctx)
	if err != nil {
		return next, fmt.Errorf("ask when something is due: %w", err)
	}
	return next, nil
}

func (e *Engine) tick(ctx context.Context, _ *plans, _ *Progress) error {
	passed, now := time.Duration(0), e.monotonic()
	if e.running {
		passed = now - e.ticked
	}
	if err := e.cfg.Store.Tick(ctx, passed, e.cfg.Monotonic == nil); err != nil {
		return fmt.Errorf("tell how much time has passed: %w", err)
	}
	e.ticked, e.running = now, true
	return nil
}

func (e *Engine) monotonic() time.Duration {
	if e.cfg.Monotonic != nil {
		return e.cfg.Monotonic()
	}
	return time.Duration(e.cfg.Clock.Now().UnixNano())
}

func (e *Engine) expire(ctx context.Context, _ *plans, did *Progress) error {
	tasks, err := e.cfg.Store.Expire(ctx, e.cfg.Clock.Now(), e.cfg.Limits.ClaimBy)
	if err != nil {
		return fmt.Errorf("expire claims and leases: %w", err)
	}
	did.Expired = len(tasks)
	if len(tasks) == 0 {
		return nil
	}
	if err := e.cfg.Enqueue(ctx, opsdb.Offers(tasks)); err != nil {
		return fmt.Errorf("enqueue what expired: %w", err)
	}
	return nil
}

func (e *Engine) dispatchAll(ctx context.Context, p *plans, did *Progress) error {
	for range maxRounds {
		made, err := e.dispatch(ctx, p)
		did.Dispatched += made
		if err != nil || made < laneLimit {
			return err
		}
	}
	return nil
}

func (e *Engine) chain(ctx context.Context, _ *plans, did *Progress) error {
	for {
		n, err := e.cfg.Store.Chain(ctx)
		if err != nil {
			return fmt.Errorf("chain events: %w", err)
		}
		if did.Chained += n; n == 0 {
			return nil
		}
	}
}
