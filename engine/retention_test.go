package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// TestRetention is scenario D1: the table of copies, states, holds and
// freshness, for the copy in the buffer of Chile. A case starts from a
// package that is in both archives and may go.
func TestRetention(t *testing.T) {
	t.Parallel()
	const buffer = "ccat.buffer"
	condemned := func(f *facts, ago time.Duration) {
		f.at(buffer).State, f.at(buffer).CondemnedAge = opsdb.DeletionPossible, f.now.Add(-ago)
	}
	for _, c := range []struct {
		name   string
		set    func(*facts)
		reason engine.Reason
		act    string // condemn, pardon, go or ""
	}{
		{"archived twice", func(*facts) {}, engine.Condemning, "condemn"},
		{"archived once", func(f *facts) { f.at("cornell.lta").State = opsdb.Quarantined }, engine.KeepRule, ""},
		{"archived twice at one site", func(f *facts) { f.at("cornell.lta").Location = "cologne.lta2" }, engine.KeepRule, ""},
		{"an archive copy has only arrived", func(f *facts) { f.at("cornell.lta").State = opsdb.Arrived }, engine.KeepRule, ""},
		{"an archive copy is lost", func(f *facts) { f.at("cornell.lta").State = opsdb.Lost }, engine.KeepRule, ""},
		{"a receipt with another digest", func(f *facts) { f.at("cornell.lta").Receipt.Digest = "d2" }, engine.RequireArchived, ""},
		{"a receipt with another size", func(f *facts) { f.at("cornell.lta").Receipt.Size-- }, engine.RequireArchived, ""},
		{"a receipt from the future", func(f *facts) { f.at("cornell.lta").Receipt.At = f.now.Add(time.Hour) }, engine.StaleReceipt, ""},
		{"a receipt just fresh", func(f *facts) { f.at("cornell.lta").Receipt.At = f.now.Add(-120 * day) }, engine.Condemning, "condemn"},
		{"a receipt too old", func(f *facts) { f.at("cornell.lta").Receipt.At = f.now.Add(-120*day - 1) }, engine.StaleReceipt, ""},
		{"an archive is unreachable, its receipt is fresh", func(f *facts) { f.siteDown("cornell") }, engine.Condemning, "condemn"},
		{"held everywhere", func(f *facts) { f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete}} }, engine.Held, ""},
		{"held here", func(f *facts) { f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldAll, Location: buffer}} }, engine.Held, ""},
		{"a hold on moving only", func(f *facts) { f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldMove}} }, engine.Condemning, "condemn"},
		{"the archive copy is held and does not count", func(f *facts) { f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete, Location: "cornell.lta"}} }, engine.RequireArchived, ""},
		{"the package is quarantined", func(f *facts) { f.f.Package.Quarantined = "odd" }, engine.InQuarantine, ""},
		{"condemned, in its grace", func(f *facts) { condemned(f, day-1) }, engine.InGrace, ""},
		{"condemned, grace over", func(f *facts) { condemned(f, day) }, engine.CanGo, "go"},
		{"grace counts observed time", func(f *facts) { condemned(f, 2*day); f.world.Observed = f.now.Add(-36 * time.Hour) }, engine.InGrace, ""},
		{"grace stands still while the time is suspect", func(f *facts) { condemned(f, 2*day); f.world.TimeSuspect = true }, engine.TimeSuspect, ""},
		{"nothing is condemned while the time is suspect", func(f *facts) { f.world.TimeSuspect = true }, engine.TimeSuspect, ""},
		{"condemned, then held", func(f *facts) { condemned(f, 2*day); f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete}} }, engine.Held, "pardon"},
		{"condemned, then an archive copy is lost", func(f *facts) { condemned(f, 2*day); f.at("cornell.lta").State = opsdb.Lost }, engine.KeepRule, "pardon"},
		{"condemned, then stale", func(f *facts) { condemned(f, 2*day); f.at("cornell.lta").Receipt.At = f.now.Add(-121 * day) }, engine.StaleReceipt, "pardon"},
		{"grace over, but paused", func(f *facts) {
			condemned(f, day)
			f.world.Pauses["location:"+buffer] = opsdb.Pause{Who: "ann"}
		}, engine.Paused, ""},
		{"grace over, and the place is full: only so it gets room", func(f *facts) { condemned(f, day); f.locationDown(buffer, "full") }, engine.CanGo, "go"},
		{"grace over, but the place is read-only", func(f *facts) { condemned(f, day); f.locationDown(buffer, "read_only") }, engine.LocationDown, ""},
		{"grace over, but the place is not mounted", func(f *facts) { condemned(f, day); f.locationDown(buffer, "offline") }, engine.LocationDown, ""},
		{"grace over, but the site is down", func(f *facts) { condemned(f, day); f.siteDown("ccat") }, engine.SiteDown, ""},
		{"condemned, then the route is gone", func(f *facts) { condemned(f, 2*day); f.f.Package.Route = "gone" }, "", "pardon"},
		{"scheduled", func(f *facts) {
			condemned(f, day)
			f.at(buffer).State = opsdb.DeletionScheduled
			f.task("delete", buffer, buffer, opsdb.TaskScheduled).TargetCopy = f.at(buffer).ID
		}, engine.Dispatched, ""},
		{"backing off", func(f *facts) {
			condemned(f, day)
			f.at(buffer).State = opsdb.DeletionInProgress
			task := f.task("delete", buffer, buffer, opsdb.TaskPending)
			task.TargetCopy, task.NextTry = f.at(buffer).ID, f.now.Add(time.Minute)
		}, engine.Backoff, ""},
		{"backed off", func(f *facts) {
			f.at(buffer).State = opsdb.DeletionInProgress
			f.task("delete", buffer, buffer, opsdb.TaskPending).TargetCopy = f.at(buffer).ID
		}, engine.CanGo, "go"},
		{"failed for good", func(f *facts) {
			f.at(buffer).State = opsdb.DeletionFailed
			f.task("delete", buffer, buffer, opsdb.TaskFailed).Failure = &opsdb.Failure{Class: opsdb.Permanent, Text: "read-only file"}
		}, engine.FailedForGood, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell"))
			rule(t, f.g, buffer, "archived >= 2")
			f.done(buffer)
			c.set(f)
			r := f.evaluate()
			d := decision(r, "delete", buffer, buffer)
			if d.Reason != c.reason {
				t.Errorf("%s (%s), want %s", d.Reason, d.Text, c.reason)
			}
			if diff := cmp.Diff(c.act, actOn(r, f.at(buffer).ID)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// actOn is what a result does to a copy.
func actOn(r engine.Result, id opsdb.ID) string {
	for act, ids := range map[string][]opsdb.ID{"condemn": r.Condemn, "pardon": r.Pardon} {
		for _, i := range ids {
			if i == id {
				return act
			}
		}
	}
	for _, m := range r.Moves {
		if m.TargetCopy == id && m.Verdict == "ready" {
			return "go"
		}
	}
	return ""
}

// TestStaleReceiptIsReadAtOnce: what stands in the way of a deletion is read
// back outside of the window and before the cycle is up.
func TestStaleReceiptIsReadAtOnce(t *testing.T) {
	t.Parallel()
	f := newFacts(ccat("cologne", "cornell"))
	scrub := stageOf(f.g, "scrub")
	scrub.Window, scrub.Every = window(t, "* 3 * * *"), 365*day
	rule(t, f.g, "ccat.buffer", "archived >= 2")
	f.done("ccat.buffer").at("cornell.lta").Receipt.At = f.now.Add(-121 * day)
	r := f.evaluate()
	if d := decision(r, "scrub", "cornell.lta", "cornell.lta"); d.Reason != engine.CanGo {
		t.Errorf("the stale copy: %s (%s)", d.Reason, d.Text)
	}
	if d := decision(r, "scrub", "cologne.lta", "cologne.lta"); d.Reason != engine.FreshReceipt {
		t.Errorf("the fresh copy: %s (%s)", d.Reason, d.Text)
	}
	f.at("ccat.buffer").State = opsdb.Deleted
	if d := decision(f.evaluate(), "scrub", "cornell.lta", "cornell.lta"); d.Reason != engine.FreshReceipt {
		t.Errorf("nothing hangs on it: %s (%s)", d.Reason, d.Text)
	}
}

// TestVerifyCycle: due by age, in the window, or when a person asks.
func TestVerifyCycle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		age    time.Duration
		asked  bool
		window string
		want   engine.Reason
	}{
		{"young", 89 * day, false, "", engine.FreshReceipt},
		{"due", 90 * day, false, "", engine.CanGo},
		{"due, outside the window", 90 * day, false, "* 3 * * *", engine.OutsideWindow},
		{"due, in the window", 90 * day, false, "* 12 * * *", engine.CanGo},
		{"asked", time.Hour, true, "* 3 * * *", engine.CanGo},
		{"due, and the archive is full", 90 * day, false, "", engine.CanGo},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell")).done()
			f.at("cologne.lta").Receipt.At = f.now.Add(-c.age)
			if c.asked {
				f.at("cologne.lta").VerifyAsked = f.now
			}
			if strings.Contains(c.name, "full") {
				f.locationDown("cologne.lta", "full")
			}
			if c.window != "" {
				stageOf(f.g, "scrub").Window = window(t, c.window)
			}
			if d := decision(f.evaluate(), "scrub", "cologne.lta", "cologne.lta"); d.Reason != c.want {
				t.Errorf("%s (%s), want %s", d.Reason, d.Text, c.want)
			}
		})
	}
}

// TestWakeTimes: what changes by itself is looked at when it changes.
func TestWakeTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(t *testing.T, f *facts)
		want time.Duration // from now
	}{
		{"nothing but the cycle of verify", func(_ *testing.T, f *facts) { f.done() }, 89 * day},
		{"the age in a rule", func(t *testing.T, f *facts) {
			rule(t, f.g, "ccat.primecam", "age >= days(14)")
			f.done()
		}, 13 * day},
		{"grace", func(t *testing.T, f *facts) {
			rule(t, f.g, "ccat.buffer", "archived >= 2")
			f.done("ccat.buffer")
			f.at("ccat.buffer").State, f.at("ccat.buffer").CondemnedAge = opsdb.DeletionPossible, f.now.Add(-20*time.Hour)
		}, 4 * time.Hour},
		{"a window", func(t *testing.T, f *facts) {
			f.inBuffer()
			stageOf(f.g, "ship").Window = window(t, "* 14 * * *")
		}, 2 * time.Hour},
		{"a retry", func(_ *testing.T, f *facts) {
			f.inBuffer().task("ship", "ccat.buffer", "cologne.buffer", opsdb.TaskPending).NextTry = f.now.Add(time.Minute)
		}, time.Minute},
		{"the age in a when", func(t *testing.T, f *facts) {
			f.inBuffer()
			stageOf(f.g, "ship").When = program(t, "when", "age >= hours(30)")
		}, 6 * time.Hour},
		{"a site that sends again", func(_ *testing.T, f *facts) {
			f.inBuffer().copy("cologne.buffer", opsdb.Present)
			f.g.Sites[0].SendAgainAfter = 3 * day
		}, 2 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell"))
			c.set(t, f)
			if got := f.evaluate().WakeAt.Sub(f.now); got != c.want {
				t.Errorf("wakes in %s, want %s", got, c.want)
			}
		})
	}
}
