package node

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Run runs everything by the real clock until ctx is cancelled. Then no new
// work is taken, running tasks get their grace, and what is not done is given
// back. It returns nil after a graceful stop, or the first error that ended a part.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Engine.Run(ctx) })
	g.Go(func() error { return n.Worker.Run(ctx) })
	g.Go(func() error { return n.Watch.Run(ctx) })
	for _, w := range n.Watchers {
		g.Go(func() error { return w.Run(ctx) })
	}
	return g.Wait()
}
