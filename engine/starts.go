package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Costs, in seconds, of what costs next to nothing; they only break ties.
const (
	withinSite  = 1e-3
	fromArchive = 1e-2          // a buffer is read rather than an archive beside it
	unsaidRate  = 1_000_000_000 // bit/s of a link that says no bandwidth
)

// starts lists the places that have the package or are about to, in the order
// in which the route names them.
func (v *view) starts() []string {
	var out []string
	add := func(at string) {
		if !slices.Contains(out, at) && v.isStart(at) {
			out = append(out, at)
		}
	}
	for _, s := range v.route.Stages {
		for _, m := range s.Moves {
			if _, concerns := v.exists[m]; concerns {
				add(m.From.Name)
				add(m.To.Name)
			}
		}
	}
	return out
}

func (v *view) isStart(at string) bool {
	if v.plan.under[at] != nil || v.plan.planned[at] != nil {
		return true
	}
	c := v.have[at]
	switch {
	case c == nil || c.Form == opsdb.Tree:
		return false
	case c.Form == opsdb.Files:
		return v.canPack()
	}
	return true
}

// canPack reports whether the source files are a start: they are intact, and
// no tar exists; a package whose digest is born is packed again only if no
// other verified copy is left.
func (v *view) canPack() bool {
	c := v.have[v.p.Source]
	return c != nil && c.Form == opsdb.Files && v.f.Gone == 0 && len(v.tars()) == 0
}

// movesFrom lists the moves out of a place that the package may use now, with
// `choose` and `send_once` applied. Places about to be filled by a processing
// stage are no input.
func (v *view) movesFrom(at string) []*graph.Move {
	var out []*graph.Move
	for _, s := range v.route.Stages {
		var same []*graph.Move
		for _, m := range s.Moves {
			if gone, concerns := v.exists[m]; concerns && gone.open() && m.From.Name == at && !v.sentOnce(m) {
				same = append(same, m)
			}
		}
		out = append(out, v.choose(s, same)...)
	}
	return out
}

// choose leaves, of the moves of one stage out of one location, only the
// chosen one while an open one exists; without `choose` cost decides alone.
// Where the bytes have been sent already is chosen before anything else.
func (v *view) choose(s *graph.Stage, moves []*graph.Move) []*graph.Move {
	if s.Choose == "" || len(moves) < 2 {
		return moves
	}
	switch {
	case s.Choose == "round_robin" && v.p.Number > 0:
		n := int((v.p.Number - 1) % int64(len(moves)))
		moves = append(slices.Clone(moves[n:]), moves[:n]...)
	case s.Choose == "least_backlog":
		moves = slices.Clone(moves)
		slices.SortStableFunc(moves, func(a, b *graph.Move) int { return cmp.Compare(v.queue(a), v.queue(b)) })
	}
	for _, better := range []func(*graph.Move) bool{v.arrivedBy, func(*graph.Move) bool { return true }} {
		for _, m := range moves {
			if better(m) && v.shutMove(m).open() {
				return []*graph.Move{m}
			}
		}
	}
	return moves
}

// queue is how many seconds the link of a move needs for what waits there and
// the package itself, which may be among what waits. Within a site nothing waits.
func (v *view) queue(m *graph.Move) float64 {
	if m.Link == nil {
		return 0
	}
	waiting := v.w.Links[m.Link.Name()].Backlog
	for _, o := range v.f.Moves {
		if o.Link == m.Link.Name() {
			waiting -= o.Bytes
		}
	}
	return float64(max(0, waiting)+bornSize(v.p)) * 8 / rateOf(m.Link)
}

// rateOf is the bandwidth of a link in bit/s.
func rateOf(l *graph.Link) float64 {
	if l.Bandwidth == 0 {
		return unsaidRate
	}
	return float64(l.Bandwidth)
}

// sentOnce reports whether the package has left the site of the move before
// and therefore stays: another site has a verified copy, or is about to. By a
// person's order it leaves again for a site that has not.
func (v *view) sentOnce(m *graph.Move) bool {
	from := m.From.Site
	if !v.crossesOnce(m) || !v.elsewhere(m) {
		return false
	}
	if v.resend(m) != nil {
		return v.hasOrWill(m)
	}
	if from.SendAgainAfter == 0 {
		return true
	}
	since := v.leftSince(from.Name)
	if since.IsZero() {
		return true
	}
	v.wakeAt(v.now.Add(from.SendAgainAfter - v.age(since)))
	return v.age(since) < from.SendAgainAfter
}

// elsewhere reports whether another site than that of the move has the package, or is about to. All its bytes being there is
// enough, also while nobody there reads them back: a site that was away for minutes is no reason to send them over the
// ocean again. Only the move that brought them is not held up by that; and who lets a package leave again after a time lets it do so then.
func (v *view) elsewhere(m *graph.Move) bool {
	from := m.From.Site
	site, bytes := from.Name, from.SendAgainAfter == 0 && !v.arrivedBy(m)
	for at, c := range v.live {
		if opsdb.SiteOf(at) != site && (bytes && v.arrived(at, c) || c.Form == opsdb.Tar && v.have[at] != nil) {
			return true
		}
	}
	return v.comesTo(func(at string) bool { return opsdb.SiteOf(at) != site })
}

// comesTo reports whether a task under way, or a way that was chosen, brings a tar to such a place.
func (v *view) comesTo(such func(at string) bool) bool {
	for at := range v.plan.under {
		if such(at) && v.holdsTar(at) {
			return true
		}
	}
	for at := range v.plan.planned {
		if such(at) && v.holdsTar(at) {
			return true
		}
	}
	return false
}

// arrived reports whether all bytes of a tar are at a place where they will become a verified copy.
func (v *view) arrived(at string, c *opsdb.Copy) bool {
	return c.State == opsdb.Arrived && c.Form == opsdb.Tar && v.holdsTar(at) && v.endsAt(at)
}

// endsAt reports whether the route has a move yet by which what arrived at a place becomes a verified copy: without one
// nobody will ever read it back, and it counts for nothing.
func (v *view) endsAt(at string) bool {
	for _, s := range v.route.Stages {
		for _, m := range s.Moves {
			if gone, concerns := v.exists[m]; concerns && gone.open() && m.To.Name == at && v.have[m.From.Name] != nil {
				return true
			}
		}
	}
	return false
}

// holdsTar reports whether what comes to a place is a tar that others can be made from.
func (v *view) holdsTar(at string) bool {
	l := v.g.Locations[at]
	return l != nil && l.Type != opsdb.Processing
}

// leftSince is the observed time at which the package was first verified outside of the site.
func (v *view) leftSince(site string) (since time.Time) {
	for at, c := range v.have {
		if c.Form == opsdb.Tar && opsdb.SiteOf(at) != site && (since.IsZero() || c.VerifiedAge.Before(since)) {
			since = c.VerifiedAge
		}
	}
	return since
}

// seconds is what a move costs: bytes ÷ bandwidth of its link.
func (v *view) seconds(m *graph.Move) float64 {
	c := withinSite
	if m.From.Type == opsdb.Archive {
		c += fromArchive
	}
	if m.Link == nil || v.arrivedBy(m) || v.crossesOnce(m) && v.resend(m) != nil {
		return c // what a person ordered goes before what is cheaper
	}
	factor := m.Link.Cost
	if factor == 0 {
		factor = 1
	}
	return c + float64(bornSize(v.p))*8/rateOf(m.Link)*factor
}

// arrivedBy reports whether the bytes of a move have been sent and only their
// receipt is outstanding: taking them up again costs nothing.
func (v *view) arrivedBy(m *graph.Move) bool {
	c := v.live[m.To.Name]
	return c != nil && c.State == opsdb.Arrived
}

// wayClass is the class of a way: repair if a bad copy is what it replaces,
// request for a processing place, back-fill if it has to be read from an
// archive or from a copy that was brought for back-fill, else fresh.
func (v *view) wayClass(w *way) opsdb.Class {
	for _, m := range w.hops {
		if v.bad[m.To.Name] > 0 {
			return opsdb.Repair
		}
	}
	if w.to.stage.Type == typeStage {
		return opsdb.Request
	}
	root := w
	for root.parent != nil {
		root = root.parent
	}
	if v.archives[root.start] {
		return opsdb.Backfill
	}
	if c := v.have[root.start]; c != nil && c.Backfill {
		return opsdb.Backfill
	}
	if t := v.plan.under[root.start]; t != nil && t.Class == opsdb.Backfill {
		return opsdb.Backfill
	}
	return opsdb.Fresh
}

func betterClass(a, b opsdb.Class) opsdb.Class {
	for _, c := range opsdb.Classes() {
		if a == c || b == c {
			return c
		}
	}
	return opsdb.Fresh
}
