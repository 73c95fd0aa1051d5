package engine

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// laneLimit is how many open moves of one lane (see opsdb.Planning.Ready) one
// round of dispatching looks at; as long as all of them go, another round follows.
const laneLimit = 500

// Complete adds to grants what only the package's facts know: the path of the
// copy to be made, and the piece that a task which backs off has come to. atSite
// is how many tasks may be dispatched to a site; 0: no limit.
func Complete(grants []opsdb.Grant, facts []opsdb.Facts, atSite func(site string) int) []opsdb.Grant {
	byID := make(map[opsdb.ID]*opsdb.Facts, len(facts))
	for i := range facts {
		byID[facts[i].Package.ID] = &facts[i]
	}
	out := grants[:0]
	for _, g := range grants {
		if f := byID[g.Move.Package]; f != nil {
			out = append(out, complete(g, f, atSite))
		}
	}
	return out
}

func complete(g opsdb.Grant, f *opsdb.Facts, atSite func(site string) int) opsdb.Grant {
	if makes(g.Move) {
		g.Path = PathFor(f, g.Move)
	}
	for _, t := range f.Tasks {
		if t.State == opsdb.TaskPending && t.Stage == g.Move.Stage && t.From == g.Move.From && t.To == g.Move.To {
			g.Piece = t.Piece
		}
	}
	for _, c := range f.Copies {
		if g.Piece == opsdb.Send && c.Location == g.Move.To && c.State == opsdb.Arrived {
			g.Piece = opsdb.Receive // sent by a task that was withdrawn since
		}
	}
	if g.Piece == opsdb.Receive {
		g.Batch = ""
		delete(g.Slots, "link:"+g.Move.Link) // sent already
		delete(g.Slots, "site:"+g.Move.SendSite)
		if n := atSite(g.Move.ReceiveSite); n > 0 {
			g.Slots["site:"+g.Move.ReceiveSite] = n
		}
	}
	return g
}

// PathFor is where the copy made by a move lies, relative to its location. In
// a place that has a bad copy of the package, the repair stands beside it as <name>.r<n> (S3).
func PathFor(f *opsdb.Facts, m opsdb.OpenMove) string {
	name, bad := f.Package.Name, 0
	for _, c := range f.Copies {
		if c.Location == m.To && (c.State == opsdb.Quarantined || c.State == opsdb.Lost) {
			bad++
		}
	}
	if bad > 0 {
		name += ".r" + strconv.Itoa(bad)
	}
	if m.Form == opsdb.Tree {
		return f.Package.Dir + "/" + name
	}
	return f.Package.Dir + "/" + name + ".tar"
}

// dispatch gives out what is ready: it returns how many tasks it made.
func (e *Engine) dispatch(ctx context.Context, p *plans) (int, error) {
	moves, w, err := e.cfg.Store.Queue(ctx, laneLimit)
	if err != nil {
		return 0, fmt.Errorf("read what is ready: %w", err)
	}
	if len(moves) == 0 || w.Revision != p.revision {
		return 0, nil // if another revision was activated, the next pass is under it
	}
	a := Arrange(p.graph, w, moves, e.cfg.Limits, e.turns)
	grants, err := e.complete(ctx, openness{g: p.graph, w: &w}, a.Grants)
	if err != nil {
		return 0, err
	}
	made, refused, err := e.grant(ctx, p, grants)
	if err != nil {
		return made, err
	}
	return made, e.wait(ctx, p, w, moves, append(a.Waiting, refused...))
}

func (e *Engine) complete(ctx context.Context, o openness, grants []opsdb.Grant) ([]opsdb.Grant, error) {
	if len(grants) == 0 {
		return nil, nil
	}
	facts, unknown := e.known(grants)
	if len(unknown) > 0 {
		more, err := e.cfg.Store.Facts(ctx, unique(unknown))
		if err != nil {
			return nil, fmt.Errorf("read the facts of what goes: %w", err)
		}
		facts = append(facts, more...)
	}
	return Complete(grants, facts, func(site string) int { return o.atSite(site, e.cfg.Limits) }), nil
}

// known are the facts of the grants that this pass has evaluated, at the very
// version the moves are of, and the packages of which it has none.
func (e *Engine) known(grants []opsdb.Grant) (facts []opsdb.Facts, unknown []opsdb.ID) {
	for _, g := range grants {
		if f, ok := e.seen[g.Move.Package]; ok && f.Package.Version == g.Move.Version {
			facts = append(facts, f)
		} else {
			unknown = append(unknown, g.Move.Package)
		}
	}
	return facts, unknown
}

func unique(ids []opsdb.ID) []opsdb.ID {
	seen := map[opsdb.ID]bool{}
	out := ids[:0]
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// grant asks the store for tasks and brings them to their sites. What the
// store refuses for want of room, a slot or the brake is returned to wait;
// what changed meanwhile is dirty and comes back by itself.
func (e *Engine) grant(ctx context.Context, p *plans, grants []opsdb.Grant) (made int, refusals []opsdb.OpenMove, err error) {
	if len(grants) == 0 {
		return 0, nil, nil
	}
	effect.Point(ctx, "engine.dispatch.before")
	answers, err := e.cfg.Store.Dispatch(ctx, p.revision, grants)
	if err != nil {
		return 0, nil, fmt.Errorf("dispatch: %w", err)
	}
	effect.Point(ctx, "engine.dispatch.after")
	var tasks []opsdb.Task
	for i, a := range answers {
		m := grants[i].Move
		switch a.Refusal {
		case opsdb.Granted:
			tasks = append(tasks, a.Task)
			e.turns.Gave(m.Link, m.Class, m.Bytes)
		case opsdb.NoRoom, opsdb.NoSlot, opsdb.NoBrake:
			m.Verdict, m.Reason, m.Text = string(Waiting), string(a.Refusal), a.Text
			refusals = append(refusals, m)
		}
	}
	if len(tasks) == 0 {
		return 0, refusals, nil
	}
	if err := e.cfg.Enqueue(ctx, opsdb.Offers(tasks)); err != nil {
		return len(tasks), refusals, fmt.Errorf("enqueue: %w", err)
	}
	return len(tasks), refusals, nil
}

// wait records why moves wait, where that is news. A package that got no room
// at a place which had some when it was evaluated is looked at again: another way may have room.
func (e *Engine) wait(ctx context.Context, p *plans, w opsdb.World, before, waiting []opsdb.OpenMove) error {
	known := make(map[moveKey]opsdb.OpenMove, len(before))
	for _, m := range before {
		known[keyOf(m)] = m
	}
	var news []opsdb.OpenMove
	var causes []string
	o := openness{g: p.graph, w: &w}
	for _, m := range waiting {
		old := known[keyOf(m)]
		if old.Verdict == m.Verdict && old.Reason == m.Reason && (Reason(m.Reason) != NotTogether || old.Text == m.Text) {
			continue
		}
		news = append(news, m)
		if to := p.graph.Locations[m.To]; Reason(m.Reason) == NoRoom && old.Text != inLine && to != nil && !o.fits(to, m.Bytes, m.Left) {
			causes = append(causes, refusedCause(m.Package))
		}
	}
	if len(news) > 0 {
		if err := e.cfg.Store.Waiting(ctx, news); err != nil {
			return fmt.Errorf("record what waits: %w", err)
		}
	}
	if len(causes) > 0 {
		if err := e.cfg.Store.Wake(ctx, causes, 0); err != nil {
			return fmt.Errorf("wake what got no room: %w", err)
		}
	}
	return nil
}

// moveKey identifies an open move.
type moveKey struct {
	pkg             opsdb.ID
	stage, from, to string
}

func keyOf(m opsdb.OpenMove) moveKey { return moveKey{m.Package, m.Stage, m.From, m.To} }
