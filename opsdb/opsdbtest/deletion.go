package opsdbtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testDeletion is the truth table of D1 through the front door: what shuts the
// gate at dispatch must shut it right before the act, too.
func testDeletion(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		shut func(d *desk, p opsdb.Package)
		dispatch,
		confirm bool // whether the change can be made before dispatch, and while the task runs
	}{
		{"nothing", func(*desk, opsdb.Package) {}, false, false},
		{"held", func(d *desk, p opsdb.Package) { d.hold(p, "", opsdb.HoldDelete) }, true, true},
		{"held here", func(d *desk, p opsdb.Package) { d.hold(p, "cologne.buffer", opsdb.HoldAll) }, true, true},
		{"a witness is held", func(d *desk, p opsdb.Package) { d.hold(p, "cornell.lta", opsdb.HoldDelete) }, true, true},
		{"a witness is corrupt", func(d *desk, p opsdb.Package) { d.spoil(p, "cornell.lta", false) }, true, true},
		{"a witness is lost", func(d *desk, p opsdb.Package) { d.spoil(p, "cornell.lta", true) }, true, true},
		{"a witness read wrong", func(d *desk, p opsdb.Package) { d.misread(p, "cologne.lta") }, true, true},
		{"receipts are old", func(d *desk, _ opsdb.Package) { d.advance(101 * 24 * time.Hour) }, true, true},
		{"wanted", func(d *desk, p opsdb.Package) {
			e := d.evaluation(p)
			e.Wanted = []string{"cologne.buffer"}
			d.save(e)
		}, false, true},
		{"no rule any more", func(d *desk, p opsdb.Package) {
			e := d.evaluation(p)
			e.Policies = nil
			d.save(e)
		}, false, true},
		{"more archives required", func(d *desk, p opsdb.Package) {
			e := d.evaluation(p)
			e.Policies["cologne.buffer"] = opsdb.Policy{Require: 3}
			d.save(e)
		}, false, true},
		{"a site is lost", func(d *desk, _ opsdb.Package) {
			m := places()
			m.Sites[2].State = opsdb.SiteLost
			d.activate("lost", m)
		}, true, true},
		{"the routes have changed", func(d *desk, _ opsdb.Package) { d.activate("changed", places()) }, false, true},
		{"being read", func(d *desk, p opsdb.Package) {
			d.schedule(p, "replicate", "transfer", "cologne.buffer", "cologne.ramses")
		}, true, true},
		{"the database was put back", func(d *desk, _ opsdb.Package) {
			d.check(d.store.MarkRestored(d.Context(), "person:ada", "from the back-up"))
		}, true, false},
		{"the clock jumped", func(d *desk, _ opsdb.Package) { d.jump() }, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.dispatch || !c.confirm {
				d := newDesk(t, open)
				p := d.condemned()
				c.shut(d, p)
				want := opsdb.GateShut
				if !c.dispatch {
					want = opsdb.Granted
				}
				if out := d.remove(p, "cologne.buffer"); out.Refusal != want {
					t.Errorf("dispatch: %q (%s), want %q", out.Refusal, out.Text, want)
				}
				d.balanced()
			}
			if c.confirm {
				testConfirmShut(t, open, c.shut)
			}
		})
	}
	t.Run("grace", func(t *testing.T) { t.Parallel(); testGrace(t, open) })
	t.Run("grace begins", func(t *testing.T) { t.Parallel(); testGraceBegins(t, open) })
	t.Run("grace after a failure", func(t *testing.T) { t.Parallel(); testGraceAfterAFailure(t, open) })
	t.Run("brake", func(t *testing.T) { t.Parallel(); testBrake(t, open) })
	t.Run("brake of a large copy", func(t *testing.T) { t.Parallel(); testBrakeOfALargeCopy(t, open) })
	t.Run("archive", func(t *testing.T) { t.Parallel(); testArchiveStays(t, open) })
	t.Run("twice", func(t *testing.T) { t.Parallel(); testConfirmTwice(t, open) })
	t.Run("kept", func(t *testing.T) { t.Parallel(); testKept(t, open) })
	t.Run("failed", func(t *testing.T) { t.Parallel(); testDeletionFails(t, open) })
}

// condemned is a package whose grace at Cologne's buffer is over.
func (d *desk) condemned() opsdb.Package {
	d.Helper()
	p := d.archived(2)
	d.condemn(p, "cologne.buffer")
	d.advance(2 * time.Hour)
	return p
}

func (d *desk) hold(p opsdb.Package, location string, kind opsdb.HoldKind) opsdb.Hold {
	d.Helper()
	h, err := d.store.Hold(d.Context(), opsdb.Hold{Package: p.ID, Location: location, Kind: kind, Who: "ada", Why: "look at it"})
	d.check(err)
	return h
}

// spoil has a verify task find the copy at a place corrupt or lost.
func (d *desk) spoil(p opsdb.Package, location string, lost bool) {
	d.Helper()
	c := d.copyAt(p.ID, location)
	a := d.claim(d.schedule(p, "scrub", "verify", location, location).ID)
	d.finish(a, opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: c.ID, Reason: "bad", Lost: lost}})
}

// misread records a reading of the copy at a place that is wrong.
func (d *desk) misread(p opsdb.Package, location string) {
	d.Helper()
	c := d.copyAt(p.ID, location)
	d.check(d.store.RecordReceipts(d.Context(), []opsdb.Receipt{{ID: opsdb.NewID(), Package: p.ID, Location: location, Path: c.Path, Digest: "ffff", Size: 500, Worker: "w"}}))
}

// jump moves the store's clock by an hour of which nobody saw more than a second pass.
func (d *desk) jump() {
	d.Helper()
	d.clock.Advance(time.Hour)
	d.check(d.store.Tick(d.Context(), time.Second, false))
	d.present()
}

func testConfirmShut(t *testing.T, open Open, shut func(*desk, opsdb.Package)) {
	d := newDesk(t, open)
	p := d.condemned()
	out := d.remove(p, "cologne.buffer")
	if out.Refusal != opsdb.Granted {
		t.Fatal(out)
	}
	a := d.claim(out.Task.ID)
	shut(d, p)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	var no *opsdb.Objection
	if !errors.As(err, &no) || no.Rule == "" || no.Reason == "" || no.Text == "" {
		t.Fatalf("confirm: %v", err)
	}
	if c := d.copyAt(p.ID, "cologne.buffer"); c.State != opsdb.Present || !c.CondemnedAge.IsZero() {
		t.Errorf("copy %+v", c)
	}
	if got, err := d.store.Task(t.Context(), a.Task.ID); err != nil || got.State != opsdb.TaskWithdrawn {
		t.Errorf("task is %s, %v", got.State, err)
	}
	if d.events(opsdb.EventDeletionKept) != 1 || d.events(opsdb.EventDeleting) != 0 {
		t.Error("events do not say so")
	}
	d.balanced()
}

func testGrace(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.GateShut {
		t.Fatalf("not condemned: %+v", out)
	}
	d.condemn(p, "cologne.buffer")
	d.advance(59 * time.Minute)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.GateShut {
		t.Fatalf("in its grace: %+v", out)
	}
	d.clock.Advance(24 * time.Hour) // nobody saw this time passing
	d.present()
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.GateShut {
		t.Fatalf("unseen time was counted: %+v", out)
	}
	d.check(d.store.Tick(t.Context(), 24*time.Hour, false))
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.Granted {
		t.Fatalf("after its grace: %+v", out)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.DeletionScheduled)
}

// testGraceBegins: a pass that takes long condemns late in it; the grace begins then, not when the pass did.
func testGraceBegins(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	d.clock.Advance(4 * time.Minute)
	d.condemn(p, "cologne.buffer")
	d.advance(59 * time.Minute)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.GateShut {
		t.Fatalf("in its grace: %+v", out)
	}
	d.advance(time.Minute)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.Granted {
		t.Fatalf("after its grace: %+v", out)
	}
}

// Nothing is removed in an archive (S3), whatever the evaluation says.
func testArchiveStays(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	d.condemn(p, "cologne.lta")
	d.advance(2 * time.Hour)
	e := d.evaluation(p, d.move(p, "delete", "delete", "cologne.lta", "cologne.lta"))
	e.Policies["cologne.lta"] = opsdb.Policy{Require: 1}
	if out := d.try(grant(d.save(e)[0])); out.Refusal != opsdb.GateShut {
		t.Fatalf("an archive copy: %+v", out)
	}
}

// A worker asks after the rename and once more before the unlink; another
// attempt asks anew. One proof is written for each.
func testConfirmTwice(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	a := d.claim(d.remove(p, "cologne.buffer").Task.ID)
	for range 2 {
		proof, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
		d.check(err)
		if len(proof.Receipts) != 2 || proof.Fresh != "2400h0m0s" || proof.Files != 0 {
			t.Fatalf("proof %+v", proof)
		}
	}
	if n := d.events(opsdb.EventDeleting); n != 1 {
		t.Errorf("%d proofs", n)
	}
	d.clock.Advance(lease)
	_, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	b := d.claim(a.Task.ID)
	_, err = d.store.Confirm(t.Context(), b.Task.ID, b.Task.Token)
	d.check(err)
	d.finish(b, opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Deleted}})
	if n := d.events(opsdb.EventDeleting); n != 2 {
		t.Errorf("%d proofs", n)
	}
	if d.copyAt(p.ID, "cologne.buffer").ID != "" || d.events(opsdb.EventDeleted) != 1 {
		t.Error("not deleted")
	}
	d.balanced()
}

// lifted lifts the quarantine of a package whose files differed: everything is looked at anew.
func (d *desk) lifted(p opsdb.Package) {
	d.Helper()
	d.check(d.store.Lift(d.Context(), p.ID, "ada", "the file was put back"))
	if f := d.facts(p.ID); f.Package.Quarantined != "" || !d.dirty(p.ID) {
		d.Errorf("still quarantined: %q, dirty %v", f.Package.Quarantined, d.dirty(p.ID))
	}
	if d.copyAt(p.ID, "cologne.lta").VerifyAsked.IsZero() {
		d.Error("its copies are not read again")
	}
	if err := d.store.Lift(d.Context(), p.ID, "ada", ""); !errors.Is(err, opsdb.ErrNotFound) {
		d.Errorf("lifted twice: %v", err)
	}
	if d.events(opsdb.EventLifted) != 1 {
		d.Error("events do not say so")
	}
	d.condemn(p, "ccat.primecam")
	d.advance(2 * time.Hour)
	a := d.claim(d.remove(p, "ccat.primecam").Task.ID)
	_, err := d.store.Confirm(d.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.finish(a, opsdb.Outcome{Kept: []opsdb.ChangedMember{{File: d.known()[0].ID, Reason: "its digest differs"}}})
	if f := d.facts(p.ID); f.Package.Quarantined == "" || f.Gone != 0 {
		d.Errorf("files that differ again: %+v", f.Package)
	}
}

// A source file differs from its member at the moment of deletion: it stays (D5).
func testKept(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(2)
	d.condemn(p, "ccat.primecam")
	d.advance(2 * time.Hour)
	a := d.claim(d.remove(p, "ccat.primecam").Task.ID)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.finish(a, opsdb.Outcome{Kept: []opsdb.ChangedMember{{File: d.known()[0].ID, Reason: "its digest differs"}}})
	f := d.facts(p.ID)
	if f.Package.Quarantined == "" || f.Gone != 0 {
		t.Fatalf("package %+v", f.Package)
	}
	d.stateAt(p.ID, "ccat.primecam", opsdb.Present)
	if q := f.Package.Quarantined; !strings.Contains(q, opsdb.ShowPath(d.known()[0].Path)+" (its digest differs)") {
		d.Errorf("a person is not told which file: %q", q)
	}
	if d.events(opsdb.EventFileKept) != 1 {
		t.Error("nobody was told")
	}
	d.condemn(p, "ccat.primecam")
	d.advance(2 * time.Hour)
	if out := d.remove(p, "ccat.primecam"); out.Refusal != opsdb.GateShut {
		t.Errorf("a quarantined package: %+v", out)
	}
	d.blockedAndArchived(p)
	d.lifted(p)
	d.balanced()
}

// A deletion under way is not given up: it backs off and goes on, or a person is told.
func testDeletionFails(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	a := d.claim(d.remove(p, "cologne.buffer").Task.ID)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "busy"}, d.clock.Now(), true, opsdb.Outcome{}))
	e := d.evaluation(p, d.move(p, "delete", "delete", "cologne.buffer", "cologne.buffer"))
	e.Withdraw = []opsdb.ID{a.Task.ID}
	out := d.try(grant(d.save(e)[0]))
	if out.Refusal != opsdb.Granted || out.Task.ID != a.Task.ID {
		t.Fatalf("again %+v", out)
	}
	b := d.claim(a.Task.ID)
	_, err = d.store.Confirm(t.Context(), b.Task.ID, b.Task.Token)
	d.check(err)
	d.check(d.store.Fail(t.Context(), b.Task.ID, b.Task.Token, opsdb.Failure{Class: opsdb.Permanent, Text: "read-only"}, d.clock.Now(), true, opsdb.Outcome{}))
	if c := d.copyAt(p.ID, "cologne.buffer"); c.State != opsdb.DeletionFailed || c.Reason != "read-only" {
		t.Fatalf("copy %+v", c)
	}
	w, err := d.store.World(t.Context())
	d.check(err)
	if w.Deleted["cologne.buffer"].Packages != 1 {
		t.Errorf("the brake counted %+v", w.Deleted)
	}
	for _, at := range []string{"cologne.buffer", "cologne.lta"} { // S2: a copy is made where none is, nor one that could not be deleted
		m := d.move(p, "ship", "transfer", "ccat.buffer", at)
		if out := d.try(grant(d.save(d.evaluation(p, m))[0])); out.Refusal != opsdb.StaleFacts {
			t.Errorf("another copy at %s: %+v", at, out)
		}
	}
	d.check(d.store.Retry(t.Context(), b.Task.ID, "ada", "mended"))
	again := d.move(p, "delete", "delete", "cologne.buffer", "cologne.buffer")
	e = d.evaluation(p, again)
	e.Condemn = []opsdb.ID{again.TargetCopy}
	d.save(e)
	d.advance(2 * time.Hour)
	if a := d.claim(d.remove(p, "cologne.buffer").Task.ID); a.Task.ID == b.Task.ID || len(a.Earlier) != 1 || a.Earlier[0] != b.Task.ID {
		t.Errorf("the deletion that was given up is not told to the next: %v", a.Earlier)
	}
}

// blockedAndArchived: a package that needs a person counts as pending until it is in every archive, as any other.
func (d *desk) blockedAndArchived(p opsdb.Package) {
	d.Helper()
	deletes, archives := d.move(p, "delete", "delete", "ccat.primecam", "ccat.primecam"), d.move(p, "archive", "archive", "cornell.buffer", "cornell.lta")
	for _, c := range []struct {
		open    []opsdb.OpenMove
		pending bool
	}{{[]opsdb.OpenMove{deletes, archives}, true}, {[]opsdb.OpenMove{deletes}, false}, {nil, false}} {
		d.save(d.evaluation(p, c.open...))
		totals, err := d.store.Totals(d.Context())
		d.check(err)
		if totals.Packages["blocked"] != 1 || totals.OldestPending.IsZero() == c.pending {
			d.Errorf("%d open moves: packages %v, the oldest file that is not in every archive is of %s", len(c.open), totals.Packages, totals.OldestPending)
		}
	}
}
