package opsdbtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testSafety are cases in which two actors, a crash or a person come in between.
func testSafety(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"claimed too late", testClaimedTooLate},
		{"asked for again", testAskedForAgain},
		{"cut short and held", testCutShortAndHeld},
		{"no after yes", testNoAfterYes},
		{"cut short and missing", testCutShortAndMissing},
		{"another type", testAnotherType},
		{"lost and found", testLostAndFound},
		{"peer of another revision", testPeerOfAnotherRevision},
		{"another source copy", testAnotherSourceCopy},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.test(t, open) })
	}
}

// testClaimedTooLate: after the claim deadline the engine may send a package another way; nobody claims the old task then.
func testClaimedTooLate(t *testing.T, open Open) {
	d := newDesk(t, open)
	task := d.schedule(d.packed(1), "ship", "transfer", "ccat.buffer", "cologne.buffer")
	d.clock.Advance(claimBy)
	if _, err := d.store.Claim(t.Context(), task.ID, "w", lease); !errors.Is(err, opsdb.ErrNotClaim) {
		t.Fatalf("claim after the deadline: %v", err)
	}
}

// testAskedForAgain: a staging request that was opened after the evaluation keeps the copy.
func testAskedForAgain(t *testing.T, open Open) {
	testConfirmShut(t, open, func(d *desk, p opsdb.Package) {
		_, err := d.store.Request(t.Context(), opsdb.StagingRequest{Package: p.ID, Location: "cologne.buffer", Who: "ada"})
		d.check(err)
	})
}

// cut lets the deletion of a copy be confirmed and fail then.
func (d *desk) cut(p opsdb.Package, location string) opsdb.Assignment {
	d.Helper()
	a := d.claim(d.remove(p, location).Task.ID)
	_, err := d.store.Confirm(d.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.check(d.store.Fail(d.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "cut short"}, d.clock.Now(), true, opsdb.Outcome{}))
	return a
}

// testCutShortAndHeld: what an attempt holds can only be put back by a worker;
// so the task goes out again whatever the gate says now, and the worker is told no.
func testCutShortAndHeld(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	d.cut(p, "cologne.buffer")
	d.hold(p, "", opsdb.HoldDelete)
	out := d.remove(p, "cologne.buffer")
	if out.Refusal != opsdb.Granted {
		t.Fatalf("a deletion that was cut short: %+v", out)
	}
	a := d.claim(out.Task.ID)
	var no *opsdb.Objection
	if _, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token); !errors.As(err, &no) || no.Reason != "held" {
		t.Fatalf("confirm: %v", err)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Present)
	d.balanced()
}

// testNoAfterYes: an attempt that was told yes may hold bytes in .trash. A no
// leaves its task open, so that they are put back whatever happens to the
// worker; only an attempt that holds nothing yet ends the deletion.
func testNoAfterYes(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	a := d.claim(d.remove(p, "cologne.buffer").Task.ID)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.hold(p, "", opsdb.HoldDelete)
	var no *opsdb.Objection
	if _, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token); !errors.As(err, &no) || !no.Again {
		t.Fatalf("the second confirm: %v", err)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.DeletionInProgress)
	d.check(d.store.Later(t.Context(), a.Task.ID, a.Task.Token, d.clock.Now(), no.Text))
	out := d.remove(p, "cologne.buffer")
	if out.Refusal != opsdb.Granted || out.Task.ID != a.Task.ID {
		t.Fatalf("again: %+v", out)
	}
	b := d.claim(a.Task.ID)
	if _, err := d.store.Confirm(t.Context(), b.Task.ID, b.Task.Token); !errors.As(err, &no) || no.Again {
		t.Fatalf("the next attempt's confirm: %v", err)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Present)
	d.balanced()
}

// testCutShortAndMissing: files that a deletion removed before it was taken back are deleted, not lost.
func testCutShortAndMissing(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(2)
	p := d.carry(d.closeGroup(d.route("raw", "k", files)))
	d.condemn(p, "ccat.primecam")
	d.advance(2 * time.Hour)
	d.cut(p, "ccat.primecam")
	d.hold(p, "", opsdb.HoldDelete)
	a := d.claim(d.remove(p, "ccat.primecam").Task.ID)
	var no *opsdb.Objection
	if _, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token); !errors.As(err, &no) {
		t.Fatalf("confirm: %v", err)
	}
	d.check(d.store.Missing(t.Context(), "ccat.primecam", []opsdb.ID{files[0].ID}))
	left, err := d.store.Files(t.Context(), opsdb.Query{})
	d.check(err)
	states := map[opsdb.ID]opsdb.CopyState{}
	for _, f := range left {
		states[f.ID] = f.State
	}
	if states[files[0].ID] != opsdb.Deleted || states[files[1].ID] != opsdb.Present {
		t.Fatalf("files are %v", states)
	}
	if d.facts(p.ID).Gone != 1 || d.events(opsdb.EventFileDeleted) != 1 {
		t.Errorf("gone %d, events %d", d.facts(p.ID).Gone, d.events(opsdb.EventFileDeleted))
	}
	d.balanced()
}

// testAnotherType: an archive that holds something does not become a place in which something is deleted (S3).
func testAnotherType(t *testing.T, open Open) {
	d := newDesk(t, open)
	d.archived(1)
	m := places()
	for i := range m.Locations {
		if m.Locations[i].Name == "cologne.lta" {
			m.Locations[i].Type = opsdb.Buffer
		}
	}
	_, err := d.store.Activate(t.Context(), opsdb.Revision{Digest: "other", Text: "{}", Who: "ada"}, m)
	if !errors.Is(err, opsdb.ErrInUse) || !strings.Contains(err.Error(), "cologne.lta") || !strings.Contains(err.Error(), "1 copies") {
		t.Fatalf("an archive with a copy becomes a buffer: %v", err)
	}
}

// testLostAndFound: copies stand again with their site, and speak for nothing before they were read again.
func testLostAndFound(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	was := d.copyAt(p.ID, "cornell.lta")
	m := places()
	m.Sites[2].State = opsdb.SiteLost
	d.activate("lost", m)
	e := d.evaluation(p)
	e.Lose = []opsdb.ID{was.ID, d.copyAt(p.ID, "cornell.buffer").ID}
	d.save(e)
	d.activate("still lost", func() opsdb.Mirror { m.Links = nil; return m }())
	d.stateAt(p.ID, "cornell.lta", opsdb.Lost)
	d.activate("found", places())
	c := d.copyAt(p.ID, "cornell.lta")
	if c.State != opsdb.Present || c.Receipt != nil || c.VerifyAsked.IsZero() || c.Reason != "" || d.events(opsdb.EventCopyFound) != 2 {
		t.Fatalf("found again: %+v, %d events", c, d.events(opsdb.EventCopyFound))
	}
	d.condemn(p, "cologne.buffer")
	d.advance(2 * time.Hour)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.GateShut {
		t.Fatalf("what nobody has read since speaks: %+v", out)
	}
	before := d.events(opsdb.EventCopyVerified)
	a := d.claim(d.schedule(p, "scrub", "verify", "cornell.lta", "cornell.lta").ID)
	d.finish(a, opsdb.Outcome{Receipts: []opsdb.Receipt{reading(a, tarDigest, 500)}})
	if c = d.copyAt(p.ID, "cornell.lta"); c.Receipt == nil || !c.VerifyAsked.IsZero() || d.events(opsdb.EventCopyVerified) != before+1 {
		t.Fatalf("read again: %+v", c)
	}
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.Granted {
		t.Fatalf("two archives speak: %+v", out)
	}
	d.balanced()
}

// testPeerOfAnotherRevision: a peer that was not held against the active routes yet has not given its files up (S1f).
func testPeerOfAnotherRevision(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(2)
	g, h := d.route("raw", "k", files), d.route("quick", "k", files)
	first, second := d.carry(d.closeGroup(g)), d.carry(d.closeGroup(h))
	d.condemn(first, "ccat.primecam")
	d.condemn(second, "ccat.primecam")
	d.advance(2 * time.Hour)
	out := d.remove(first, "ccat.primecam")
	if out.Refusal != opsdb.Granted {
		t.Fatalf("both are willing: %+v", out)
	}
	a := d.claim(out.Task.ID)
	d.activate("stricter", places())
	d.save(d.evaluation(first))
	var no *opsdb.Objection
	if _, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token); !errors.As(err, &no) || no.Reason != "peers" {
		t.Fatalf("confirm: %v", err)
	}
}

// testAnotherSourceCopy: a task that goes again reads the copy that stands now.
func testAnotherSourceCopy(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	task := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	a := d.claim(task.ID)
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "cut"}, d.clock.Now(), true, opsdb.Outcome{}))
	d.spoil(p, "ccat.buffer", false)
	d.bring(p, "pack", "package", "ccat.primecam", "ccat.buffer")
	now := d.copyAt(p.ID, "ccat.buffer").ID
	if now == a.Source.ID {
		t.Fatal("the copy was not made again")
	}
	m := d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	m.SourceCopy = now
	out := d.try(grant(d.save(d.evaluation(p, m))[0]))
	if out.Refusal != opsdb.Granted || out.Task.ID != task.ID || out.Task.SourceCopy != now {
		t.Fatalf("the task reads %s, there stands %s: %+v", out.Task.SourceCopy, now, out)
	}
}
