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
// anything was written to it, and looked for this often. Where room is scarce it
// goes sooner, if the database knows that its task has ended: an attempt at it
// that is still alive has lost its lease long ago, and what it writes to has
// a name of its own; without the name it ends with nothing.
const (
	reclaimAge   = 24 * time.Hour
	reclaimSoon  = 10 * time.Minute
	reclaimEvery = 10 * time.Minute
)

// Reclaim removes the parts that no open task will take up again, at all
// locations of the node's sites: a package that went another way would take
// its room for ever. It returns how many there were; one location that cannot
// be looked at does not keep the others from it.
func (n *Node) Reclaim(ctx context.Context) (removed int, err error) {
	w, err := n.cfg.Store.World(ctx)
	if err != nil {
		return 0, fmt.Errorf("read where room is scarce: %w", err)
	}
	for _, name := range n.locations() {
		st, bad := n.Places.Storage(name)
		if bad == nil {
			var here int
			here, bad = n.reclaimAt(ctx, st, scarce(w.Locations[name]))
			removed += here
		}
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("remove leftovers at %s: %w", name, bad))
		}
	}
	return removed, err
}

// scarce reports whether a location has too little room.
func scarce(l opsdb.Location) bool {
	return l.Pressure != nil || l.Down != nil && l.Down.Reason == "full"
}

func (n *Node) reclaimAt(ctx context.Context, st storage.Storage, scarce bool) (removed int, err error) {
	if scarce {
		removed, err = st.Reclaim(ctx, reclaimSoon, func(a storage.Attempt) bool { return !n.hasEnded(ctx, a) })
		if err != nil {
			return removed, err
		}
	}
	old, err := st.Reclaim(ctx, reclaimAge, func(a storage.Attempt) bool { return n.mayReturn(ctx, a) })
	return removed + old, err
}

// hasEnded reports whether the database knows the task of an attempt, from its own epoch, and that it has ended.
func (n *Node) hasEnded(ctx context.Context, a storage.Attempt) bool {
	t, err := n.cfg.Store.Task(ctx, a.Task)
	return err == nil && !t.State.Open() && t.Epoch == a.Epoch
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
