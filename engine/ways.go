package engine

import (
	"math"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// plan is where a package is wanted and by which ways it gets there.
type plan struct {
	targets []*target
	place   map[string]*target // by location
	onWay   map[string]bool    // wanted places and all places of the chosen ways
	first   map[*graph.Move]*way
	later   map[*graph.Move]*way // moves of a way that are not its first hop from a copy
	under   map[string]*opsdb.Task
	planned map[string]*way // places that a chosen way will fill
	out     map[*graph.Move]shut
}

// target is a place at which the package is wanted.
type target struct {
	at    *graph.Location
	stage *graph.Stage // the first that wants it
	have  bool
	way   *way
	none  shut // why there is no way
}

// way is the moves from a place that has the package, or is about to, to a target.
type way struct {
	to     *target
	start  string
	parent *way // the way that brings the package to start; nil for a copy or a task under way
	hops   []*graph.Move
	class  opsdb.Class
	shut   int // how many of its hops are shut now
}

// cost orders ways: what is open comes first, then seconds.
type cost struct {
	shut    int
	seconds float64
}

func (c cost) less(d cost) bool {
	return c.shut < d.shut || c.shut == d.shut && c.seconds < d.seconds
}

// findWays finds a way to every wanted place. Places that can be reached by
// open moves come first, so that one which cannot does not keep others from
// being served; both rounds go in the order of stages and sets.
func (v *view) findWays() {
	v.plan = &plan{place: map[string]*target{}, onWay: map[string]bool{}, first: map[*graph.Move]*way{},
		later: map[*graph.Move]*way{}, under: map[string]*opsdb.Task{}, planned: map[string]*way{}, out: map[*graph.Move]shut{}}
	v.findTargets()
	v.findUnderWay()
	for _, t := range v.plan.targets {
		v.plan.onWay[t.at.Name] = true
	}
	for _, shutToo := range []bool{false, true} {
		for _, t := range v.plan.targets {
			if !t.have && t.way == nil && v.plan.under[t.at.Name] == nil && v.plan.planned[t.at.Name] == nil {
				v.findWay(t, shutToo)
			}
		}
	}
	v.noteWays()
}

// findTargets lists the wanted places in the order of stages, then of sets.
func (v *view) findTargets() {
	for _, s := range v.route.Stages {
		wants := s.Type == typeArchive || s.Type == typeStage || s.Wanted || s.Wants
		for _, m := range s.Moves {
			gone, concerns := v.exists[m]
			if !wants || !concerns || !gone.open() || v.plan.place[m.To.Name] != nil {
				continue
			}
			t := &target{at: m.To, stage: s, have: v.have[m.To.Name] != nil}
			v.plan.targets = append(v.plan.targets, t)
			v.plan.place[m.To.Name] = t
		}
	}
}

// findUnderWay lists the places a task under way is about to fill: claimed, or
// dispatched and within its claim deadline, with destination and link open.
func (v *view) findUnderWay() {
	for i := range v.f.Tasks {
		if t := &v.f.Tasks[i]; v.makesCopy(t) && v.underWay(t) && v.have[t.To] == nil {
			v.plan.under[t.To] = t
		}
	}
}

func (v *view) makesCopy(t *opsdb.Task) bool {
	return t.Type != typeVerify && t.Type != typeDelete && t.State.Open()
}

func (v *view) underWay(t *opsdb.Task) bool {
	switch t.State {
	case opsdb.TaskInProgress:
	case opsdb.TaskScheduled:
		if !t.LeaseUntil.IsZero() && !v.now.Before(t.LeaseUntil) {
			return false
		}
	default:
		return false
	}
	o := v.openness()
	if !o.downLocation(t.To, useOf(t.Type)).open() {
		return false
	}
	return t.Link == "" || t.Piece == opsdb.Receive || o.downLink(v.g.Links[t.Link]).open()
}

// findWay takes the cheapest way to t, by open moves or, in the second round,
// by any. A start is a verified copy, a task under way or an earlier way.
func (v *view) findWay(t *target, shutToo bool) {
	s := v.newSearch(shutToo)
	s.run()
	if _, reached := s.best[t.at.Name]; !reached {
		if shutToo {
			t.none = v.noWay(t)
		}
		return
	}
	w := &way{to: t}
	at := t.at.Name
	for m := s.by[at]; m != nil; m = s.by[at] {
		w.hops = append([]*graph.Move{m}, w.hops...)
		if !v.shutMove(m).open() {
			w.shut++
		}
		at = m.From.Name
	}
	w.start, w.parent = at, v.plan.planned[at]
	t.way = w
	for _, m := range w.hops {
		v.plan.planned[m.To.Name] = w
		v.plan.onWay[m.From.Name], v.plan.onWay[m.To.Name] = true, true
	}
}

func (v *view) noWay(t *target) shut {
	if len(v.starts()) == 0 {
		return shut{reason: NoCopy, text: "no verified copy and no intact source files are left"}
	}
	return shut{reason: NoWay, text: "no move leads to " + t.at.Name + " from where the package is"}
}

// noteWays sorts the moves of all ways into first hops, which become tasks,
// and later ones, and gives each first hop the best class of what hangs on it.
func (v *view) noteWays() {
	for _, t := range v.plan.targets {
		if t.way == nil {
			continue
		}
		t.way.class = v.wayClass(t.way)
		for w := t.way.parent; w != nil; w = w.parent {
			w.class = betterClass(w.class, t.way.class)
		}
		for i, m := range t.way.hops {
			if i == 0 && t.way.parent == nil && v.canRead(m) {
				v.plan.first[m] = t.way
			} else {
				v.plan.later[m] = t.way
			}
		}
	}
}

// canRead reports whether the copy a move reads is there now.
func (v *view) canRead(m *graph.Move) bool { return v.have[m.From.Name] != nil }

// search is Dijkstra's algorithm over the few places of a route. Ties go by
// the order in which the route names the places.
type search struct {
	v       *view
	shutToo bool
	order   []string
	best    map[string]cost
	by      map[string]*graph.Move
	done    map[string]bool
}

func (v *view) newSearch(shutToo bool) *search {
	s := &search{v: v, shutToo: shutToo, best: map[string]cost{}, by: map[string]*graph.Move{}, done: map[string]bool{}}
	for _, at := range v.starts() {
		s.reach(at, cost{}, nil)
	}
	return s
}

func (s *search) reach(at string, c cost, by *graph.Move) {
	old, known := s.best[at]
	if known && !c.less(old) {
		return
	}
	if !known {
		s.order = append(s.order, at)
	}
	s.best[at], s.by[at] = c, by
}

func (s *search) run() {
	for at, ok := s.nearest(); ok; at, ok = s.nearest() {
		s.done[at] = true
		for _, m := range s.v.movesFrom(at) {
			s.relax(m)
		}
	}
}

func (s *search) nearest() (string, bool) {
	found, least := "", cost{math.MaxInt, 0}
	for _, at := range s.order {
		if c := s.best[at]; !s.done[at] && c.less(least) {
			found, least = at, c
		}
	}
	return found, found != ""
}

func (s *search) relax(m *graph.Move) {
	c := s.best[m.From.Name]
	if !s.v.shutMove(m).open() {
		if !s.shutToo {
			return
		}
		c.shut++
	}
	c.seconds += s.v.seconds(m)
	s.reach(m.To.Name, c, m)
}
