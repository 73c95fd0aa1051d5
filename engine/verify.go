package engine

import (
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// decideVerify lets copies be read back: on the cycle of a verify stage, when
// a person asks, and at once when a stale receipt stands in the way of a deletion.
func (v *view) decideVerify(urgent map[opsdb.ID]bool) {
	looked := map[string]bool{}
	for _, s := range v.route.Stages {
		if s.Type != typeVerify {
			continue
		}
		for _, m := range s.Moves {
			if c := v.live[m.To.Name]; c != nil && !looked[m.To.Name] && c.Form == opsdb.Tar {
				looked[m.To.Name] = true
				v.decideReread(c, s, urgent[c.ID])
			}
		}
	}
	for i := range v.f.Copies {
		c := &v.f.Copies[i]
		asked := !c.VerifyAsked.IsZero() || urgent[c.ID] || v.taskOf(VerifyStage, c.Location, c.Location) != nil
		if v.live[c.Location] == c && !looked[c.Location] && c.Form == opsdb.Tar && asked {
			v.decideReread(c, nil, urgent[c.ID])
		}
	}
}

// decideReread decides one copy; stage is nil where no verify stage looks.
func (v *view) decideReread(c *opsdb.Copy, stage *graph.Stage, urgent bool) {
	if !c.Verified() {
		return
	}
	d := Decision{Route: v.route.Name, Stage: VerifyStage, Type: typeVerify, From: c.Location, To: c.Location}
	if stage != nil {
		d.Stage = stage.Name
	}
	why := v.whyNotRead(c, stage, d.Stage, urgent)
	v.wakeAt(why.next)
	v.waitFor(why.cause)
	d.Reason, d.Text, d.Next = why.reason, why.text, why.next
	if why.open() {
		d.Reason = CanGo
	}
	v.record(d, v.rereadMove(c, d.Reason, urgent))
}

func (v *view) whyNotRead(c *opsdb.Copy, stage *graph.Stage, name string, urgent bool) shut {
	task := v.taskOf(name, c.Location, c.Location)
	if s := v.running(task); !s.open() {
		return s
	}
	atOnce := urgent || !c.VerifyAsked.IsZero()
	if s := v.freshEnough(c, stage); !s.open() && !atOnce {
		return s
	}
	for _, h := range v.f.Holds {
		if h.Kind != opsdb.HoldDelete && (h.Location == "" || h.Location == c.Location) {
			return shut{reason: Held, text: "held by " + h.Who + ": " + h.Why}
		}
	}
	o := v.openness()
	if s := o.pausedMove(v.route, name, c.Location, c.Location, nil); !s.open() {
		return s
	}
	if stage != nil && stage.Window != nil && !atOnce && !stage.Window.Open(v.now) {
		next := stage.Window.Next(v.now)
		return shut{reason: OutsideWindow, text: "opens " + stamp(next), next: next}
	}
	if s := v.retry(task, 0); !s.open() {
		return s
	}
	return o.downLocation(c.Location, opsdb.Reads)
}

// freshEnough is shut while the last reading is younger than the cycle.
func (v *view) freshEnough(c *opsdb.Copy, stage *graph.Stage) shut {
	if stage == nil {
		return shut{reason: FreshReceipt, text: "no verify stage looks at " + c.Location}
	}
	due := lastRead(c).Add(stage.Every)
	if stage.Every > 0 && !v.now.Before(due) {
		return shut{}
	}
	return shut{reason: FreshReceipt, text: "read back " + stamp(lastRead(c)), next: due}
}

func lastRead(c *opsdb.Copy) time.Time {
	if c.Receipt != nil {
		return c.Receipt.At
	}
	return c.VerifiedAt
}

func (v *view) rereadMove(c *opsdb.Copy, r Reason, urgent bool) *opsdb.OpenMove {
	if r == FreshReceipt {
		return nil
	}
	site := opsdb.SiteOf(c.Location)
	om := &opsdb.OpenMove{Class: opsdb.Backfill, Bytes: c.Size, SourceCopy: c.ID, TargetCopy: c.ID, Form: c.Form,
		Expect: v.p.Digest, SendSite: site, ReceiveSite: site}
	switch {
	case !c.VerifyAsked.IsZero():
		om.Class = opsdb.Request
	case urgent:
		om.Class = opsdb.Repair
	}
	return om
}
