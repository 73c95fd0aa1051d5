package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// program compiles an expression on the CCAT places.
func program(t testing.TB, kind expr.Kind, source string) *expr.Program {
	t.Helper()
	var list diag.List
	p := expr.Compile(kind, source, expr.At(diag.Place{}), expr.Names{
		Locations: []string{"ccat.buffer", "cologne.lta", "cornell.lta"}, Sets: []string{"archives", "landing"}}, &list)
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

func window(t testing.TB, source string) *expr.Window {
	t.Helper()
	w, err := expr.ParseWindow(source)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// rule gives a place a retention rule.
func rule(t testing.TB, g *graph.Graph, at, deleteWhen string) {
	t.Helper()
	r := g.Routes[0]
	r.Retention.Rules = append(r.Retention.Rules, &graph.Rule{Location: g.Locations[at], When: program(t, expr.Delete, deleteWhen)})
}

// done is a package that is in both archives and nowhere else but at places.
func (f *facts) done(places ...string) *facts {
	f.packed().copy("cologne.lta", opsdb.Present).copy("cornell.lta", opsdb.Present)
	for _, at := range places {
		f.copy(at, opsdb.Present)
	}
	return f
}

// inBuffer is a package that is packed and has gone nowhere.
func (f *facts) inBuffer() *facts { return f.packed().copy("ccat.buffer", opsdb.Present) }

type reasonCase struct {
	reason   engine.Reason
	stage    string
	from, to string
	set      func(t *testing.T, f *facts)
}

// ship and pack are moves that many cases look at.
func shipCase(r engine.Reason, set func(t *testing.T, f *facts)) reasonCase {
	return reasonCase{r, "ship", "ccat.buffer", "cologne.buffer", func(t *testing.T, f *facts) { f.inBuffer(); set(t, f) }}
}

func deleteCase(r engine.Reason, at string, set func(t *testing.T, f *facts)) reasonCase {
	return reasonCase{r, "delete", at, at, set}
}

func wayCases() []reasonCase {
	return []reasonCase{
		{engine.HaveCopy, "pack", "ccat.primecam", "ccat.buffer", func(_ *testing.T, f *facts) { f.inBuffer() }},
		{engine.FreshReceipt, "scrub", "cologne.lta", "cologne.lta", func(_ *testing.T, f *facts) { f.done() }},
		shipCase(engine.WhenFalse, func(t *testing.T, f *facts) {
			stageOf(f.g, "ship").When = program(t, expr.When, `package.program == "Cal"`)
		}),
		{engine.NotRequested, "process", "cologne.lta", "cologne.ramses", func(_ *testing.T, f *facts) { f.done() }},
		{engine.NotWanted, "ship", "ccat.buffer", "cologne.buffer", func(_ *testing.T, f *facts) { f.done() }},
		shipCase(engine.SitePlanned, func(_ *testing.T, f *facts) { f.g.Sites[1].State = opsdb.SitePlanned }),
		shipCase(engine.SiteLost, func(_ *testing.T, f *facts) { f.g.Sites[1].State = opsdb.SiteLost }),
		{engine.AnotherWay, "recall", "cologne.lta", "cornell.buffer", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.lta", opsdb.Present).copy("cologne.buffer", opsdb.Present)
		}},
		{engine.LeftOut, "process", "cologne.lta", "cologne.ramses", func(_ *testing.T, f *facts) {
			f.done().locationDown("cologne.lta", "offline")
			f.f.Requests = []opsdb.StagingRequest{{Location: "cologne.ramses"}}
		}},
		{engine.SendOnce, "ship", "ccat.buffer", "cornell.buffer", func(_ *testing.T, f *facts) { f.inBuffer() }},
		{engine.EarlierHop, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) { f.inBuffer() }},
		{engine.SourceComing, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.inBuffer().task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress)
		}},
		shipCase(engine.BeingDeleted, func(_ *testing.T, f *facts) { f.copy("cologne.buffer", opsdb.DeletionInProgress) }),
		shipCase(engine.OtherTask, func(_ *testing.T, f *facts) { f.task("recall", "cornell.lta", "cologne.buffer", opsdb.TaskPending) }),
		{engine.NoCopy, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) { f.packed().f.Copies = nil }},
		{engine.NoWay, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.inBuffer()
			stageOf(f.g, "ship").Moves = nil
		}},
		{engine.NoRoute, "pack", "ccat.primecam", "ccat.buffer", func(_ *testing.T, f *facts) { f.f.Package.Route = "gone" }},
		{engine.Superseded, "pack", "ccat.primecam", "ccat.buffer", func(_ *testing.T, f *facts) {
			f.f.Package.Files, f.f.Package.Quarantined = 0, "every file changed"
		}},
		{engine.NoDriver, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present)
			stageOf(f.g, "archive").Moves[0].NoDriver = "s3"
		}},
		{engine.TooLarge, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present)
			f.g.Locations["cologne.lta"].Capacity = f.f.Package.Size - 1
		}},
		shipCase(engine.BadExpression, func(t *testing.T, f *facts) { stageOf(f.g, "ship").When = program(t, expr.Priority, "1") }),
		{engine.NeedsOther, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present)
			stageOf(f.g, "archive").Needs = []*graph.Stage{stageOf(f.g, "replicate")}
		}},
	}
}

func gateCases() []reasonCase {
	failed := func(c opsdb.FailureClass) func(*testing.T, *facts) {
		return func(_ *testing.T, f *facts) {
			f.task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskFailed).Failure = &opsdb.Failure{Class: c, Text: "it broke"}
			f.linkDown("ccat>cornell")
		}
	}
	return []reasonCase{
		shipCase(engine.Held, func(_ *testing.T, f *facts) { f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldMove, Who: "ann", Why: "odd"}} }),
		shipCase(engine.InQuarantine, func(_ *testing.T, f *facts) { f.f.Package.Quarantined = "a file differs" }),
		shipCase(engine.Paused, func(_ *testing.T, f *facts) {
			f.world.Pauses["route:raw"] = opsdb.Pause{Subject: "route:raw", Who: "ann"}
		}),
		shipCase(engine.OutsideWindow, func(t *testing.T, f *facts) { stageOf(f.g, "ship").Window = window(t, "* 3 * * *") }),
		shipCase(engine.Backoff, func(_ *testing.T, f *facts) {
			f.task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskPending).NextTry = f.now.Add(time.Minute)
		}),
		shipCase(engine.Unclaimed, func(_ *testing.T, f *facts) {
			f.task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskScheduled).LeaseUntil = f.now
		}),
		shipCase(engine.AttemptsUsed, failed(opsdb.Transient)),
		shipCase(engine.FailedData, failed(opsdb.BadData)),
		shipCase(engine.FailedConfig, failed(opsdb.BadConfig)),
		shipCase(engine.FailedForGood, failed(opsdb.Permanent)),
		shipCase(engine.CanGo, func(*testing.T, *facts) {}),
		shipCase(engine.Dispatched, func(_ *testing.T, f *facts) { f.task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskScheduled) }),
		shipCase(engine.Working, func(_ *testing.T, f *facts) { f.task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskInProgress) }),
		{engine.SiteDown, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present).siteDown("cologne")
		}},
		{engine.LocationDown, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present).locationDown("cologne.lta", "offline")
		}},
		{engine.LocationFull, "archive", "cologne.buffer", "cologne.lta", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present).locationDown("cologne.lta", "full")
		}},
		{engine.LinkDown, "replicate", "cologne.buffer", "cornell.buffer", func(_ *testing.T, f *facts) {
			f.packed().copy("cologne.buffer", opsdb.Present).linkDown("cologne>cornell")
		}},
	}
}

func deleteCases() []reasonCase {
	always := func(t *testing.T, f *facts, at string) {
		rule(t, f.g, at, "archived >= 1 || archived_all(\"archives\")")
	}
	buffer := func(r engine.Reason, set func(*testing.T, *facts)) reasonCase {
		return deleteCase(r, "ccat.buffer", func(t *testing.T, f *facts) {
			always(t, f, "ccat.buffer")
			f.done("ccat.buffer")
			set(t, f)
		})
	}
	files := func(r engine.Reason, set func(*testing.T, *facts)) reasonCase {
		return deleteCase(r, "ccat.primecam", func(t *testing.T, f *facts) {
			always(t, f, "ccat.primecam")
			f.done()
			set(t, f)
		})
	}
	return []reasonCase{
		deleteCase(engine.KeepRule, "ccat.buffer", func(t *testing.T, f *facts) {
			rule(t, f.g, "ccat.buffer", "age >= days(14)")
			f.done("ccat.buffer")
		}),
		deleteCase(engine.NoRule, "ccat.buffer", func(_ *testing.T, f *facts) { f.done("ccat.buffer") }),
		deleteCase(engine.KeptArchive, "cologne.lta", func(_ *testing.T, f *facts) { f.done() }),
		deleteCase(engine.StillWanted, "ccat.buffer", func(_ *testing.T, f *facts) { f.inBuffer() }),
		buffer(engine.RequireArchived, func(_ *testing.T, f *facts) { f.g.Routes[0].Retention.Require = 3 }),
		buffer(engine.StaleReceipt, func(_ *testing.T, f *facts) { f.g.Routes[0].Retention.Fresh = time.Hour }),
		buffer(engine.BeingRead, func(_ *testing.T, f *facts) { f.task("ship", "ccat.buffer", "cornell.buffer", opsdb.TaskInProgress) }),
		buffer(engine.TimeSuspect, func(_ *testing.T, f *facts) { f.world.TimeSuspect = true }),
		buffer(engine.Restored, func(_ *testing.T, f *facts) { f.world.Restored = &opsdb.Restored{Why: "it ends before what was seen"} }),
		buffer(engine.Condemning, func(*testing.T, *facts) {}),
		buffer(engine.InGrace, func(_ *testing.T, f *facts) {
			f.at("ccat.buffer").State, f.at("ccat.buffer").CondemnedAge = opsdb.DeletionPossible, f.now
		}),
		deleteCase(engine.NotPacked, "ccat.primecam", func(t *testing.T, f *facts) {
			rule(t, f.g, "ccat.primecam", "age >= seconds(0)")
			f.f.Gone = 1
		}),
		files(engine.FilesUnclaimed, func(_ *testing.T, f *facts) { f.f.Unclaimed = 2 }),
		files(engine.PeersUnwilling, func(_ *testing.T, f *facts) {
			f.at("ccat.primecam").State, f.at("ccat.primecam").CondemnedAge = opsdb.DeletionPossible, f.now.Add(-2*day)
			f.f.Peers = []opsdb.Peer{{Package: "0198a000-0000-7000-8000-00000000000b"}}
		}),
	}
}

// TestReasons produces every reason, holds it against its verdict, and asks
// why: the explanation names the same reason and what would make it move.
func TestReasons(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(wayCases(), gateCases(), deleteCases()) {
		t.Run(string(c.reason), func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell"))
			c.set(t, f)
			d := decision(f.evaluate(), c.stage, c.from, c.to)
			if d.Reason != c.reason || d.Verdict != c.reason.Verdict() {
				t.Errorf("%s %s>%s is %s, %s (%s)", c.stage, c.from, c.to, d.Verdict, d.Reason, d.Text)
			}
			x := engine.Why(f.g, f.world, f.f, f.now)
			i := slices.IndexFunc(x.Decisions, func(e engine.Explained) bool { return e.Stage == c.stage && e.From == c.from && e.To == c.to })
			if i < 0 || x.Decisions[i].Reason != c.reason || x.Decisions[i].Meaning == "" || x.Decisions[i].Remedy == "" {
				t.Errorf("why does not say %s:\n%s", c.reason, x.Text())
			}
		})
	}
}

// TestEveryReasonIsProduced ranges over the enumeration: none is without a
// case, and none without a meaning.
func TestEveryReasonIsProduced(t *testing.T) {
	t.Parallel()
	produced := map[engine.Reason]bool{engine.NoRoom: true, engine.NoSlot: true, engine.NoBrake: true, engine.NotTogether: true} // see TestArrange, TestBatches
	for _, c := range slices.Concat(wayCases(), gateCases(), deleteCases()) {
		produced[c.reason] = true
	}
	seen := map[engine.Reason]bool{}
	for _, m := range engine.Reasons() {
		if !produced[m.Reason] {
			t.Errorf("no case produces %s", m.Reason)
		}
		if m.Text == "" || m.Remedy == "" || m.Verdict == "" || seen[m.Reason] {
			t.Errorf("%s: %+v", m.Reason, m)
		}
		seen[m.Reason] = true
	}
	for r := range produced {
		if !seen[r] {
			t.Errorf("%s has no meaning", r)
		}
	}
}
