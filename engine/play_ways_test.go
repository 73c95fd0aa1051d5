package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// ccatRules gives the CCAT route the retention of the design.
func ccatRules(t testing.TB, g *graph.Graph) *graph.Graph {
	rule(t, g, "ccat.primecam", "age >= days(14)")
	rule(t, g, "ccat.chai", "age >= days(14)")
	rule(t, g, "ccat.buffer", fmt.Sprintf("archived >= %d", len(g.Sets["archives"])))
	for _, l := range g.Sets["landing"] {
		rule(t, g, l.Name, `archived_all("archives")`)
	}
	if g.Locations["cologne.ramses"] != nil {
		rule(t, g, "cologne.ramses", "released && age >= days(3)")
	}
	return g
}

func twoArchives(t testing.TB) *play {
	return newPlay(t, ccatRules(t, ccat("cologne", "cornell")))
}

func TestOceanIsCrossedOnce(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Hour)
	slices.Sort(p.log)
	p.wantLog("archive cologne.buffer>cologne.lta", "archive cornell.buffer>cornell.lta",
		"pack ccat.primecam>ccat.buffer", "replicate cologne.buffer>cornell.buffer", "ship ccat.buffer>cologne.buffer")
	p.wantEverywhere("cologne.lta", "cornell.lta")
}

func TestCologneDownBefore(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.asleep["cologne"] = true
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Hour)
	p.wantEverywhere("cornell.lta")
	p.asleep["cologne"] = false
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if n := p.crossings(); n != 1 || p.count("ship ccat.buffer>cornell.buffer") != 1 {
		t.Errorf("%d crossings: %v", n, p.log)
	}
}

func TestCologneDownDuring(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.holding = func(t opsdb.Task) bool { return t.Stage == "ship" && t.To == "cologne.buffer" }
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Minute)
	p.asleep["cologne"] = true
	p.run(time.Hour)
	p.wantEverywhere("cornell.lta")
	// Cologne comes back; its worker lost the transfer.
	p.asleep["cologne"] = false
	p.broken = func(t opsdb.Task) *opsdb.Failure {
		if t.Stage == "ship" {
			return &opsdb.Failure{Class: opsdb.Transient, Text: "connection reset"}
		}
		return nil
	}
	p.release()
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.count("ship ccat.buffer>cologne.buffer") != 0 {
		t.Errorf("sent to Cologne over the ocean after all: %v", p.log)
	}
}

func TestCologneDownAfter(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.holding = func(t opsdb.Task) bool { return t.Stage == "replicate" || t.Stage == "archive" }
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Minute)
	p.holding, p.asleep["cologne"] = nil, true
	p.held = map[opsdb.ID]*opsdb.Assignment{} // its workers are gone with their work
	p.run(72 * time.Hour)
	if p.crossings() != 1 {
		t.Errorf("crossings while Cologne was away: %v", p.log)
	}
	p.asleep["cologne"] = false
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 1 {
		t.Errorf("crossings: %v", p.log)
	}
}

func TestBothUpAgain(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.asleep["cologne"], p.asleep["cornell"] = true, true
	for i := range 5 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 3, gb)
	}
	p.run(24 * time.Hour)
	if p.crossings() != 0 {
		t.Errorf("sent to nobody: %v", p.log)
	}
	p.asleep["cologne"], p.asleep["cornell"] = false, false
	p.run(3 * time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 5 {
		t.Errorf("%d crossings", p.crossings())
	}
}

func TestArchivesCutForHours(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	cut := true
	p.retry = time.Hour
	p.broken = func(t opsdb.Task) *opsdb.Failure {
		if cut && strings.HasPrefix(t.Link, "co") {
			return &opsdb.Failure{Class: opsdb.Environment, Subject: "link:" + t.Link, Reason: "refused", Text: "no route to host"}
		}
		return nil
	}
	for i := range 8 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 2, gb)
		p.run(time.Hour)
	}
	p.wantEverywhere("cologne.lta")
	cut = false
	p.run(3 * time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 8 {
		t.Errorf("%d crossings for 8 packages: %v", p.crossings(), p.log)
	}
}

func TestThirdArchiveIsBackfilled(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	for i := range 4 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 2, gb)
	}
	p.run(30 * day)
	for _, f := range p.packages() {
		if got := where(f); got != "cologne.lta cornell.lta" {
			t.Fatalf("not cleaned: %s", got)
		}
	}
	p.log = nil
	p.activate(ccatRules(t, ccat("cologne", "cornell", "geneva")))
	p.run(day)
	p.wantEverywhere("cologne.lta", "cornell.lta", "geneva.lta")
	if p.crossings() != 0 || p.count("recall ") != 4 {
		t.Errorf("log: %v", p.log)
	}
	p.run(3 * day)
	for _, f := range p.packages() {
		if got := where(f); got != "cologne.lta cornell.lta geneva.lta" {
			t.Errorf("buffers are not clean: %s", got)
		}
	}
}

func TestArchiveCopyFoundCorrupt(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"cologne.lta", "cornell.lta"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			p := twoArchives(t)
			p.observe("ccat.primecam", "obs1", 3, gb)
			p.run(30 * day)
			bad := p.copyAt(0, at)
			p.corrupt[bad.ID] = true
			p.run(100 * day) // the cycle of verify is 90 days
			good := p.copyAt(0, at)
			if good.ID == bad.ID || good.State != opsdb.Present {
				t.Fatalf("the copy at %s was not made again: %+v", at, good)
			}
			if !strings.HasSuffix(good.Path, ".r1.tar") || good.Path == bad.Path {
				t.Errorf("the repair lies at %s, the bad one at %s", good.Path, bad.Path)
			}
			if p.crossings() != 1 {
				t.Errorf("crossings: %v", p.log)
			}
		})
	}
}

// copyAt is the live copy of the n-th package at a place.
func (p *play) copyAt(n int, location string) opsdb.Copy {
	p.t.Helper()
	for _, c := range p.packages()[n].Copies {
		if c.Location == location && c.Live() {
			return c
		}
	}
	p.t.Fatalf("no live copy at %s", location)
	return opsdb.Copy{}
}

func TestArchiveSiteLost(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(30 * day)
	g := ccat("cologne", "cornell", "geneva")
	g.Sites[1].State = opsdb.SiteLost
	g.Routes[0].Retention.Require = 2
	for _, l := range g.Sets["landing"] {
		rule(t, g, l.Name, `archived_all("archives")`)
	}
	p.asleep["cologne"] = true
	p.activate(g)
	p.run(2 * day)
	if got := where(p.packages()[0]); got != "cornell.lta geneva.lta" {
		t.Errorf("after the loss of Cologne it is at %s", got)
	}
}

func TestRequestWithOnlyCornell(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(30 * day)
	p.corrupt[p.copyAt(0, "cologne.lta").ID] = true
	f := p.packages()[0]
	p.must(p.store.WantVerify(p.ctx, f.Package.ID, "cologne.lta", "ann"))
	p.holding = func(t opsdb.Task) bool { return t.Stage == "archive" }
	r, err := p.store.Request(p.ctx, opsdb.StagingRequest{Package: f.Package.ID, Location: "cologne.ramses", Who: "ann", Why: "map"})
	p.must(err)
	p.run(time.Minute)
	if c := p.copyAt(0, "cologne.ramses"); c.State != opsdb.Staged {
		t.Fatalf("not staged: %+v", c)
	}
	p.release()
	p.run(10 * day)
	p.copyAt(0, "cologne.ramses") // it stays while the request is open
	p.must(p.store.Release(p.ctx, r.ID, "ann"))
	p.run(5 * day)
	if got := where(p.packages()[0]); got != "cologne.lta cornell.lta" {
		t.Errorf("after the release it is at %s", got)
	}
	if p.crossings() != 1 {
		t.Errorf("crossings: %v", p.log)
	}
}

func TestChooseOrder(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	for i := range 4 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 2, gb)
	}
	p.run(time.Hour)
	if p.count("ship ccat.buffer>cologne.buffer") != 4 || p.crossings() != 4 {
		t.Errorf("log: %v", p.log)
	}
}

func TestChooseRoundRobin(t *testing.T) {
	t.Parallel()
	g := ccatRules(t, ccat("cologne", "cornell"))
	stageOf(g, "ship").Choose = "round_robin"
	p := newPlay(t, g)
	for i := range 6 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 2, gb)
	}
	p.run(time.Hour)
	if p.count("ship ccat.buffer>cologne.buffer") != 3 || p.crossings() != 6 {
		t.Errorf("log: %v", p.log)
	}
	p.wantEverywhere("cologne.lta", "cornell.lta")
}

func TestFullDestinationFreesUp(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	report := func(d *opsdb.Down) {
		p.must(p.store.Report(p.ctx, opsdb.LocationReport{Location: "cologne.lta", Free: 0, Total: 100 * gb, Down: d}))
	}
	report(&opsdb.Down{Reason: "full", Text: "no space left on device"})
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Hour)
	p.wantEverywhere("cornell.lta")
	if p.count("archive cologne.buffer") != 0 {
		t.Errorf("log: %v", p.log)
	}
	p.must(p.store.Report(p.ctx, opsdb.LocationReport{Location: "cologne.lta", Free: 100 * gb, Total: 100 * gb}))
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 1 {
		t.Errorf("crossings: %v", p.log)
	}
}

func TestSmallBuffersFromBothSides(t *testing.T) {
	t.Parallel()
	g := ccatRules(t, ccat("cologne", "cornell"))
	stageOf(g, "ship").Choose = "round_robin"
	g.Routes[0].Retention.Grace = time.Hour
	for _, l := range g.Sets["landing"] {
		l.Capacity, l.Reserve, l.Ahead = 10*gb, 4*gb, 8*gb
	}
	p := newPlay(t, g)
	for i := range 40 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 2, gb-10*1024)
	}
	p.run(5 * day)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 40 {
		t.Errorf("%d crossings", p.crossings())
	}
}

func TestBackfillDoesNotHoldUpFresh(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	for i := range 30 {
		p.observe("ccat.primecam", fmt.Sprintf("old%d", i), 1, gb)
	}
	p.run(30 * day)
	g := ccatRules(t, ccat("cologne", "cornell", "geneva"))
	g.Links["cologne>geneva"].AtOnce = 1
	p.activate(g)
	p.log = nil
	p.pass() // the stock is evaluated and queued; nothing has been worked on
	p.observe("ccat.primecam", "new", 1, gb)
	for range 60 {
		p.pass()
		p.work()
		if all := p.packages(); len(all) == 31 && strings.Contains(where(all[30]), "geneva.lta") {
			break
		}
	}
	if n := p.count("recall "); n > 15 || !strings.Contains(where(p.packages()[30]), "geneva.lta") {
		t.Errorf("the fresh package is at %s; %d of the stock went before it", where(p.packages()[30]), n)
	}
	p.run(day)
	p.wantEverywhere("cologne.lta", "cornell.lta", "geneva.lta")
}

func TestTwoRoutesOnOneSource(t *testing.T) {
	t.Parallel()
	b := newBuilder()
	sites := []string{"cologne", "cornell"}
	b.ccatSites(sites)
	b.ccatRoute("raw", sites)
	b.ccatRoute("quick", sites)
	g := b.g
	rule(t, g, "ccat.primecam", "age >= days(1)")
	r := g.Routes[1]
	r.Retention.Rules = append(r.Retention.Rules, &graph.Rule{Location: g.Locations["ccat.primecam"], When: program(t, "delete_when", "age >= days(20)")})
	p := newPlay(t, g)
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(15 * day)
	if n := p.deleted["ccat.primecam"]; n != 0 {
		t.Fatalf("source files went after 15 days; the second route keeps them for 20")
	}
	p.run(15 * day)
	files, err := p.store.Files(p.ctx, opsdb.Query{State: "deleted"})
	p.must(err)
	if len(files) != 3 {
		t.Errorf("%d of 3 files are deleted after 30 days; %v", len(files), p.log)
	}
}

func TestDirtySetDrains(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	for i := range 5 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 3, gb)
	}
	p.run(60 * day)
	dirty, err := p.store.Dirty(p.ctx, p.clock.Now(), 0)
	p.must(err)
	if len(dirty) != 0 {
		t.Errorf("%d packages are dirty for ever", len(dirty))
	}
	if did := p.pass(); did.Evaluated+did.Dispatched+did.Expired+did.Routed != 0 {
		t.Errorf("a pass over a quiet system did %+v", did)
	}
}
