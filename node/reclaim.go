package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// What tasks that were withdrawn left behind is removed this long after
// anything was written to it, and looked for this often.
const (
	reclaimAge   = 24 * time.Hour
	reclaimEvery = time.Hour
)

// Reclaim removes the parts that no open task will take up again, at all
// locations of the node's sites: a package that went another way would take
// its room for ever. It returns how many there were; one location that cannot
// be looked at does not keep the others from it.
func (n *Node) Reclaim(ctx context.Context) (removed int, err error) {
	for _, name := range n.locations() {
		st, bad := n.Places.Storage(name)
		if bad == nil {
			var here int
			here, bad = st.Reclaim(ctx, reclaimAge, func(a storage.Attempt) bool { return n.mayReturn(ctx, a) })
			removed += here
		}
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("remove leftovers at %s: %w", name, bad))
		}
	}
	return removed, err
}

// mayReturn reports whether the task of an attempt is open, or may be.
func (n *Node) mayReturn(ctx context.Context, a storage.Attempt) bool {
	t, err := n.cfg.Store.Task(ctx, a.Task)
	if errors.Is(err, opsdb.ErrNotFound) {
		return false
	}
	return err != nil || t.State.Open()
}

// reclaim does so until ctx ends.
func (n *Node) reclaim(ctx context.Context) error {
	tick := time.NewTicker(reclaimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			removed, err := n.Reclaim(ctx)
			if removed > 0 {
				n.cfg.Log.InfoContext(ctx, "leftovers of withdrawn tasks removed", "parts", removed)
			}
			if err != nil && ctx.Err() == nil {
				n.cfg.Log.WarnContext(ctx, "leftovers not removed", "error", err)
			}
		}
	}
}
