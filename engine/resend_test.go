package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// ordered is an order that the package may leave again for a site.
func (f *facts) ordered(site string) *facts {
	f.f.Resends = append(f.f.Resends, opsdb.Resend{ID: opsdb.ID("order-" + site), Package: f.f.Package.ID, Site: site, Who: "ada", Why: "cologne is cut off", At: epoch})
	return f
}

// By a person's order a package leaves its site again for a site that has it not, once; nothing else may leave by it.
func TestResendLeavesAgain(t *testing.T) {
	t.Parallel()
	replicate := "replicate cologne.buffer>cornell.buffer ready/ready fresh"
	archive := "archive cologne.buffer>cologne.lta ready/ready fresh"
	cut := func(f *facts) *facts { return f.linkDown("cologne>cornell") }
	for _, c := range []struct {
		name string
		set  func(*facts)
		want []string
	}{
		{"no order", func(f *facts) { cut(f).copy("cologne.buffer", opsdb.Present) },
			[]string{"replicate cologne.buffer>cornell.buffer waiting/link_down fresh", archive}},
		{"past a cut between the archives", func(f *facts) { cut(f).copy("cologne.buffer", opsdb.Present).ordered("cornell") },
			[]string{"ship ccat.buffer>cornell.buffer ready/ready fresh", archive}},
		{"though another way is open and cheaper", func(f *facts) { f.copy("cologne.buffer", opsdb.Present).ordered("cornell") },
			[]string{"ship ccat.buffer>cornell.buffer ready/ready fresh", archive}},
		{"the way it was ordered to go is shut, another one is open", func(f *facts) {
			f.copy("cologne.buffer", opsdb.Present).ordered("cornell").linkDown("ccat>cornell")
		}, []string{replicate, archive}},
		{"past what only arrived, and its site is down", func(f *facts) { f.copy("cologne.buffer", opsdb.Arrived).siteDown("cologne").ordered("cornell") },
			[]string{"ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"past one that is under way", func(f *facts) {
			f.ordered("cornell").task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress)
		}, []string{"ship ccat.buffer>cologne.buffer running/working ", "ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"it is being brought there already", func(f *facts) {
			f.copy("cologne.buffer", opsdb.Present).ordered("cornell").task("replicate", "cologne.buffer", "cornell.buffer", opsdb.TaskInProgress)
		}, []string{"replicate cologne.buffer>cornell.buffer running/working ", archive}},
		{"it is there", func(f *facts) {
			f.copy("cologne.lta", opsdb.Present).copy("cornell.buffer", opsdb.Present).ordered("cornell")
		}, []string{"archive cornell.buffer>cornell.lta ready/ready fresh"}},
		{"for the site that has it", func(f *facts) { cut(f).copy("cologne.buffer", opsdb.Present).ordered("cologne") },
			[]string{"replicate cologne.buffer>cornell.buffer waiting/link_down fresh", archive}},
		{"it is held", func(f *facts) {
			cut(f).copy("cologne.buffer", opsdb.Present).ordered("cornell")
			f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldMove, Location: "ccat.buffer", Who: "grace"}}
		}, []string{"ship ccat.buffer>cornell.buffer blocked/held fresh", archive}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell")).packed().copy("ccat.buffer", opsdb.Present)
			c.set(f)
			if diff := cmp.Diff(c.want, show(f.evaluate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An order is used up when its site has a verified copy, whoever brought it, and by nothing before.
func TestResendIsUsedUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*facts)
		want []opsdb.ID
	}{
		{"nothing has come", func(*facts) {}, nil},
		{"it was sent, and nobody read it back", func(f *facts) { f.copy("cornell.buffer", opsdb.Arrived) }, nil},
		{"it came elsewhere", func(f *facts) { f.copy("cologne.lta", opsdb.Present) }, nil},
		{"it came", func(f *facts) { f.copy("cornell.buffer", opsdb.Present) }, []opsdb.ID{"order-cornell"}},
		{"it came and went on", func(f *facts) { f.copy("cornell.lta", opsdb.Present) }, []opsdb.ID{"order-cornell"}},
		{"what came was bad", func(f *facts) { f.copy("cornell.buffer", opsdb.Quarantined) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell")).packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Present).ordered("cornell")
			c.set(f)
			if diff := cmp.Diff(c.want, f.evaluate().Resent); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// One order brings one tar over the ocean, also where two places at the site want it.
func TestResendCrossesOnce(t *testing.T) {
	t.Parallel()
	b := newBuilder()
	b.ccatSites([]string{"cologne", "cornell"})
	second := place("second", opsdb.Buffer)
	second.Name, second.Site, second.Storage = "cornell.second", b.g.Locations["cornell.lta"].Site, opsdb.Disk
	b.g.Locations[second.Name] = second
	b.set("landing", second.Name)
	b.ccatRoute("raw", []string{"cologne", "cornell"})
	for _, s := range []string{"ship", "replicate"} {
		stageOf(b.g, s).Wanted = true
	}
	f := newFacts(b.g).packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Present).ordered("cornell")
	over := 0
	for _, line := range show(f.evaluate()) {
		if strings.HasPrefix(line, "ship ") {
			over++
		}
	}
	if over != 1 {
		t.Errorf("%d moves over the ocean: %q", over, show(f.evaluate()))
	}
	f.copy("cornell.buffer", opsdb.Arrived).locationDown("cornell.buffer", "offline")
	for _, line := range show(f.evaluate()) {
		if strings.HasPrefix(line, "ship ccat.buffer>cornell.second") && strings.Contains(line, "ready") {
			t.Errorf("what has arrived there crosses again: %q", line)
		}
	}
}

// What `dtctl resend` offers: the sites that lack a package, which once keeps from being sent there.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	type offer struct {
		Site    string
		Ordered bool
		First   string // the move that would be open, and its verdict
	}
	for _, c := range []struct {
		name string
		set  func(*facts)
		want []offer
	}{
		{"nowhere else yet", func(*facts) {}, []offer{{"cornell", false, "ship ready"}}},
		{"one site has it", func(f *facts) { f.copy("cologne.buffer", opsdb.Present) }, []offer{{"cornell", false, "ship ready"}}},
		{"it was ordered before", func(f *facts) { f.copy("cologne.buffer", opsdb.Present).ordered("cornell") }, []offer{{"cornell", true, "ship ready"}}},
		{"the ocean is cut", func(f *facts) { f.copy("cologne.buffer", opsdb.Present).linkDown("ccat>cornell") }, []offer{{"cornell", false, "replicate ready"}}},
		{"both have it", func(f *facts) { f.copy("cologne.lta", opsdb.Present).copy("cornell.lta", opsdb.Present) }, nil},
		{"nothing is left where it came from", func(f *facts) {
			f.at("ccat.buffer").State = opsdb.Deleted
			f.copy("cologne.buffer", opsdb.Present)
		}, nil},
		{"nothing is said of once", func(f *facts) {
			f.copy("cologne.buffer", opsdb.Present)
			f.g.Locations["ccat.buffer"].Site.SendOnce = false
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell")).packed().copy("ccat.buffer", opsdb.Present)
			c.set(f)
			var got []offer
			for _, a := range engine.SendAgain(f.g, f.world, f.f, f.now) {
				got = append(got, offer{a.Site, a.Ordered, a.Moves[0].Stage + " " + string(a.Moves[0].Verdict)})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// `why` says who ordered it, when and why, and what keeps a package at home names the order.
func TestWhySaysResend(t *testing.T) {
	t.Parallel()
	f := newFacts(ccat("cologne", "cornell")).packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Present)
	before := engine.Why(f.g, f.world, f.f, f.now.Add(time.Minute))
	f.ordered("cornell")
	x := engine.Why(f.g, f.world, f.f, f.now.Add(time.Minute))
	if text := x.Text(); len(x.Resends) != 1 || !strings.Contains(text, "may leave again for cornell: ordered by ada, ") || !strings.Contains(text, "(cologne is cut off)") {
		t.Errorf("the order is not told:\n%s", text)
	}
	for _, d := range before.Decisions {
		if d.Stage == "ship" && d.To == "cornell.buffer" && (d.Reason != engine.SendOnce || !strings.Contains(d.Remedy, "dtctl resend")) {
			t.Errorf("%s to %s: %s, %q", d.Stage, d.To, d.Reason, d.Remedy)
		}
	}
}
