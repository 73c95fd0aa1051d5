package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

func TestWays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*facts)
		want []string
	}{
		{"frozen", func(f *facts) {}, []string{"pack ccat.primecam>ccat.buffer ready/ready fresh"}},
		{"packed: the ocean is crossed once", func(f *facts) { f.packed().copy("ccat.buffer", opsdb.Present) },
			[]string{"ship ccat.buffer>cologne.buffer ready/ready fresh"}},
		{"cologne down before", func(f *facts) { f.packed().copy("ccat.buffer", opsdb.Present).siteDown("cologne") },
			[]string{"ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"cologne's link down before", func(f *facts) { f.packed().copy("ccat.buffer", opsdb.Present).linkDown("ccat>cologne") },
			[]string{"ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"under way to cologne", func(f *facts) {
			f.packed().copy("ccat.buffer", opsdb.Present).task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress)
		}, []string{"ship ccat.buffer>cologne.buffer running/working "}},
		{"cologne down during the transfer", func(f *facts) {
			f.packed().copy("ccat.buffer", opsdb.Present).siteDown("cologne").task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress)
		}, []string{"ship ccat.buffer>cologne.buffer running/working ", "ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"at cologne: archived there and replicated", func(f *facts) {
			f.packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Present)
		}, []string{"replicate cologne.buffer>cornell.buffer ready/ready fresh", "archive cologne.buffer>cologne.lta ready/ready fresh"}},
		{"cologne down after", func(f *facts) {
			f.packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Present).siteDown("cologne")
		}, []string{"replicate cologne.buffer>cornell.buffer waiting/site_down fresh", "archive cologne.buffer>cologne.lta waiting/site_down fresh"}},
		{"cut between the archives", func(f *facts) {
			f.packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Present).copy("cologne.lta", opsdb.Present).linkDown("cologne>cornell")
		}, []string{"replicate cologne.buffer>cornell.buffer waiting/link_down fresh"}},
		{"archived everywhere", func(f *facts) {
			f.packed().copy("cologne.lta", opsdb.Present).copy("cornell.lta", opsdb.Present)
		}, nil},
		{"an archive copy found corrupt", func(f *facts) {
			f.packed().copy("cologne.lta", opsdb.Quarantined).copy("cornell.lta", opsdb.Present)
		}, []string{"recall cornell.lta>cologne.buffer ready/ready repair"}},
		{"an archive lacks it, buffers cleaned", func(f *facts) { f.packed().copy("cologne.lta", opsdb.Present) },
			[]string{"recall cologne.lta>cornell.buffer ready/ready backfill"}},
		{"request with only Cornell", func(f *facts) {
			f.packed().copy("cornell.lta", opsdb.Present).copy("cologne.lta", opsdb.Present).locationDown("cologne.lta", "offline")
			f.f.Requests = []opsdb.StagingRequest{{Package: f.f.Package.ID, Location: "cologne.ramses", Who: "ann"}}
		}, []string{"process cornell.lta>cologne.ramses ready/ready request"}},
		{"no copy left", func(f *facts) {
			f.packed().at("ccat.primecam").State = opsdb.Deleted
		}, []string{"archive cologne.buffer>cologne.lta blocked/no_copy fresh", "archive cornell.buffer>cornell.lta blocked/no_copy fresh"}},
		{"packed again from intact source files", func(f *facts) { f.packed().copy("ccat.buffer", opsdb.Quarantined) },
			[]string{"pack ccat.primecam>ccat.buffer ready/ready fresh"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell"))
			c.set(f)
			if diff := cmp.Diff(c.want, show(f.evaluate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// send_once outranks cost and what is down, also while the first crossing is only planned or under way, and with no `choose` that would settle it (B7, B8).
func TestSendOnceOutranksOtherWays(t *testing.T) {
	t.Parallel()
	planned := []string{"ship ccat.buffer>cologne.buffer ready/ready fresh"}
	underWay := []string{"ship ccat.buffer>cologne.buffer running/working "}
	for _, c := range []struct {
		name string
		set  func(*facts)
		want []string
	}{
		{"planned, and cut between the archives", func(f *facts) { f.linkDown("cologne>cornell") }, planned},
		{"planned, and slow between the archives", func(f *facts) { f.g.Links["cologne>cornell"].Bandwidth = 1000 }, planned},
		{"under way, and cut between the archives", func(f *facts) {
			f.linkDown("cologne>cornell").task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress)
		}, underWay},
		{"under way, and slow between the archives", func(f *facts) {
			f.g.Links["cologne>cornell"].Bandwidth = 1000
			f.task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress)
		}, underWay},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := ccat("cologne", "cornell")
			stageOf(g, "ship").Choose = ""
			f := newFacts(g).packed().copy("ccat.buffer", opsdb.Present)
			c.set(f)
			if diff := cmp.Diff(c.want, show(f.evaluate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// All bytes at another site are enough to have left once, also when nobody there can read them back now: they wait for
// the site, and only the receipt is fetched when it is back. A site that lets packages leave again lets them do so.
func TestWhatArrivedDoesNotCrossAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*facts)
		want []string
	}{
		{"its site is up", func(*facts) {}, []string{"ship ccat.buffer>cologne.buffer ready/ready fresh"}},
		{"its site is down", func(f *facts) { f.siteDown("cologne") }, []string{"ship ccat.buffer>cologne.buffer waiting/site_down fresh"}},
		{"its buffer is full", func(f *facts) { f.locationDown("cologne.buffer", "full") }, []string{"ship ccat.buffer>cologne.buffer waiting/full fresh"}},
		{"its site is down, and packages may leave again", func(f *facts) {
			f.siteDown("cologne")
			f.g.Locations["ccat.buffer"].Site.SendAgainAfter = time.Hour
		}, []string{"ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"nothing is said of once", func(f *facts) {
			f.siteDown("cologne")
			f.g.Locations["ccat.buffer"].Site.SendOnce = false
		}, []string{"ship ccat.buffer>cornell.buffer ready/ready fresh"}},
		{"its site is down, and nothing leads there any more", func(f *facts) {
			f.siteDown("cologne")
			for _, s := range f.g.Routes[0].Stages {
				s.Moves = slices.DeleteFunc(s.Moves, func(m *graph.Move) bool { return m.To.Name == "cologne.buffer" })
			}
		}, []string{"ship ccat.buffer>cornell.buffer ready/ready fresh", "archive cologne.buffer>cologne.lta blocked/no_way fresh"}},
		{"another site has it", func(f *facts) { f.copy("cornell.buffer", opsdb.Present) },
			[]string{"replicate cornell.buffer>cologne.buffer ready/ready fresh", "archive cornell.buffer>cornell.lta ready/ready fresh"}},
		{"it arrived at another site, too", func(f *facts) { f.copy("cornell.buffer", opsdb.Arrived) }, []string{"ship ccat.buffer>cologne.buffer ready/ready fresh"}},
		{"it arrived at another site, too, and its site is down", func(f *facts) { f.copy("cornell.buffer", opsdb.Arrived).siteDown("cologne") },
			[]string{"ship ccat.buffer>cornell.buffer ready/ready fresh"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell")).packed().copy("ccat.buffer", opsdb.Present).copy("cologne.buffer", opsdb.Arrived)
			c.set(f)
			if diff := cmp.Diff(c.want, show(f.evaluate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}
