package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// decideDeletions holds the retention against every copy outside of the
// archives: condemns, pardons, and lets go what is condemned and past its
// grace. It returns the archive copies that must be read back first, because
// a stale receipt is all that stands in the way of a deletion.
func (v *view) decideDeletions() map[opsdb.ID]bool {
	v.res.Wanted = slices.Sorted(maps.Keys(v.plan.onWay))
	urgent := map[opsdb.ID]bool{}
	for i := range v.f.Copies {
		c := &v.f.Copies[i]
		if v.live[c.Location] == c && c.State != opsdb.Expected && c.State != opsdb.Arrived {
			v.decideDeletion(c, urgent)
		}
	}
	return urgent
}

func (v *view) decideDeletion(c *opsdb.Copy, urgent map[opsdb.ID]bool) {
	rule := v.ruleAt(c.Location)
	if rule != nil {
		v.res.Policies[c.Location] = v.route.Retention.Policy()
	}
	why := v.whyKeep(c, rule, urgent)
	v.wakeAt(why.next)
	v.waitFor(why.cause)
	d := Decision{Route: v.route.Name, Stage: DeleteStage, Type: typeDelete, From: c.Location, To: c.Location,
		Reason: why.reason, Text: why.text, Next: why.next}
	if why.open() {
		d.Reason = CanGo
	}
	if v.explain && rule != nil && rule.When != nil {
		d.Terms = termsOf(rule.When, v.copyEnv(c, rule))
	}
	if v.early[c.ID] {
		d.Text = strings.TrimSuffix("for want of room at "+c.Location+"; "+d.Text, "; ")
	}
	v.condemnOrPardon(c, d.Reason)
	v.record(d, v.deletionMove(c, d.Reason))
}

func (v *view) ruleAt(location string) *graph.Rule {
	for _, r := range v.route.Retention.Rules {
		if r.Location.Name == location {
			return r
		}
	}
	return nil
}

// whyKeep walks what must hold before a copy goes, in order.
func (v *view) whyKeep(c *opsdb.Copy, rule *graph.Rule, urgent map[opsdb.ID]bool) shut {
	if v.archives[c.Location] || v.g.Locations[c.Location] != nil && v.g.Locations[c.Location].Type == opsdb.Archive {
		return shut{reason: KeptArchive, text: c.Location + " is an archive"}
	}
	task := v.taskOf(DeleteStage, c.Location, c.Location)
	if s := v.running(task); !s.open() {
		return s
	}
	if c.State == opsdb.DeletionInProgress {
		return v.goes(c, task)
	}
	if s := v.neededHere(c); !s.open() {
		return s
	}
	if rule == nil {
		return shut{reason: NoRule, text: "no retention for " + c.Location}
	}
	for _, ask := range []func() shut{
		func() shut { return v.ruleSays(c, rule) },
		func() shut { return v.gateSays(c, task, urgent) },
		func() shut { return v.filesFree(c) },
		func() shut { return v.givenUp(task) },
		func() shut { return v.timeSound() },
		func() shut { return v.grace(c) },
		func() shut { return v.peersWilling(c) },
	} {
		if s := ask(); !s.open() {
			return s
		}
	}
	return v.goes(c, task)
}

func (v *view) neededHere(c *opsdb.Copy) shut {
	if v.plan.onWay[c.Location] {
		return shut{reason: StillWanted, text: "the package is wanted at " + c.Location + ", or it lies on the way"}
	}
	return shut{}
}

func (v *view) ruleSays(c *opsdb.Copy, rule *graph.Rule) shut {
	env := v.copyEnv(c, rule)
	if slices.Contains(rule.When.Reads().Places, "here") {
		v.waitFor("location:" + c.Location)
	}
	v.wakeAt(rule.When.Next(env, v.now))
	yes, err := rule.When.Bool(env)
	switch {
	case err != nil:
		return shut{reason: BadExpression, text: "delete_when: " + err.Error()}
	case !yes && v.pressed(c, rule):
		v.early[c.ID] = true
	case !yes:
		return shut{reason: KeepRule, text: "delete_when: " + rule.When.String(), next: rule.When.Next(env, v.now)}
	}
	return shut{}
}

// copyEnv is what `delete_when` can read.
func (v *view) copyEnv(c *opsdb.Copy, rule *graph.Rule) expr.Env {
	env := v.packageEnv()
	env.Age, env.Here = v.age(c.VerifiedAge), v.placeEnv(rule.Location)
	env.Requested, env.Released = v.requested(c.Location), v.released(c.Location)
	return env
}

// gateSays asks the one safety gate (S1) with what was just found to be wanted.
func (v *view) gateSays(c *opsdb.Copy, task *opsdb.Task, urgent map[opsdb.ID]bool) shut {
	f := opsdb.GateFacts{Package: v.p, Target: *c, Copies: v.f.Copies, Tasks: v.f.Tasks, Holds: v.f.Holds, Requests: v.f.Requests,
		Wanted: v.res.Wanted, Archives: v.archives, Policy: v.route.Retention.Policy(), Now: v.now, Restored: v.w.Restored != nil}
	if task != nil {
		f.Self = task.ID
	}
	speak, o := opsdb.Deletable(f)
	if o == nil {
		v.wakeWhenStale(speak)
		return shut{}
	}
	for _, id := range o.Stale {
		urgent[id] = true
	}
	return shut{reason: Reason(o.Reason), text: o.Text}
}

// wakeWhenStale looks again when the first receipt that speaks gets too old.
func (v *view) wakeWhenStale(speak []opsdb.Receipt) {
	if fresh := v.route.Retention.Fresh; fresh > 0 {
		for _, r := range speak {
			v.wakeAt(r.At.Add(fresh + 1))
		}
	}
}

// recheck is how often source files are looked at again that another route
// may yet select: that it does not in the end is told by no fact.
const recheck = time.Hour

func (v *view) filesFree(c *opsdb.Copy) shut {
	if c.Form == opsdb.Files && v.f.Unclaimed > 0 {
		return shut{reason: FilesUnclaimed, text: fmt.Sprintf("%d of its files are not packed by another route that selects them", v.f.Unclaimed),
			next: v.now.Add(recheck)}
	}
	return shut{}
}

// givenUp keeps a deletion that failed for good until a person retries it.
func (v *view) givenUp(task *opsdb.Task) shut {
	if task != nil && task.State == opsdb.TaskFailed {
		return v.retry(task, 0)
	}
	return shut{}
}

func (v *view) timeSound() shut {
	if v.w.TimeSuspect {
		return shut{reason: TimeSuspect, text: "the clock has jumped and nobody has confirmed it", cause: opsdb.CauseTime}
	}
	return shut{}
}

func condemned(c *opsdb.Copy) bool {
	return c.State == opsdb.DeletionPossible || c.State == opsdb.DeletionScheduled
}

// grace counts observed time since the copy was condemned (S7).
func (v *view) grace(c *opsdb.Copy) shut {
	if !condemned(c) {
		return shut{reason: Condemning, text: "grace " + v.route.Retention.Grace.String()}
	}
	left := v.route.Retention.Grace - v.age(c.CondemnedAge)
	if left <= 0 {
		return shut{}
	}
	return shut{reason: InGrace, text: "goes in " + left.String(), next: v.now.Add(left)}
}

// peersWilling keeps source files until every package that holds one of them lets go (S1f).
func (v *view) peersWilling(c *opsdb.Copy) shut {
	if c.Form != opsdb.Files {
		return shut{}
	}
	for _, p := range v.f.Peers {
		if !p.Willing {
			s := shut{reason: PeersUnwilling, text: "package " + p.Package.Short() + " holds some of the same files", cause: "package:" + string(p.Package)}
			if p.Grace > 0 {
				s.text, s.next = s.text+" and is in its grace", v.now.Add(p.Grace)
			}
			return s
		}
	}
	return shut{}
}

// goes asks what may still hold back the act itself.
func (v *view) goes(c *opsdb.Copy, task *opsdb.Task) shut {
	o := v.openness()
	for _, s := range []shut{v.retry(task, 0), o.pausedMove(v.route, DeleteStage, c.Location, c.Location, nil), o.downLocation(c.Location, opsdb.Removes)} {
		if !s.open() {
			return s
		}
	}
	return shut{}
}

// condemnOrPardon turns the decision into the change of the copy's state. A
// copy whose deletion has begun is past both.
func (v *view) condemnOrPardon(c *opsdb.Copy, r Reason) {
	switch {
	case r == Condemning && v.early[c.ID]:
		m, _ := v.openness().mark(c.Location)
		v.res.Press = append(v.res.Press, opsdb.Press{Copy: c.ID, Until: m.Until})
	case r == Condemning:
		v.res.Condemn = append(v.res.Condemn, c.ID)
	case (condemned(c) || c.State == opsdb.DeletionFailed) && pardons(r):
		v.res.Pardon = append(v.res.Pardon, c.ID)
	}
}

// pardons reports whether a condemned copy is let off for this reason: what
// condemned it no longer holds.
func pardons(r Reason) bool {
	switch r {
	case NoRule, StillWanted, KeepRule, BadExpression, RequireArchived, StaleReceipt, Held, InQuarantine, NotPacked, BeingRead, FilesUnclaimed:
		return true
	}
	return false
}

// deletionMove returns the row to be saved for a deletion: what is condemned
// or would be but for something a person may want to see.
func (v *view) deletionMove(c *opsdb.Copy, r Reason) *opsdb.OpenMove {
	switch r {
	case KeptArchive, NoRule, StillWanted, KeepRule, NotPacked:
		return nil
	}
	site := opsdb.SiteOf(c.Location)
	om := &opsdb.OpenMove{Class: opsdb.Fresh, Bytes: c.Size, SourceCopy: c.ID, TargetCopy: c.ID, Form: c.Form,
		Expect: v.p.Digest, SendSite: site, ReceiveSite: site}
	if c.Form == opsdb.Files {
		om.Bytes = v.p.Bytes
	}
	return om
}
