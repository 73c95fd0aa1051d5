package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/opsdb"
)

// Run runs everything by the real clock until ctx is cancelled. Then no new
// work is taken, running tasks get their grace, and what is not done is given
// back. It returns nil after a graceful stop, or the first error that ended a part.
func (n *Node) Run(ctx context.Context) error {
	defer n.Places.hangUp()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.watchDatabase(ctx) })
	if n.Engine != nil {
		g.Go(func() error { return n.Engine.Run(ctx) })
		if n.cfg.Measure != nil {
			g.Go(func() error { return n.observe(ctx) })
		}
		if n.cfg.Shared {
			g.Go(func() error { return n.engineRow(ctx) })
		}
		if n.cfg.House != nil {
			g.Go(func() error { return n.keepHouse(ctx) })
		}
	}
	if n.Worker != nil {
		g.Go(func() error { return n.Worker.Run(ctx) })
		g.Go(func() error { return n.Watch.Run(ctx) })
		g.Go(func() error { return n.reclaim(ctx) })
		g.Go(func() error { return n.runWatchers(ctx) })
		if n.cfg.Shared {
			g.Go(func() error { return n.protocol(ctx) })
		}
	}
	if n.cfg.Shared {
		g.Go(func() error { return n.follow(ctx) })
	}
	return g.Wait()
}

// runWatchers runs the watchers there are, and others when routes change.
func (n *Node) runWatchers(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := n.runTheseWatchers(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) runTheseWatchers(ctx context.Context) error {
	n.mu.Lock()
	watchers := slices.Clone(n.Watchers)
	n.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		select {
		case <-ctx.Done():
		case <-n.rewired:
			cancel()
		}
		return nil
	})
	g.Go(func() error { n.Places.reach(ctx); return nil }) // routes that changed may have other links
	for _, w := range watchers {
		g.Go(func() error { return runWatcher(ctx, w) })
	}
	return g.Wait()
}

func runWatcher(ctx context.Context, w *filing.Watcher) error {
	err := w.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// houseEvery is how often the jobs of dead processes are looked for.
const houseEvery = 30 * time.Second

// keepHouse ends the jobs of processes that are gone, until ctx ends.
func (n *Node) keepHouse(ctx context.Context) error {
	tick := time.NewTicker(houseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := n.sweepJobs(ctx); err != nil && ctx.Err() == nil {
				n.cfg.Log.WarnContext(ctx, "jobs of dead workers not ended", "error", err)
			}
		}
	}
}

func (n *Node) sweepJobs(ctx context.Context) error {
	now, err := n.cfg.Store.Now(ctx)
	if err != nil {
		return err
	}
	workers, err := n.cfg.Store.Workers(ctx)
	if err != nil {
		return fmt.Errorf("read the workers: %w", err)
	}
	if err := n.forget(ctx, workers, now); err != nil {
		return err
	}
	ended, err := n.cfg.House.Sweep(ctx, living(workers, now))
	if ended > 0 {
		n.cfg.Log.InfoContext(ctx, "jobs of dead workers ended", "jobs", ended)
	}
	return err
}

// living are the workers whose row still speaks for them.
func living(workers []opsdb.Worker, now time.Time) []string {
	out := []string{}
	for _, w := range workers {
		if now.Sub(w.SeenAt) < opsdb.WorkerTTL {
			out = append(out, w.ID)
		}
	}
	return out
}
