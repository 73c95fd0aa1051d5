package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// Active compiles the revision in force; opsdb.ErrNotFound if there is none yet.
func Active(ctx context.Context, store opsdb.Planning) (*graph.Graph, int64, error) {
	rev, err := store.ActiveRevision(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read the routes in force: %w", err)
	}
	g, err := Graph(rev)
	return g, rev.Number, err
}

// follow looks for newer revisions until ctx ends.
func (n *Node) follow(ctx context.Context) error {
	tick := time.NewTicker(n.cfg.Follow)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			n.look(ctx)
		}
	}
}

// look asks the store for its time and its routes.
func (n *Node) look(ctx context.Context) {
	var late error
	if c, ok := n.cfg.Clock.(*StoreClock); ok {
		late = c.Ask(ctx)
	}
	if err := errors.Join(late, n.CatchUp(ctx)); err != nil && ctx.Err() == nil {
		n.cfg.Log.WarnContext(ctx, "newer routes are not followed", "error", err)
	}
}

// CatchUp puts the revision in force into force here too. One that this
// process cannot compile is told once, and the old one stays.
func (n *Node) CatchUp(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	rev, err := n.cfg.Store.ActiveRevision(ctx)
	if errors.Is(err, opsdb.ErrNotFound) || err == nil && (rev.Number <= n.revision || rev.Number == n.refused) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the routes in force: %w", err)
	}
	g, err := Graph(rev)
	if err == nil {
		err = KnownSites(g, n.cfg.Sites)
	}
	if err != nil {
		n.refused = rev.Number
		return fmt.Errorf("follow revision %d of the routes, staying at %d: %w", rev.Number, n.revision, err)
	}
	return n.use(ctx, g, rev.Number)
}

// use wires the process by other routes. What runs goes on.
func (n *Node) use(ctx context.Context, g *graph.Graph, revision int64) error {
	n.Places.use(g)
	n.revision = revision
	if n.Engine != nil {
		n.Engine.Follow(g, revision)
	}
	n.cfg.Log.InfoContext(ctx, "routes followed", "revision", revision)
	if n.Worker == nil {
		return nil
	}
	if err := n.watchers(); err != nil {
		return err
	}
	select {
	case n.rewired <- struct{}{}:
	default:
	}
	return nil
}

// Revision is the number of the revision the process goes by.
func (n *Node) Revision() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.revision
}

// following makes stages that wait for the routes of their task: a task may
// come before the process has heard of the revision it was made under.
func (n *Node) following(all stages.Registry) stages.Registry {
	if !n.cfg.Shared {
		return all
	}
	out := make(stages.Registry, len(all))
	for i, s := range all {
		out[i] = followingStage{s, n}
	}
	return out
}

type followingStage struct {
	stages.Stage
	node *Node
}

// Run implements [stages.Stage].
func (s followingStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	if err := s.caughtUp(ctx, w.Assignment().Task.Revision); err != nil {
		return opsdb.Outcome{}, err
	}
	return s.Stage.Run(ctx, w)
}

// RunBatch implements [stages.Batcher] for all stages: what knows no batches does one after the other.
func (s followingStage) RunBatch(ctx context.Context, works []stages.Work, early func(int, stages.Ending)) []stages.Ending {
	ends := make([]stages.Ending, len(works))
	made := int64(0)
	for _, w := range works {
		made = max(made, w.Assignment().Task.Revision)
	}
	late := s.caughtUp(ctx, made)
	if b, ok := s.Stage.(stages.Batcher); ok && late == nil {
		return b.RunBatch(ctx, works, early)
	}
	for i, w := range works {
		if ends[i].Err = late; late == nil {
			ends[i].Outcome, ends[i].Err = s.Stage.Run(ctx, w)
		}
	}
	return ends
}

// caughtUp asks for the task to be tried again later while its revision is not known here.
func (s followingStage) caughtUp(ctx context.Context, made int64) error {
	if s.node.Revision() < made {
		if err := s.node.CatchUp(ctx); err != nil {
			s.node.cfg.Log.WarnContext(ctx, "newer routes are not followed", "error", err)
		}
	}
	if have := s.node.Revision(); have < made {
		return stages.Later(s.node.cfg.Follow, fmt.Sprintf("this worker goes by revision %d of the routes, the task by %d", have, made))
	}
	return nil
}
