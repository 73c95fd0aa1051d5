package engine

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Marks says at how many bytes pressure begins and ends, for every location
// that has a rule with `pressure` and whose room is known. Of several routes'
// rules for one location the one that begins first counts.
func Marks(g *graph.Graph, w opsdb.World) (marks []opsdb.Mark) {
	o := openness{g: g, w: &w}
	for _, name := range sortedKeys(g.Locations) {
		if m, ok := o.mark(name); ok {
			marks = append(marks, m)
		}
	}
	return marks
}

// mark is when pressure begins and ends at a location; false if there is none.
func (o openness) mark(name string) (opsdb.Mark, bool) {
	rule := pressureRule(o.g, name)
	limit, known := o.roomLimit(name)
	if rule == nil || !known {
		return opsdb.Mark{}, false
	}
	return opsdb.Mark{Location: name, Above: share(limit, rule.Above), Until: share(limit, rule.Until)}, true
}

func share(limit int64, percent int) int64 {
	return limit/100*int64(percent) + limit%100*int64(percent)/100
}

func pressureRule(g *graph.Graph, location string) (first *graph.Rule) {
	for _, route := range g.Routes {
		for _, r := range route.Retention.Rules {
			if r.Location.Name == location && r.Above > 0 && (first == nil || r.Above < first.Above) {
				first = r
			}
		}
	}
	return first
}

// pressed reports whether a copy goes early for want of room, though its rule
// does not say so: it is among the oldest, and condemned already or more must
// go. Whoever is condemned stays so until enough is gone.
func (v *view) pressed(c *opsdb.Copy, rule *graph.Rule) bool {
	p := v.w.Locations[c.Location].Pressure
	_, marked := v.openness().mark(c.Location)
	return rule.Above > 0 && marked && p.Covers(*c) && (p.Pressing || condemned(c) || c.State == opsdb.DeletionFailed)
}

// press starts deletions early where there is too little room, and looks at
// the packages concerned. Where nothing has happened, room changes only by what
// others do: that is looked at every so often.
func (e *Engine) press(ctx context.Context, p *plans, did *Progress) error {
	now := e.cfg.Clock.Now()
	if did.Idle() && now.Sub(e.pressed) < e.cfg.Sweep {
		return nil
	}
	e.pressed = now
	return e.relieve(ctx, p, func() error { return e.settle(ctx, p, did) })
}

// pressBeside is press while passes may be under way.
func (e *Engine) pressBeside(ctx context.Context, p *plans, did *Progress) error {
	return e.relieve(ctx, p, func() error {
		e.pass.Lock()
		defer e.pass.Unlock()
		return e.settle(ctx, p, did)
	})
}

// relieve starts deletions until there is enough room or nothing more to look
// at; settle looks at what it has made dirty.
func (e *Engine) relieve(ctx context.Context, p *plans, settle func() error) error {
	for range maxRounds {
		w, err := e.cfg.Store.World(ctx)
		if err != nil {
			return fmt.Errorf("read the world: %w", err)
		}
		if w.Revision != p.revision {
			return nil // another revision was activated elsewhere
		}
		effect.Point(ctx, "engine.press.before")
		touched, err := e.cfg.Store.Press(ctx, Marks(p.graph, w))
		if err != nil {
			return fmt.Errorf("start deletions early: %w", err)
		}
		effect.Point(ctx, "engine.press.after")
		if touched == 0 {
			return nil
		}
		if err := settle(); err != nil {
			return err
		}
	}
	return nil
}
