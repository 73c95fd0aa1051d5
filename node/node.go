// Package node is one process of CDT put together: the engine, the workers of
// its sites, the watchers of their source locations, over one store and queue.
// Which of these it runs is its [Roles].
//
// It decides nothing; it wires. `dtctl serve` and `dtctl work` run a node by
// the real clock, package sim drives one by a virtual clock. It may import
// anything but cmd, server and sim.
package node

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/builtin"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/worker"
)

// Roles are what a process does.
type Roles uint8

// The roles.
const (
	RoleEngine Roles = 1 << iota
	RoleWorker
	RoleAll = RoleEngine | RoleWorker
)

// Has reports whether r includes role.
func (r Roles) Has(role Roles) bool { return r&role != 0 }

// Config is what a node is made of. Zero fields take the value named.
type Config struct {
	Store    opsdb.Store
	Graph    *graph.Graph // the active revision, compiled
	Revision int64        // its number, if it is active already
	Roles    Roles        // all
	Sites    []string     // whose work the worker does; all that are in use
	// Shared says that other processes work on the same store: nothing of
	// theirs is taken over at the start, and revisions they activate are followed.
	Shared bool
	Follow time.Duration // how often a newer revision is looked for; 5 s
	// Queue brings work; in this process.
	Queue jobs.Queue
	// Enqueue offers what the engine made. Nil: to Queue; a store that offers
	// its tasks itself, in their transaction, has one that does nothing.
	Enqueue func(ctx context.Context, tasks []opsdb.Task) error
	// House keeps house in the queue of an engine; nil: there is nothing to keep.
	House House

	// Credentials of this process for the storages that need some; those of the environment.
	Credentials Credentials

	Clock   clock.Clock // the system's
	Name    string      // identity of the process, for leases and receipts
	Version string
	AtOnce  int            // tasks at once; 4
	PerType map[string]int // tasks at once of a stage type; no limit but AtOnce
	Lease   time.Duration  // 60 s
	ClaimBy time.Duration  // how long a task may stay unclaimed; 2 min
	Sweep   time.Duration  // how often the engine looks though nothing woke it; 30 s
	Grace   time.Duration  // how long a stop waits for running tasks; 20 s
	Scan    time.Duration  // between two scans of a source; 30 s
	Journal *worker.Journal
	Memory  *Memory // of how far the database was seen; one that ends with the process
	// Virtual says that Clock is moved by a driver, not by itself.
	Virtual bool
	// Network, if set, stands between the work and its transports: the place for a bad line.
	Network  func(transport.Catalog) transport.Catalog
	Progress func(worker.Progress)
	Running  func(n int) // as worker.Config.Running
	Log      *slog.Logger
	// Measure and Tracer take what is measured and traced; nil: nobody does.
	Measure *measure.Set
	Tracer  *measure.Tracer
}

// House is what an engine does for the queue now and then.
type House interface {
	// Sweep ends the jobs of processes that are not among the living.
	Sweep(ctx context.Context, living []string) (int, error)
}

// Node is the parts of one process. Engine is nil without its role, and so are
// Worker, Watch and Watchers without theirs.
type Node struct {
	Places   *Places
	Engine   *engine.Engine
	Worker   *worker.Worker
	Watch    *worker.Watch
	Watchers []*filing.Watcher
	Queue    jobs.Queue

	cfg      Config
	mu       sync.Mutex // guards what follows; held while a revision is followed
	revision int64
	refused  int64         // a revision that could not be followed
	rewired  chan struct{} // told when Watchers are others
}

// New wires a node; it does nothing until [Node.Run] or the steps of its
// parts. It fails if the routes have no such site.
func New(cfg Config) (*Node, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Roles == 0 {
		cfg.Roles = RoleAll
	}
	if cfg.Follow == 0 {
		cfg.Follow = 5 * time.Second
	}
	if cfg.Queue == nil {
		cfg.Queue = local.New()
	}
	if cfg.Memory == nil {
		cfg.Memory = &Memory{}
	}
	cfg.Store = &attentive{Store: cfg.Store, memory: cfg.Memory, who: cfg.who()}
	if err := KnownSites(cfg.Graph, cfg.Sites); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, Places: NewPlaces(cfg.Graph, cfg.Store, cfg.Clock), Queue: cfg.Queue, revision: cfg.Revision, rewired: make(chan struct{}, 1)}
	n.Places.Credentials = cfg.Credentials
	n.Places.Sites = cfg.Sites
	if cfg.Roles.Has(RoleEngine) {
		n.engine()
	}
	if cfg.Roles.Has(RoleWorker) {
		n.watch()
		n.worker()
		return n, n.watchers()
	}
	return n, nil
}

func (n *Node) engine() {
	enqueue := n.cfg.Enqueue
	if enqueue == nil {
		enqueue = n.Queue.Enqueue
	}
	n.Engine = engine.New(engine.Config{
		Store: n.cfg.Store, Enqueue: enqueue, Clock: n.cfg.Clock, Monotonic: n.cfg.monotonic(), Sweep: n.cfg.Sweep,
		Limits: engine.Limits{ClaimBy: n.cfg.ClaimBy}, Log: n.cfg.Log, Measure: n.cfg.Measure, Tracer: n.cfg.Tracer,
	})
	if n.cfg.Revision > 0 {
		n.Engine.Follow(n.cfg.Graph, n.cfg.Revision)
	}
}

// monotonic is time that cannot be set; nil if the clock is a driver's.
func (c Config) monotonic() func() time.Duration {
	if c.Virtual {
		return nil
	}
	return clock.Monotonic()
}

func (n *Node) watch() {
	n.Watch = worker.NewWatch(worker.WatchConfig{Locations: n.locations, Marker: n.Places.marker, Clock: n.cfg.Clock, Log: n.cfg.Log}, n.Places, n.cfg.Store)
}

func (n *Node) worker() {
	var network transport.Catalog = Links{n.Places, n.cfg.Virtual}
	if n.cfg.Network != nil {
		network = n.cfg.Network(network)
	}
	registry := builtin.All(builtin.Deps{Storages: n.Places, Transports: network})
	n.Worker = worker.New(worker.Config{
		ID: n.cfg.Name, Sites: n.Sites(), Version: n.cfg.Version, Total: n.cfg.AtOnce, PerType: n.cfg.PerType, Lease: n.cfg.Lease, Grace: n.cfg.Grace,
		Clock: n.cfg.Clock, Attempts: n.attempts, Journal: n.cfg.Journal, Progress: n.cfg.Progress, Running: n.cfg.Running, Suspect: n.Watch.Suspect, Log: n.cfg.Log,
		Measure: n.cfg.Measure, Tracer: n.cfg.Tracer,
	}, n.cfg.Store, n.Queue, n.following(registry))
}

// attempts is how many counted attempts the stage of a task allows.
func (n *Node) attempts(t opsdb.Task) int {
	for _, r := range n.Places.Graph().Routes {
		for _, s := range r.Stages {
			if (r.Name == t.Route || slices.Contains(r.Formerly, t.Route)) && (s.Name == t.Stage || slices.Contains(s.Formerly, t.Stage)) {
				return s.Attempts
			}
		}
	}
	return 0
}

// Start makes the routes the active revision and takes over what the last
// process left: leases are revoked and the queue is rebuilt from the tasks,
// unless other processes share the store. The caller holds the serve lock of
// an embedded store. Without a revision, or the engine's role, nothing is activated.
func (n *Node) Start(ctx context.Context, rev opsdb.Revision) error {
	if err := n.Look(ctx); err != nil {
		return err
	}
	if n.Engine != nil && rev.Digest != "" {
		got, err := n.Engine.Activate(ctx, n.Places.Graph(), rev)
		if err != nil {
			return err
		}
		n.mu.Lock()
		n.revision = got.Number
		n.mu.Unlock()
	}
	if !n.cfg.Shared {
		if err := n.takeOver(ctx); err != nil {
			return err
		}
	}
	if n.Worker == nil {
		return nil
	}
	return n.Worker.Replay(ctx)
}

// takeOver is the start of the only process on a store.
func (n *Node) takeOver(ctx context.Context) error {
	if err := n.cfg.Store.RevokeLeases(ctx); err != nil {
		return fmt.Errorf("revoke the leases of the last run: %w", err)
	}
	tasks, err := n.cfg.Store.Unclaimed(ctx)
	if err != nil {
		return fmt.Errorf("rebuild the queue from the tasks: %w", err)
	}
	return n.Queue.Enqueue(ctx, opsdb.Offers(tasks))
}

// Present renews the row of the node's worker, which speaks for its sites:
// for a driver with a clock of its own, after it has moved the clock.
func (n *Node) Present(ctx context.Context) error {
	if err := n.Look(ctx); err != nil {
		return err
	}
	err := n.cfg.Store.Present(ctx, opsdb.Worker{ID: n.cfg.Name, Sites: n.Sites(), Version: n.cfg.Version, SeenAt: n.cfg.Clock.Now(), Protocol: opsdb.Protocol})
	if err != nil {
		return fmt.Errorf("renew the row of worker %s: %w", n.cfg.Name, err)
	}
	return nil
}
