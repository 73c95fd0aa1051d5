package engine

import (
	"fmt"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// gate is one question on the way of a move, with its number and name (design, section 5).
type gate struct {
	number int
	name   string
	ask    func(*graph.Move) shut
}

// gates lists them in the order in which they are walked. Who goes together,
// room and slots are asked by Dispatch; here they only inform.
func (v *view) gates() []gate {
	return []gate{
		{1, "satisfied", v.gateSatisfied},
		{2, "when", v.gateWhen},
		{3, "wanted", v.gateWanted},
		{4, "way", v.gateWay},
		{5, "needs", v.gateNeeds},
		{6, "hold", v.gateHold},
		{7, "pause", v.gatePause},
		{8, "window", v.gateWindow},
		{9, "batch", v.gateBatch},
		{10, "retry", v.gateRetry},
		{11, "breaker", v.gateBreaker},
	}
}

// decideMoves walks the gates of every move that concerns the package.
func (v *view) decideMoves() {
	for _, s := range v.route.Stages {
		for _, m := range s.Moves {
			if _, concerns := v.exists[m]; concerns {
				v.decideMove(m)
			}
		}
	}
	v.nameCauses()
}

func (v *view) decideMove(m *graph.Move) {
	d := decisionOf(m)
	why, gates := v.walk(m)
	d.Reason, d.Text, d.Next, d.Gates = why.reason, why.text, why.next, gates
	if why.open() {
		d.Reason, d.Text = CanGo, v.readyText(m)
	}
	if v.explain && m.Stage.When != nil {
		d.Terms = termsOf(m.Stage.When, v.moveEnv(m))
	}
	v.wakeAt(why.next)
	if why.open() {
		v.wakeAt(v.batchDue(m))
	}
	v.waitFor(why.cause)
	v.byMove[m] = v.record(d, v.openMove(m, d.Reason))
}

// inLine says of a ready move that its destination is full and no other way
// has room: it waits in line, and a refusal is nothing new.
const inLine = "in line for room: no other way has any"

func (v *view) readyText(m *graph.Move) string {
	if v.shutMove(m).reason == NoRoom {
		return inLine
	}
	return ""
}

func decisionOf(m *graph.Move) Decision {
	d := Decision{Route: m.Stage.Route.Name, Stage: m.Stage.Name, Type: m.Stage.Type, From: m.From.Name, To: m.To.Name}
	if m.Link != nil {
		d.Link = m.Link.Name()
	}
	return d
}

// walk asks the gates in order up to the first that is shut, or all of them
// if all are to be shown.
func (v *view) walk(m *graph.Move) (first shut, all []Gate) {
	for _, g := range v.gates() {
		s := g.ask(m)
		if first.open() {
			first = s
		}
		if v.explain {
			all = append(all, Gate{g.number, g.name, s.open(), s.reason, s.text})
		} else if !first.open() {
			break
		}
	}
	if v.explain {
		all = append(all, v.roomGate(m), v.slotGate(m))
	}
	return first, all
}

func (v *view) gateSatisfied(m *graph.Move) shut {
	if c := v.have[m.To.Name]; c != nil && c.Form != opsdb.Files {
		return shut{reason: HaveCopy, text: "verified at " + m.To.Name + " since " + stamp(c.VerifiedAt)}
	}
	return v.running(v.taskOf(m.Stage.Name, m.From.Name, m.To.Name))
}

// running says that a task is given out or worked on.
func (v *view) running(t *opsdb.Task) shut {
	switch {
	case t == nil:
		return shut{}
	case t.State == opsdb.TaskInProgress:
		return shut{reason: Working, text: fmt.Sprintf("worker %s, %s, %d of %d bytes", t.Worker, phaseOf(t), t.Done, t.Total)}
	case t.State == opsdb.TaskScheduled && !t.LeaseUntil.IsZero() && !v.now.Before(t.LeaseUntil):
		return shut{reason: Unclaimed, text: "task " + t.ID.Short() + " was not claimed by " + stamp(t.LeaseUntil)}
	case t.State == opsdb.TaskScheduled:
		return shut{reason: Dispatched, text: "task " + t.ID.Short() + " at site " + t.Site(), next: t.LeaseUntil}
	}
	return shut{}
}

func phaseOf(t *opsdb.Task) string {
	if t.Phase == "" {
		return string(t.Piece)
	}
	return t.Phase
}

// taskOf finds the open or failed task of one move.
func (v *view) taskOf(stage, from, to string) *opsdb.Task {
	for i := range v.f.Tasks {
		if t := &v.f.Tasks[i]; t.Stage == stage && t.From == from && t.To == to && (t.State.Open() || t.State == opsdb.TaskFailed) {
			return t
		}
	}
	return nil
}

func (v *view) gateWhen(m *graph.Move) shut {
	s := v.exists[m]
	if s.reason == SitePlanned || s.reason == SiteLost {
		return shut{}
	}
	return s
}

func (v *view) gateWanted(m *graph.Move) shut {
	if s := v.exists[m]; s.reason == SitePlanned || s.reason == SiteLost {
		return s
	}
	if !v.plan.onWay[m.To.Name] {
		return shut{reason: NotWanted, text: "nothing needs the package at " + m.To.Name}
	}
	return shut{}
}

func (v *view) gateWay(m *graph.Move) shut {
	w := v.plan.later[m]
	switch {
	case v.plan.first[m] != nil:
		return v.occupied(m)
	case w != nil && w.hops[0] == m && v.plan.under[w.start] != nil:
		return shut{reason: SourceComing, text: "task " + v.plan.under[w.start].ID.Short() + " brings it to " + w.start}
	case w != nil:
		return shut{reason: EarlierHop, text: "not yet at " + m.From.Name}
	}
	if t := v.plan.place[m.To.Name]; t != nil && !t.none.open() {
		return t.none
	}
	if v.sentOnce(m) {
		return shut{reason: SendOnce, text: "it leaves site " + m.From.Site.Name + " once, and is elsewhere or goes another way; a person may order it to leave again"}
	}
	if s := v.shutMove(m); !s.open() {
		return shut{reason: LeftOut, text: s.text, cause: s.cause}
	}
	return shut{reason: AnotherWay, text: "it comes to " + m.To.Name + " another way"}
}

// occupied says what holds the destination of a first hop: a copy on its way
// out (S2), or another task of the package.
func (v *view) occupied(m *graph.Move) shut {
	if c := v.live[m.To.Name]; c != nil {
		switch c.State {
		case opsdb.DeletionScheduled, opsdb.DeletionInProgress, opsdb.DeletionFailed:
			return shut{reason: BeingDeleted, text: "the copy at " + m.To.Name + " is " + string(c.State)}
		}
	}
	for i := range v.f.Tasks {
		t := &v.f.Tasks[i]
		if t.State.Open() && t.To == m.To.Name && !(t.Stage == m.Stage.Name && t.From == m.From.Name) {
			return shut{reason: OtherTask, text: fmt.Sprintf("task %s (%s from %s) holds %s", t.ID.Short(), t.Stage, t.From, t.To)}
		}
	}
	return shut{}
}

func (v *view) gateNeeds(m *graph.Move) shut {
	for _, need := range m.Stage.Needs {
		for _, n := range need.Moves {
			d, decided := v.byMove[n]
			if decided && d.Verdict != Satisfied && d.Verdict != Skipped && d.Verdict != Unwanted {
				return shut{reason: NeedsOther, text: fmt.Sprintf("stage %s to %s is %s (%s)", need.Name, n.To.Name, d.Verdict, d.Reason)}
			}
		}
	}
	return shut{}
}

func (v *view) gateHold(m *graph.Move) shut {
	if v.p.Quarantined != "" {
		return shut{reason: InQuarantine, text: v.p.Quarantined}
	}
	for _, h := range v.f.Holds {
		if h.Kind != opsdb.HoldDelete && (h.Location == "" || h.Location == m.From.Name || h.Location == m.To.Name) {
			return shut{reason: Held, text: fmt.Sprintf("held by %s: %s", h.Who, h.Why)}
		}
	}
	return shut{}
}

func (v *view) gatePause(m *graph.Move) shut {
	if v.w.Restored != nil && m.Stage.Type == typePackage {
		return shut{reason: Restored, text: opsdb.ErrRestored.Error()}
	}
	return v.openness().pausedMove(v.route, m.Stage.Name, m.From.Name, m.To.Name, m.Link)
}

func (v *view) gateWindow(m *graph.Move) shut {
	if m.Stage.Window == nil || m.Stage.Window.Open(v.now) {
		return shut{}
	}
	next := m.Stage.Window.Next(v.now)
	return shut{reason: OutsideWindow, text: "opens " + stamp(next), next: next}
}

// gateBatch shows, in an explanation, what Dispatch said last: only it sees who else is ready.
func (v *view) gateBatch(m *graph.Move) shut {
	old := v.previous(m.Stage.Name, m.From.Name, m.To.Name)
	if !v.explain || old == nil || Reason(old.Reason) != NotTogether || !batched(m.Stage, m.Link) {
		return shut{}
	}
	return shut{reason: NotTogether, text: old.Text, next: v.batchDue(m)}
}

func (v *view) gateRetry(m *graph.Move) shut {
	return v.retry(v.taskOf(m.Stage.Name, m.From.Name, m.To.Name), m.Stage.Attempts)
}

// defaultAttempts is how many attempts count before a task is given up, where no stage says so.
const defaultAttempts = 8

// retry says whether the last attempt stands in the way of the next one.
func (v *view) retry(t *opsdb.Task, attempts int) shut {
	if attempts <= 0 {
		attempts = defaultAttempts
	}
	switch {
	case t == nil:
		return shut{}
	case t.State != opsdb.TaskInProgress && t.State != opsdb.TaskScheduled && t.Attempts >= attempts:
		return shut{reason: AttemptsUsed, text: fmt.Sprintf("task %s failed %d times%s", t.ID.Short(), t.Attempts, failureText(t))}
	case t.State == opsdb.TaskPending && v.now.Before(t.NextTry):
		return shut{reason: Backoff, text: fmt.Sprintf("next attempt %s%s", stamp(t.NextTry), failureText(t)), next: t.NextTry}
	case t.State == opsdb.TaskFailed:
		return shut{reason: failedReason(t), text: fmt.Sprintf("task %s failed after %d attempts%s", t.ID.Short(), t.Attempts, failureText(t))}
	}
	return shut{}
}

func failureText(t *opsdb.Task) string {
	if t.Failure == nil {
		return ""
	}
	return fmt.Sprintf(" (%s: %s)", t.Failure.Class, t.Failure.Text)
}

func failedReason(t *opsdb.Task) Reason {
	if t.Failure == nil {
		return AttemptsUsed
	}
	switch t.Failure.Class {
	case opsdb.BadData:
		return FailedData
	case opsdb.BadConfig:
		return FailedConfig
	case opsdb.Permanent:
		return FailedForGood
	}
	return AttemptsUsed
}

func (v *view) gateBreaker(m *graph.Move) shut {
	if m.NoDriver != "" {
		return shut{reason: NoDriver, text: "no driver for " + m.NoDriver}
	}
	if s := v.tooLarge(m); !s.open() {
		return s
	}
	return v.openness().downMove(m.Stage.Type, m.From.Name, m.To.Name, m.Link)
}

// tooLarge says that a package has no room at a place even when that is empty: no waiting mends that.
func (v *view) tooLarge(m *graph.Move) shut {
	most, known := v.openness().most(m.To, v.left)
	if v.live[m.To.Name] != nil || !known || bornSize(v.p) <= most {
		return shut{}
	}
	return shut{reason: TooLarge, text: fmt.Sprintf("it has %d bytes, and %s takes %d at most", bornSize(v.p), m.To.Name, most), cause: "room:" + m.To.Name}
}

func (v *view) roomGate(m *graph.Move) Gate {
	g := Gate{Number: 12, Name: "room", Open: true}
	if v.have[m.To.Name] == nil && !v.openness().fits(m.To, bornSize(v.p), v.left) {
		g.Open, g.Reason, g.Text = false, NoRoom, fmt.Sprintf("%d bytes do not fit at %s now", bornSize(v.p), m.To.Name)
	}
	return g
}

func (v *view) slotGate(m *graph.Move) Gate {
	g := Gate{Number: 13, Name: "slot", Open: true}
	if old := v.previous(m.Stage.Name, m.From.Name, m.To.Name); old != nil && Reason(old.Reason) == NoSlot {
		g.Open, g.Reason, g.Text = false, NoSlot, old.Text
	}
	return g
}
