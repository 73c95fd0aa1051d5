package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Limits are what a process says of dispatching beside the routes.
type Limits struct {
	// AtSite is how many tasks may be dispatched at once to a site whose live
	// workers do not say how many they take in hand (opsdb.Site.Capacity). 0: no
	// limit (in a [Config]: 32; there a negative one is no limit).
	AtSite int
	// ClaimBy is how long a task may stay unclaimed.
	ClaimBy time.Duration
}

// Arranged is what Arrange concluded: grants in their order, and the moves
// that must wait, with the reason.
type Arranged struct {
	Grants  []opsdb.Grant
	Waiting []opsdb.OpenMove
}

// Arrange gives room and slots to what is ready, in the order it is given:
// class, priority, age. It is pure but for turns, which remembers how much of
// a link each class had lately (nil: nothing). The store has the last word on
// every grant. Path and piece are added by [Complete].
func Arrange(g *graph.Graph, w opsdb.World, moves []opsdb.OpenMove, l Limits, turns *Turns) Arranged {
	a := &arranger{openness: openness{g: g, w: &w}, limits: l, slots: map[string]int{}, into: map[string]int64{},
		filled: map[string]int64{}, behind: map[string]opsdb.OpenMove{}, spent: map[string]opsdb.Spent{}, batches: map[batchKey]*batching{}}
	a.lowest = lowestLeft(moves)
	moves = turns.order(a.openness, moves)
	a.gather(moves)
	for _, m := range moves {
		if grant, why := a.consider(m); why.open() {
			a.out.Grants = append(a.out.Grants, grant)
		} else if why.reason != OtherTask {
			m.Verdict, m.Reason, m.Text = string(why.reason.Verdict()), string(why.reason), why.text
			a.out.Waiting = append(a.out.Waiting, m)
		}
	}
	a.out.Grants = alone(a.out.Grants)
	return a.out
}

// arranger holds what one round has given out so far.
type arranger struct {
	openness
	limits  Limits
	slots   map[string]int            // taken in this round
	into    map[string]int64          // bytes granted into a place in this round
	filled  map[string]int64          // of those, back-fill
	behind  map[string]opsdb.OpenMove // per place, the head of the queue that did not fit
	spent   map[string]opsdb.Spent    // deletions granted in this round
	lowest  map[string]opsdb.OpenMove // per place, who may use the reserve
	batches map[batchKey]*batching
	out     Arranged
}

// lowestLeft finds, per place, the lowest-numbered package that has left its
// source site and wants it: one total order, so that nobody waits in a circle.
func lowestLeft(moves []opsdb.OpenMove) map[string]opsdb.OpenMove {
	out := map[string]opsdb.OpenMove{}
	for _, m := range moves {
		if !m.Left || !makes(m) {
			continue
		}
		if old, ok := out[m.To]; !ok || cmp.Or(cmp.Compare(m.Number, old.Number), cmp.Compare(m.Package, old.Package)) < 0 {
			out[m.To] = m
		}
	}
	return out
}

func makes(m opsdb.OpenMove) bool { return m.Type != typeVerify && m.Type != typeDelete }

// consider asks, for one move, what Dispatch decides: still open, enough together, slots, brake, room.
func (a *arranger) consider(m opsdb.OpenMove) (opsdb.Grant, shut) {
	route, stage := a.find(m)
	if route == nil {
		return opsdb.Grant{}, shut{reason: OtherTask} // another revision; it will be evaluated anew
	}
	link := a.g.Links[m.Link]
	a.pkg = m.Package
	slots := a.slotsOf(m, stage, link)
	batch, apart := a.together(m, stage, link)
	needs := slots
	if batch != nil && batch.count > 0 {
		needs = nil // one slot is for all of them
	}
	for _, s := range []shut{a.downMove(m.Type, m.From, m.To, link), a.pausedMove(route, m.Stage, m.From, m.To, link), apart,
		a.free(needs), a.braked(m, route), a.roomFor(m)} {
		if !s.open() {
			return opsdb.Grant{}, s
		}
	}
	for name := range needs {
		a.slots[name]++
	}
	g := a.grant(m, slots)
	if batch != nil {
		g.Batch = batch.take(m)
	}
	return g, shut{}
}

func (a *arranger) find(m opsdb.OpenMove) (*graph.Route, *graph.Stage) {
	r := findRoute(a.g, m.Route)
	if r == nil {
		return nil, nil
	}
	i := slices.IndexFunc(r.Stages, func(s *graph.Stage) bool { return s.Name == m.Stage })
	if i < 0 {
		return r, nil
	}
	return r, r.Stages[i]
}

// slotsOf lists the counters a task takes one from. A stage's own limit and a
// place's count only what writes there.
func (a *arranger) slotsOf(m opsdb.OpenMove, stage *graph.Stage, link *graph.Link) map[string]int {
	slots := map[string]int{}
	if link != nil {
		slots["link:"+link.Name()] = max(1, link.AtOnce)
	}
	if l := a.g.Locations[m.To]; l != nil && l.AtOnce > 0 && makes(m) {
		slots["location:"+m.To] = l.AtOnce
	}
	if stage != nil && stage.AtOnce > 0 {
		slots["stage:"+m.Route+"/"+m.Stage] = stage.AtOnce
	}
	if n := a.atSite(m.SendSite, a.limits); n > 0 {
		slots["site:"+m.SendSite] = n
	}
	return slots
}

// atSite is how many tasks may be dispatched to a site: what its live workers
// take in hand, or the process's own limit while one of them does not say. 0: no limit.
func (o openness) atSite(site string, l Limits) int {
	if n := o.w.Sites[site].Capacity; n > 0 {
		return n
	}
	return l.AtSite
}

func (a *arranger) free(slots map[string]int) shut {
	for _, name := range sortedKeys(slots) {
		used := a.slots[name]
		if link, ok := cutPrefix(name, "link:"); ok {
			used += a.w.Links[link].InUse
		}
		if site, ok := cutPrefix(name, "site:"); ok {
			used += a.w.Sites[site].InUse
		}
		if used >= slots[name] {
			return shut{reason: NoSlot, text: fmt.Sprintf("all %d slots of %s are taken", slots[name], name)}
		}
	}
	return shut{}
}

// braked looks whether the hour of a place is full, as the store will (S14).
func (a *arranger) braked(m opsdb.OpenMove, route *graph.Route) shut {
	if m.Type != typeDelete {
		return shut{}
	}
	brake, spent := route.Retention.Brake, a.w.Deleted[m.To]
	spent.Bytes, spent.Packages = spent.Bytes+a.spent[m.To].Bytes, spent.Packages+a.spent[m.To].Packages
	full := brake.Packages > 0 && spent.Packages >= brake.Packages || brake.Bytes > 0 && spent.Bytes > 0 && spent.Bytes+m.Bytes > brake.Bytes
	if full {
		return shut{reason: NoBrake, text: fmt.Sprintf("%d packages, %d bytes were deleted at %s within the hour", spent.Packages, spent.Bytes, m.To)}
	}
	a.spent[m.To] = opsdb.Spent{Bytes: a.spent[m.To].Bytes + m.Bytes, Packages: a.spent[m.To].Packages + 1}
	return shut{}
}

func (a *arranger) grant(m opsdb.OpenMove, slots map[string]int) opsdb.Grant {
	g := opsdb.Grant{Move: m, Slots: slots, Form: m.Form, ClaimBy: a.limits.ClaimBy, Piece: opsdb.Whole}
	if m.Link != "" {
		g.Piece = opsdb.Send
	}
	if !makes(m) {
		return g
	}
	to := a.g.Locations[m.To]
	if limit, known := a.limitFor(to, a.entitled(m)); known {
		g.Room = limit
	}
	if share, known := a.backfillShare(to, m); known {
		g.Backfill = share
	}
	return g
}
