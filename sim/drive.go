// Package sim is a whole observatory in one process on a virtual clock: it
// drives a node from one moment at which something happens to the next, so
// that fourteen days pass in a moment. The demo and the end-to-end tests stand on it.
//
// It is not a model: engine, workers, storages and the store are the real
// ones, and the bytes are real. Only time is made. It may import anything but cmd and server.
package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/node"
)

// Driver moves a node and its clock.
type Driver struct {
	Node  *node.Node
	Clock *clock.Virtual
	// Workers do the work, and Engines decide beside the node's own, if these
	// are processes of their own; nil: Node does both alone.
	Workers, Engines []*node.Node
	// Stop, if set, is asked whenever there is nothing to do at the present
	// time, before the clock is moved to next.
	Stop func(ctx context.Context, next time.Time) (bool, error)
	// Moved, if set, is told before the clock is moved.
	Moved func(from, to time.Time)
	// Step, if set, is called between what the engine decided and the work
	// that follows: the place for faults.
	Step func(ctx context.Context) error

	pending time.Time // when a file found may become complete
}

// settle is how many rounds of work may come at one moment of virtual time
// before the driver says that something goes round in circles.
const settle = 100_000

// ErrCircles says that work never came to rest at one moment of time.
var ErrCircles = errors.New("work goes round in circles")

// ErrIdle says that nothing is left that could happen by itself.
var ErrIdle = errors.New("nothing is left to wait for")

// Drive works until Stop says so (nil) or nothing is left that could happen
// by itself ([ErrIdle]). The clock moves only while no lease is out.
func (d *Driver) Drive(ctx context.Context) error {
	for {
		next, err := d.Settle(ctx)
		if err != nil {
			return err
		}
		if d.Stop != nil {
			stop, err := d.Stop(ctx, next)
			if err != nil || stop {
				return err
			}
		}
		if next.IsZero() {
			return ErrIdle
		}
		d.move(next)
	}
}

// move moves the clock to next, or a little if next is not in the future.
func (d *Driver) move(next time.Time) {
	now := d.Clock.Now()
	if !next.After(now) {
		next = now.Add(time.Millisecond)
	}
	if d.Moved != nil {
		d.Moved(now, next)
	}
	d.Clock.AdvanceTo(next)
}

// Settle does all that can be done at the present time and returns when
// something may happen next; zero: never by itself.
func (d *Driver) Settle(ctx context.Context) (time.Time, error) {
	if err := d.look(ctx); err != nil {
		return time.Time{}, err
	}
	for range settle {
		next, did, err := d.passes(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if d.Step != nil {
			if err := d.Step(ctx); err != nil {
				return time.Time{}, err
			}
		}
		ran, err := d.work(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("work: %w", err)
		}
		if ran == 0 && !did {
			return earliest(next, d.pending), nil
		}
	}
	return time.Time{}, fmt.Errorf("at %s: %w", d.Clock.Now().Format(time.RFC3339), ErrCircles)
}

// workers are the nodes that do the work.
func (d *Driver) workers() []*node.Node {
	if len(d.Workers) > 0 {
		return d.Workers
	}
	return []*node.Node{d.Node}
}

// work does what waits for any of the workers, side by side, and returns how many tasks ran.
func (d *Driver) work(ctx context.Context) (int, error) {
	var ran atomic.Int64
	var g errgroup.Group
	for _, n := range d.workers() {
		g.Go(func() error {
			did, err := n.Worker.Drain(ctx)
			ran.Add(int64(did))
			return err
		})
	}
	err := g.Wait()
	return int(ran.Load()), err
}

// look inspects the locations and scans the sources.
func (d *Driver) look(ctx context.Context) error {
	d.pending = time.Time{}
	for _, n := range d.workers() {
		if err := d.lookAt(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) lookAt(ctx context.Context, n *node.Node) error {
	if err := n.Present(ctx); err != nil {
		return err
	}
	if _, err := n.Watch.Inspect(ctx); err != nil {
		return fmt.Errorf("inspect the locations: %w", err)
	}
	for _, w := range n.Watchers {
		next, _, err := w.Scan(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A source that cannot be scanned is down, and the watch has said so;
		// files come by themselves only while some are not complete yet.
		if err == nil && w.Pending() > 0 {
			d.pending = earliest(d.pending, next)
		}
	}
	return nil
}

// passes runs the engines, side by side, until none has more to do now.
func (d *Driver) passes(ctx context.Context) (next time.Time, did bool, err error) {
	engines := append([]*node.Node{d.Node}, d.Engines...)
	for range settle {
		found := make([]engine.Progress, len(engines))
		nexts := make([]time.Time, len(engines))
		var g errgroup.Group
		for i, n := range engines {
			g.Go(func() (err error) {
				found[i], nexts[i], err = n.Engine.Pass(ctx)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nexts[0], did, fmt.Errorf("pass of the engine: %w", err)
		}
		for i := range engines {
			did = did || found[i].Dispatched > 0 || found[i].Closed > 0
		}
		if !slices.ContainsFunc(found, func(p engine.Progress) bool { return !calm(p) }) {
			next = time.Time{}
			for _, n := range nexts {
				next = earliest(next, n)
			}
			return next, did, nil
		}
	}
	return time.Time{}, did, fmt.Errorf("engine at %s: %w", d.Clock.Now().Format(time.RFC3339), ErrCircles)
}

// calm reports whether a pass changed nothing that could lead to more.
func calm(p engine.Progress) bool {
	return p.Routed == 0 && p.Closed == 0 && p.Evaluated == 0 && p.Dispatched == 0 && p.Expired == 0
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
