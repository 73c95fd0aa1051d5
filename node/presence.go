package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// presence is how often an engine renews its row and everybody looks at the rows of the others.
const presence = opsdb.WorkerTTL / 6

// forgotten is how long the row of a process that died is kept for people to see.
const forgotten = 24 * time.Hour

// engineRow keeps the row by which workers know that there is an engine, and
// which protocol it speaks, until ctx ends.
func (n *Node) engineRow(ctx context.Context) error {
	tick := time.NewTicker(presence)
	defer tick.Stop()
	for {
		err := n.cfg.Store.Present(ctx, opsdb.Worker{ID: n.engineName(), Version: n.cfg.Version, SeenAt: n.cfg.Clock.Now(), Protocol: opsdb.Protocol})
		if err != nil && ctx.Err() == nil {
			n.cfg.Log.WarnContext(ctx, "the engine's row is not renewed", "error", err)
		}
		select {
		case <-ctx.Done():
			return n.signOff(ctx)
		case <-tick.C:
		}
	}
}

// engineName is apart from the name of a worker in the same process.
func (n *Node) engineName() string { return n.cfg.Name + ":engine" }

// signOff removes the engine's row at a graceful stop.
func (n *Node) signOff(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := n.cfg.Store.Absent(ctx, n.engineName()); err != nil {
		n.cfg.Log.WarnContext(ctx, "the engine's row is not removed", "error", err)
	}
	return nil
}

// SameProtocol fails with opsdb.ErrProtocol if a living engine speaks another protocol than a worker here would.
func SameProtocol(ctx context.Context, store opsdb.Store) error {
	workers, err := store.Workers(ctx)
	if err != nil {
		return fmt.Errorf("read who is there: %w", err)
	}
	now, err := store.Now(ctx)
	if err != nil {
		return fmt.Errorf("ask the database for its time: %w", err)
	}
	for _, w := range workers {
		if !w.Engine() || now.Sub(w.SeenAt) >= opsdb.WorkerTTL || w.Protocol == opsdb.Protocol || w.Protocol == 0 {
			continue
		}
		which := "older than"
		if opsdb.Protocol > w.Protocol {
			which = "newer than"
		}
		return fmt.Errorf("%w: this worker (protocol %d) is %s the engine %s (program %s, protocol %d)", opsdb.ErrProtocol, opsdb.Protocol, which, w.ID, w.Version, w.Protocol)
	}
	return nil
}

// protocol ends a worker that has come to stand beside an engine it does not
// understand: what runs gets its grace, and the error says so.
func (n *Node) protocol(ctx context.Context) error {
	tick := time.NewTicker(presence)
	defer tick.Stop()
	for {
		if err := SameProtocol(ctx, n.cfg.Store); errors.Is(err, opsdb.ErrProtocol) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// forget removes the rows of processes that died long ago.
func (n *Node) forget(ctx context.Context, workers []opsdb.Worker, now time.Time) error {
	for _, w := range workers {
		if now.Sub(w.SeenAt) < forgotten {
			continue
		}
		if err := n.cfg.Store.Absent(ctx, w.ID); err != nil {
			return fmt.Errorf("forget worker %s: %w", w.ID, err)
		}
	}
	return nil
}
