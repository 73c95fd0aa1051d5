package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Evaluate holds the routes against the facts of each package: what is wanted
// where, by which way, what may go next and what not, and why. It is pure:
// no clock, no I/O, nothing remembered. The results are in the order of
// s.Facts; now is store time. What one package puts on a link counts as its
// backlog for the next, so that `least_backlog` shares out a batch as it
// would one by one.
func Evaluate(g *graph.Graph, s State, now time.Time) []Result {
	out, archives := make([]Result, len(s.Facts)), archivesOf(g)
	s.World.Links = maps.Clone(s.World.Links)
	for i := range s.Facts {
		out[i] = evaluate(newView(g, &s.World, &s.Facts[i], now, archives))
		backlog(s.World.Links, s.Facts[i].Moves, -1)
		backlog(s.World.Links, out[i].Moves, 1)
	}
	return out
}

// backlog adds the bytes of open moves to that of their links, or takes them away.
func backlog(links map[string]opsdb.Link, moves []opsdb.OpenMove, sign int64) {
	for _, m := range moves {
		if l, ok := links[m.Link]; ok {
			l.Backlog += sign * m.Bytes
			links[m.Link] = l
		}
	}
}

// evaluate runs the steps of one evaluation in their order.
func evaluate(v *view) Result {
	switch {
	case v.route == nil:
		v.orphan()
		return v.finish()
	case v.p.Superseded():
		v.superseded()
		return v.finish()
	}
	v.findMoves()
	v.findWays()
	v.decideMoves()
	v.decideVerify(v.decideDeletions())
	v.endResends()
	v.withdraw()
	return v.finish()
}

// orphan is what is concluded for a package whose route is gone: nothing
// moves and nothing is deleted; what was condemned under the route is let off.
func (v *view) orphan() {
	for i := range v.f.Copies {
		if condemned(&v.f.Copies[i]) {
			v.res.Pardon = append(v.res.Pardon, v.f.Copies[i].ID)
		}
	}
	v.record(Decision{Route: v.p.Route, Stage: v.p.Stage, Type: typePackage, From: v.p.Source, To: v.p.Destination,
		Reason: NoRoute, Text: "route " + v.p.Route + " is not in the active revision"}, nil)
}

// superseded concludes a package of which no file is left: there is nothing to do, and nothing for a person.
func (v *view) superseded() {
	v.record(Decision{Route: v.route.Name, Stage: v.p.Stage, Type: typePackage, From: v.p.Source, To: v.p.Destination,
		Reason: Superseded, Text: v.p.Quarantined}, nil)
	v.withdraw()
}

// finish puts the result in a fixed order.
func (v *view) finish() Result {
	v.res.Causes = slices.Sorted(maps.Keys(v.causes))
	return v.res
}

// previous finds what was last saved for a move.
func (v *view) previous(stage, from, to string) *opsdb.OpenMove {
	for i := range v.f.Moves {
		if m := &v.f.Moves[i]; m.Stage == stage && m.From == from && m.To == to {
			return m
		}
	}
	return nil
}

// record keeps a decision and, if om is given, the open move that goes with it.
// What did not change keeps its since-time; a move that Dispatch left waiting
// for room or a slot is still waiting for it when it comes out ready again.
func (v *view) record(d Decision, om *opsdb.OpenMove) Decision {
	d.Verdict, d.Since = d.Reason.Verdict(), v.now
	if old := v.previous(d.Stage, d.From, d.To); old != nil && !old.Since.IsZero() && sameStanding(*old, d) {
		d.Since = old.Since
	} else if v.explain {
		d.Since = time.Time{}
	}
	v.res.Decisions = append(v.res.Decisions, d)
	if om == nil {
		return d
	}
	om.Package, om.Version, om.Route = v.p.ID, v.p.Version, d.Route // as it is called now: pauses name it so
	om.Stage, om.Type, om.From, om.To, om.Link = d.Stage, d.Type, d.From, d.To, d.Link
	om.Verdict, om.Reason, om.Text, om.Since = string(d.Verdict), string(d.Reason), d.Text, d.Since
	om.Waits = waitsSoFar(v.previous(d.Stage, d.From, d.To), d, v.now)
	om.Number, om.MadeAt, om.Left = v.p.Number, v.p.MadeAt, v.left
	v.res.Moves = append(v.res.Moves, *om)
	return d
}

// waitsSoFar is what a move has waited for since it was last given out: a task that runs waits for nothing, and
// what Dispatch left waiting waits for the same when it comes out ready again.
func waitsSoFar(old *opsdb.OpenMove, d Decision, now time.Time) opsdb.Waits {
	switch {
	case d.Verdict == Running:
		return ""
	case old == nil || old.Verdict == string(Running):
		return opsdb.Waits("").At(string(d.Reason), now)
	case sameStanding(*old, d):
		return old.Waits
	}
	return old.Waits.At(string(d.Reason), now)
}

func sameStanding(old opsdb.OpenMove, d Decision) bool {
	if old.Verdict == string(d.Verdict) && old.Reason == string(d.Reason) {
		return true
	}
	return d.Reason == CanGo && refused(Reason(old.Reason))
}

// refused reports whether a reason is one that Dispatch gives.
func refused(r Reason) bool { return r == NoRoom || r == NoSlot || r == NoBrake || r == NotTogether }

// withdraw lists the tasks that back off and are no longer what should be done.
func (v *view) withdraw() {
	for i := range v.f.Tasks {
		t := &v.f.Tasks[i]
		if t.State == opsdb.TaskPending && !v.stillOpen(t) {
			v.res.Withdraw = append(v.res.Withdraw, t.ID)
		}
	}
}

func (v *view) stillOpen(t *opsdb.Task) bool {
	return slices.ContainsFunc(v.res.Moves, func(m opsdb.OpenMove) bool {
		return m.Stage == t.Stage && m.From == t.From && m.To == t.To
	})
}
