package node

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
)

const (
	observeEvery = 15 * time.Second
	auditEvery   = 6 * time.Hour // the whole chain is read
)

// observer sets the gauges that OpsDB has the answers to. What is no longer
// there is set to zero once, so that nothing is shown as it was for ever.
type observer struct {
	store  opsdb.Store
	to     *measure.Set
	passed func() time.Duration

	shown   map[string]func() // sets a gauge that was shown to zero, by its name and labels
	broken  bool              // the chain of the audit log, when it was last read
	audited time.Duration     // since it was read; negative: never
}

// observe measures the observatory until ctx ends; it belongs to an engine.
func (n *Node) observe(ctx context.Context) error {
	o := &observer{store: n.cfg.Store, to: n.cfg.Measure, passed: n.Engine.Passed, shown: map[string]func(){}, audited: -1}
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for {
		if err := o.look(ctx); err != nil && ctx.Err() == nil {
			n.cfg.Log.WarnContext(ctx, "the observatory was not measured", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if o.audited >= 0 {
				o.audited += observeEvery
			}
		}
	}
}

// look measures once.
func (o *observer) look(ctx context.Context) error {
	if age := o.passed(); age >= 0 {
		o.to.PassAge(ctx, age)
	}
	totals, err := o.store.Totals(ctx)
	if err != nil {
		return fmt.Errorf("read the totals: %w", err)
	}
	before := clock.System{}.Now()
	world, err := o.store.World(ctx)
	if err != nil {
		return fmt.Errorf("read the places: %w", err)
	}
	// The database's clock was read between the two; half of what it took is as good a guess as any.
	here := before.Add(clock.System{}.Now().Sub(before) / 2)
	o.to.Time(ctx, world.TimeSuspect, here.Sub(world.Now))
	o.to.Restored(ctx, world.Restored != nil)
	zero := o.shown
	o.shown = map[string]func(){}
	o.totals(ctx, totals)
	o.world(ctx, world, totals)
	for key, hide := range zero {
		if _, still := o.shown[key]; !still {
			hide()
		}
	}
	return o.audit(ctx, totals.Unchained)
}

func (o *observer) totals(ctx context.Context, t opsdb.Totals) {
	for at, states := range t.Files {
		for state, s := range states {
			o.to.Files(ctx, at, string(state), measure.Count{N: s.Count, Bytes: s.Bytes})
			o.shown["files"+at+string(state)] = func() { o.to.Files(ctx, at, string(state), measure.Count{}) }
		}
	}
	for at, states := range t.Copies {
		for state, s := range states {
			o.to.Copies(ctx, at, string(state), measure.Count{N: s.Count, Bytes: s.Bytes})
			o.shown["copies"+at+string(state)] = func() { o.to.Copies(ctx, at, string(state), measure.Count{}) }
		}
	}
	for state, n := range t.Packages {
		o.to.Packages(ctx, state, n)
		o.shown["packages"+state] = func() { o.to.Packages(ctx, state, 0) }
	}
	for state, n := range t.Tasks {
		o.to.Tasks(ctx, string(state), n)
		o.shown["tasks"+string(state)] = func() { o.to.Tasks(ctx, string(state), 0) }
	}
	for verdict, reasons := range t.Moves {
		for reason, n := range reasons {
			o.to.Moves(ctx, verdict, reason, n)
			o.shown["moves"+verdict+reason] = func() { o.to.Moves(ctx, verdict, reason, 0) }
		}
	}
	o.to.Dirty(ctx, t.Dirty)
}

func (o *observer) world(ctx context.Context, w opsdb.World, t opsdb.Totals) {
	pending := time.Duration(0)
	if !t.OldestPending.IsZero() {
		pending = w.Now.Sub(t.OldestPending)
	}
	o.to.OldestPending(ctx, pending)
	for at, read := range t.Unverified {
		o.to.OldestUnverified(ctx, at, w.Now.Sub(read))
		o.shown["unverified"+at] = func() { o.to.OldestUnverified(ctx, at, 0) }
	}
	for name, s := range w.Sites {
		o.down(ctx, "site", name, s.Down)
	}
	for name, l := range w.Locations {
		o.down(ctx, "location", name, l.Down)
		o.to.Location(ctx, name, measure.Room{Capacity: said(l.Capacity), Used: l.Used, Reserved: l.Reserved, Free: l.Free, Total: said(l.Total)})
	}
	for name, l := range w.Links {
		o.down(ctx, "link", name, l.Down)
		o.to.Link(ctx, name, l.Backlog, l.InUse)
	}
}

// said makes of a number that is 0 when nobody has said it one that is not told.
func said(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// down shows a place as up under no reason, and as down under its reason.
func (o *observer) down(ctx context.Context, kind, name string, d *opsdb.Down) {
	reason := ""
	if d != nil {
		reason = d.Reason
	}
	o.to.Down(ctx, kind, name, reason, d != nil)
	o.shown["down"+kind+name+reason] = func() { o.to.Down(ctx, kind, name, reason, false) }
}

// audit says how the audit log stands, and now and then reads all of it.
func (o *observer) audit(ctx context.Context, unchained int) error {
	if o.audited < 0 || o.audited >= auditEvery {
		chained, err := o.store.VerifyChain(ctx)
		if err != nil {
			return fmt.Errorf("verify the chain of the audit log: %w", err)
		}
		o.broken, o.audited = chained.Broken != 0, 0
	}
	o.to.Audit(ctx, unchained, o.broken)
	return nil
}
