package engine

import (
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// shutMove says why a move is left out while another way exists: no driver,
// down, paused, full, or given up by an earlier task. Windows are waited for.
func (v *view) shutMove(m *graph.Move) shut {
	if s, known := v.plan.out[m]; known {
		return s
	}
	s := v.whyShut(m)
	v.plan.out[m] = s
	return s
}

func (v *view) whyShut(m *graph.Move) shut {
	if s := v.gateBreaker(m); !s.open() {
		return s
	}
	if s := v.gatePause(m); !s.open() {
		return s
	}
	t := v.taskOf(m.Stage.Name, m.From.Name, m.To.Name)
	if t != nil && t.State == opsdb.TaskFailed {
		return v.retry(t, m.Stage.Attempts)
	}
	reserved := t != nil && t.State.Open() || v.live[m.To.Name] != nil
	if !reserved && v.have[m.To.Name] == nil && !v.openness().fits(m.To, bornSize(v.p), v.left) {
		return shut{reason: NoRoom, text: m.To.Name + " has no room for it now", cause: "room:" + m.To.Name}
	}
	return shut{}
}

// openMove returns what is saved of a move: first hops, moves under way, and
// what a person must see. Everything else needs no row.
func (v *view) openMove(m *graph.Move, r Reason) *opsdb.OpenMove {
	w := v.plan.first[m]
	switch {
	case w != nil:
	case r.Verdict() == Running || r == Unclaimed:
	case r == NoCopy || r == NoWay || r == BadExpression:
		if v.saidBefore(m, r) {
			return nil
		}
	default:
		return nil
	}
	if r == HaveCopy {
		return nil
	}
	om := &opsdb.OpenMove{Class: opsdb.Fresh, Priority: v.priority(m), Bytes: bornSize(v.p), Form: opsdb.Tar,
		SendSite: m.From.Site.Name, ReceiveSite: m.To.Site.Name}
	if m.Stage.Type == typeStage {
		om.Form = opsdb.Tree
	}
	if m.Link != nil && m.Link.Driver != "" {
		om.SendSite = m.Link.Driver
	}
	if c := v.have[m.From.Name]; c != nil {
		om.SourceCopy = c.ID
	}
	if c := v.live[m.To.Name]; c != nil && (c.State == opsdb.Expected || c.State == opsdb.Arrived) {
		om.Bytes = 0 // its room is taken already
	}
	if w != nil {
		om.Class, om.OnWay = w.class, v.relay(m)
	} else if t := v.taskOf(m.Stage.Name, m.From.Name, m.To.Name); t != nil {
		om.Class = t.Class
	}
	return om
}

// saidBefore reports whether the same trouble of the same place is noted by an earlier move.
func (v *view) saidBefore(m *graph.Move, r Reason) bool {
	for _, o := range v.res.Moves {
		if o.To == m.To.Name && o.Reason == string(r) {
			return true
		}
	}
	return false
}

// relay reports whether the place a move fills serves only the next hop over a
// link: not wanted itself, and not the doorstep of a wanted place that can
// take the package now. `ahead` applies to such places only, so that a cut
// between two archives does not stop what comes to either.
func (v *view) relay(m *graph.Move) bool {
	if v.plan.place[m.To.Name] != nil {
		return false
	}
	for n := range v.plan.later {
		if n.From == m.To && n.Link == nil && v.plan.place[n.To.Name] != nil && v.shutMove(n).open() {
			return false
		}
	}
	return true
}

func (v *view) priority(m *graph.Move) int {
	if m.Stage.Priority == nil {
		return 0
	}
	n, err := m.Stage.Priority.Int(v.moveEnv(m))
	if err != nil {
		return 0
	}
	return n
}

// nameCauses names what wakes a package that is not where it is wanted yet:
// every link and place of its ways, should one go down, and whatever was left
// out of them, should it come back.
func (v *view) nameCauses() {
	lacking := false
	for _, t := range v.plan.targets {
		lacking = lacking || !t.have
	}
	if !lacking {
		return
	}
	for m, s := range v.exists {
		if !s.open() {
			continue
		}
		if v.plan.first[m] != nil || v.plan.later[m] != nil {
			v.waitForMove(m)
		}
		if out := v.shutMove(m); !out.open() {
			v.waitFor(out.cause)
		}
	}
	for _, t := range v.plan.under {
		v.waitFor("location:"+t.To, "site:"+opsdb.SiteOf(t.To))
		if t.Link != "" {
			v.waitFor("link:" + t.Link)
		}
	}
}

func (v *view) waitForMove(m *graph.Move) {
	v.waitFor("location:"+m.From.Name, "location:"+m.To.Name, "site:"+m.From.Site.Name, "site:"+m.To.Site.Name)
	if m.Link != nil {
		v.waitFor("link:" + m.Link.Name())
	}
	if v.plan.first[m] != nil && v.plan.place[m.To.Name] == nil {
		v.waitFor(refusedCause(v.p.ID))
	}
}

// refusedCause wakes a package to which Dispatch gave no room: another way may have some.
func refusedCause(id opsdb.ID) string { return "refused:" + string(id) }
