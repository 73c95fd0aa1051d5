// Package node is one process of CDT put together: the engine, the workers of
// its sites, the watchers of its source locations and the queue between them,
// over one store.
//
// It decides nothing; it wires. `dtctl serve` runs a node by the real clock,
// package sim drives one by a virtual clock. It may import anything but cmd,
// server and sim.
package node

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/builtin"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/worker"
)

// Config is what a node is made of. Zero fields take the value named.
type Config struct {
	Store   opsdb.Store
	Graph   *graph.Graph // the active revision, compiled
	Clock   clock.Clock  // the system's
	Name    string       // identity of the worker, for leases and receipts
	Version string
	AtOnce  int           // tasks at once; 4
	Lease   time.Duration // 60 s
	Grace   time.Duration // how long a stop waits for running tasks; 20 s
	Scan    time.Duration // between two scans of a source; 30 s
	Journal *worker.Journal
	// Virtual says that Clock is moved by a driver, not by itself.
	Virtual  bool
	Progress func(worker.Progress)
	Log      *slog.Logger
}

// Node is the parts of one process.
type Node struct {
	Places   *Places
	Engine   *engine.Engine
	Worker   *worker.Worker
	Watch    *worker.Watch
	Watchers []*filing.Watcher
	Queue    *local.Queue

	cfg Config
}

// New wires a node; it does nothing until [Node.Run] or the steps of its parts.
func New(cfg Config) (*Node, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{cfg: cfg, Places: NewPlaces(cfg.Graph, cfg.Store, cfg.Clock), Queue: local.New()}
	n.Engine = engine.New(engine.Config{Store: cfg.Store, Enqueue: n.Queue.Enqueue, Clock: cfg.Clock, Monotonic: cfg.monotonic(), Log: cfg.Log})
	n.watch()
	n.worker()
	return n, n.watchers()
}

// monotonic is time that cannot be set; nil if the clock is a driver's.
func (c Config) monotonic() func() time.Duration {
	if c.Virtual {
		return nil
	}
	return clock.Monotonic()
}

// Sites are the names of the sites a node serves: all that are in use.
func (n *Node) Sites() []string {
	var out []string
	for _, s := range n.cfg.Graph.Sites {
		if s.State == opsdb.SiteActive {
			out = append(out, s.Name)
		}
	}
	return out
}

// locations are the names of the locations of the node's sites.
func (n *Node) locations() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(n.cfg.Graph.Locations)) {
		if n.cfg.Graph.Locations[name].Site.State == opsdb.SiteActive {
			out = append(out, name)
		}
	}
	return out
}

func (n *Node) watch() {
	n.Watch = worker.NewWatch(worker.WatchConfig{Locations: n.locations, Marker: n.Places.marker, Clock: n.cfg.Clock, Log: n.cfg.Log}, n.Places, n.cfg.Store)
}

func (n *Node) worker() {
	registry := builtin.All(builtin.Deps{Storages: n.Places, Transports: Links{n.cfg.Graph}})
	n.Worker = worker.New(worker.Config{
		ID: n.cfg.Name, Sites: n.Sites(), Version: n.cfg.Version, Total: n.cfg.AtOnce, Lease: n.cfg.Lease, Grace: n.cfg.Grace,
		Clock: n.cfg.Clock, Attempts: n.attempts, Journal: n.cfg.Journal, Progress: n.cfg.Progress, Suspect: n.Watch.Suspect, Log: n.cfg.Log,
	}, n.cfg.Store, n.Queue, registry)
}

// attempts is how many counted attempts the stage of a task allows.
func (n *Node) attempts(t opsdb.Task) int {
	for _, r := range n.cfg.Graph.Routes {
		for _, s := range r.Stages {
			if r.Name == t.Route && s.Name == t.Stage {
				return s.Attempts
			}
		}
	}
	return 0
}

func (n *Node) watchers() error {
	for _, name := range n.locations() {
		l := n.cfg.Graph.Locations[name]
		if l.Type != opsdb.Source {
			continue
		}
		w, err := filing.NewWatcher(filing.Config{
			Location: name, Layout: l.Layout, Final: filing.Final{By: filing.By(l.Final.By), After: l.Final.After}, Ignore: l.Ignore,
			Interval: n.cfg.Scan, Root: l.Path, Clock: n.cfg.Clock, Log: n.cfg.Log,
		}, n.cfg.Store, source{n.Places, name})
		if err != nil {
			return err
		}
		n.Watchers = append(n.Watchers, w)
	}
	return nil
}

// source is a location as a watcher sees it, opened when it is looked at: it
// may be initialised after the process has started.
type source struct {
	places   *Places
	location string
}

type walker interface {
	storage.Storage
	storage.Tree
}

func (s source) open() (walker, error) {
	st, err := s.places.Storage(s.location)
	if err != nil {
		return nil, err
	}
	w, ok := st.(walker)
	if !ok {
		return nil, fmt.Errorf("watch %s: its storage holds no plain files", s.location)
	}
	return w, nil
}

func (s source) Check(ctx context.Context) (storage.Health, error) {
	w, err := s.open()
	if err != nil {
		return storage.Health{}, err
	}
	return w.Check(ctx)
}

func (s source) Stat(ctx context.Context, path string) (storage.Info, error) {
	w, err := s.open()
	if err != nil {
		return storage.Info{}, err
	}
	return w.Stat(ctx, path)
}

func (s source) Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error] {
	w, err := s.open()
	if err != nil {
		return func(yield func(storage.Info, error) bool) { yield(storage.Info{}, err) }
	}
	return w.Walk(ctx, dir)
}

// Start makes the routes the active revision and takes over what the last
// process left: leases are revoked and the queue is rebuilt from the tasks.
// The caller holds the serve lock of an embedded store.
func (n *Node) Start(ctx context.Context, rev opsdb.Revision) error {
	if _, err := n.Engine.Activate(ctx, n.cfg.Graph, rev); err != nil {
		return err
	}
	if err := n.cfg.Store.RevokeLeases(ctx); err != nil {
		return fmt.Errorf("revoke the leases of the last run: %w", err)
	}
	return errors.Join(n.Queue.Rebuild(ctx, n.cfg.Store), n.Worker.Replay(ctx))
}

// Present renews the row of the node's worker, which speaks for its sites:
// for a driver with a clock of its own, after it has moved the clock.
func (n *Node) Present(ctx context.Context) error {
	err := n.cfg.Store.Present(ctx, opsdb.Worker{ID: n.cfg.Name, Sites: n.Sites(), Version: n.cfg.Version, SeenAt: n.cfg.Clock.Now()})
	if err != nil {
		return fmt.Errorf("renew the row of worker %s: %w", n.cfg.Name, err)
	}
	return nil
}
