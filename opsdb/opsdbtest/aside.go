package opsdbtest

import (
	"errors"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// aside is where a worker moved a bad copy to.
const aside = opsdb.QuarantineDir + "/t/raw/obs/p.tar"

// testMovedAside are two that read one bad copy at once: one moves it, and the other finds it gone. Whoever tells first,
// OpsDB knows in the end where it lies.
func testMovedAside(t *testing.T, open Open) {
	t.Run("in any order", func(t *testing.T) { t.Parallel(); testToldInAnyOrder(t, open) })
	t.Run("failing", func(t *testing.T) { t.Parallel(); testFailsAndMoved(t, open) })
	t.Run("made again", func(t *testing.T) { t.Parallel(); testMovedAndMadeAgain(t, open) })
	t.Run("site lost", func(t *testing.T) { t.Parallel(); testMovedAndSiteLost(t, open) })
	t.Run("inventory", func(t *testing.T) { t.Parallel(); testMovedDuringInventory(t, open) })
	t.Run("not its reader", func(t *testing.T) { t.Parallel(); testMovedByNoReader(t, open) })
	t.Run("lift", func(t *testing.T) { t.Parallel(); testMovedAndLifted(t, open) })
}

// readers have the copy at Cologne's buffer in hand: one unpacks it, the other re-reads it.
func (d *desk) readers(p opsdb.Package) (unpacks, rereads opsdb.Assignment) {
	d.Helper()
	unpacks = d.claim(d.schedule(p, "unpack", "stage", "cologne.buffer", "cologne.ramses").ID)
	rereads = d.claim(d.schedule(p, "scrub", "verify", "cologne.buffer", "cologne.buffer").ID)
	return unpacks, rereads
}

// moved is the outcome of who moved a bad copy away.
func moved(c opsdb.Copy, to string) opsdb.Outcome {
	bad := opsdb.Receipt{ID: opsdb.NewID(), Package: c.Package, Location: c.Location, Path: c.Path, Digest: "ffff", Size: 500, Worker: "w"}
	return opsdb.Outcome{Receipts: []opsdb.Receipt{bad}, Corrupt: &opsdb.Corrupt{Copy: c.ID, Reason: "one byte differs", MovedTo: to}}
}

// gone is the outcome of who found none.
func gone(c opsdb.Copy) opsdb.Outcome {
	return opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: c.ID, Reason: "it is not there", Lost: true}}
}

// copyNow is a copy as it is now.
func (d *desk) copyNow(c opsdb.Copy) opsdb.Copy {
	d.Helper()
	for _, now := range d.facts(c.Package).Copies {
		if now.ID == c.ID {
			return now
		}
	}
	return opsdb.Copy{}
}

// isAside checks that a copy is known to be bad and to lie where it was moved to, said once.
func (d *desk) isAside(c opsdb.Copy) {
	d.Helper()
	now := d.copyNow(c)
	if now.State != opsdb.Quarantined || now.Before != c.State || now.Path != aside || now.Live() || now.Verified() {
		d.Errorf("the bad copy is %s, was %s, lies at %s", now.State, now.Before, now.Path)
	}
	if n := d.events(opsdb.EventQuarantined); n != 1 {
		d.Errorf("it was said %d times to be in quarantine", n)
	}
	d.balanced()
}

func testToldInAnyOrder(t *testing.T, open Open) {
	inPlace := func(c opsdb.Copy) opsdb.Outcome { return moved(c, "") } // at another site, whose workers alone move it
	for name, c := range map[string]struct {
		first func(opsdb.Copy) opsdb.Outcome
		state opsdb.CopyState // when the other one has told
		lost  int
	}{
		"gone":                 {gone, opsdb.Lost, 1},
		"wrong, and not moved": {inPlace, opsdb.Quarantined, 0},
		"moved":                {nil, opsdb.Present, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open)
			p := d.packed(1)
			d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
			unpacks, rereads := d.readers(p)
			other := d.claim(d.schedule(p, "archive", "archive", "cologne.buffer", "cologne.lta").ID)
			bad := d.copyAt(p.ID, "cologne.buffer")
			if c.first != nil {
				d.finish(rereads, c.first(bad))
			}
			d.stateAt(p.ID, "cologne.buffer", c.state)
			d.balanced()
			d.save(d.evaluation(p))
			out := moved(bad, aside)
			for range 2 {
				d.finish(unpacks, out)
				d.isAside(bad)
			}
			if c.first == nil {
				d.finish(rereads, gone(bad))
			}
			d.finish(other, moved(bad, aside+"2")) // nobody can: it was moved once
			d.isAside(bad)
			if now := d.copyNow(bad); now.Reason != "one byte differs" || !now.CondemnedAge.IsZero() || now.Receipt == nil || now.Receipt.Digest != "ffff" {
				t.Errorf("it is %+v, its reading %+v", now, now.Receipt)
			}
			if n := d.events(opsdb.EventCopyLost); n != c.lost {
				t.Errorf("it was said %d times to be lost", n)
			}
			w, err := d.store.World(t.Context())
			if d.check(err); w.Locations["cologne.buffer"].Used != 500 || !d.dirty(p.ID) {
				t.Errorf("what lies there takes %d bytes; looked at again: %v", w.Locations["cologne.buffer"].Used, d.dirty(p.ID))
			}
		})
	}
}

// Who fails may have moved it as well.
func testFailsAndMoved(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	unpacks, rereads := d.readers(p)
	bad := d.copyAt(p.ID, "cologne.buffer")
	d.finish(rereads, gone(bad))
	for range 2 {
		d.check(d.store.Fail(t.Context(), unpacks.Task.ID, unpacks.Task.Token, opsdb.Failure{Class: opsdb.BadData, Text: "bad bytes"}, d.clock.Now(), true, moved(bad, aside)))
		d.isAside(bad)
	}
}

// The copy that was made in its place meanwhile is another one, beside it, and stays as it is.
func testMovedAndMadeAgain(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	unpacks, rereads := d.readers(p)
	bad := d.copyAt(p.ID, "cologne.buffer")
	d.finish(rereads, gone(bad))
	g := grant(d.save(d.evaluation(p, d.move(p, "restore", "transfer", "cologne.lta", "cologne.buffer")))[0])
	g.Path = "raw/obs/p.r1.tar"
	r := d.claim(d.try(g).Task.ID)
	d.finish(r, good(r, opsdb.Present))
	again := d.copyAt(p.ID, "cologne.buffer")
	if again.ID == bad.ID || !again.Verified() {
		t.Fatalf("made again: %+v", again)
	}
	d.finish(unpacks, moved(bad, aside))
	d.isAside(bad)
	if now := d.copyNow(again); !now.Verified() || now.Path != again.Path || now.Receipt == nil || now.Receipt.ID != again.Receipt.ID {
		t.Errorf("the new one is %+v", now)
	}
}

// A copy that was lost with its site, and known to be bad, does not stand again with it.
func testMovedAndSiteLost(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	unpacks, _ := d.readers(p)
	bad, whole := d.copyAt(p.ID, "cologne.buffer"), d.copyAt(p.ID, "cologne.lta")
	m := places()
	m.Sites[1].State = opsdb.SiteLost
	d.activate("lost", m)
	e := d.evaluation(p)
	e.Lose = []opsdb.ID{bad.ID, whole.ID}
	d.save(e)
	d.stateAt(p.ID, "cologne.buffer", opsdb.Lost)
	d.finish(unpacks, moved(bad, aside))
	d.isAside(bad)
	d.activate("found", places())
	d.stateAt(p.ID, "cologne.lta", opsdb.Present)
	d.isAside(bad)
}

// An inventory leaves what a task is at to the task; of what it says itself nobody is left to say anything else.
func testMovedDuringInventory(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	bad := d.copyAt(p.ID, "cologne.buffer")
	a := d.claim(d.schedule(p, "scrub", "verify", "cologne.buffer", "cologne.buffer").ID)
	missed := opsdb.Inventory{Location: "cologne.buffer", Who: "ada", Lost: []opsdb.ID{bad.ID}}
	d.check(d.store.Inventoried(t.Context(), missed))
	d.stateAt(p.ID, "cologne.buffer", opsdb.Present)
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Permanent, Text: "no"}, d.clock.Now(), true, opsdb.Outcome{}))
	d.check(d.store.Inventoried(t.Context(), missed))
	d.stateAt(p.ID, "cologne.buffer", opsdb.Lost)
	if _, err := d.store.Finish(t.Context(), a.Task.ID, a.Task.Token, moved(bad, aside)); !errors.Is(err, opsdb.ErrStale) {
		t.Errorf("a task that ended: %v", err)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Lost)
	d.balanced()
}

// A task that has nothing to do with a lost copy says nothing of it; nor does a lost copy come into quarantine where it lay.
func testMovedByNoReader(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	unpacks, rereads := d.readers(p)
	other := d.claim(d.schedule(p, "scrub", "verify", "cologne.lta", "cologne.lta").ID)
	bad := d.copyAt(p.ID, "cologne.buffer")
	d.finish(rereads, gone(bad))
	d.finish(other, moved(bad, aside))
	d.finish(unpacks, moved(bad, ""))
	if now := d.copyNow(bad); now.State != opsdb.Lost || now.Path != bad.Path || now.Reason != "it is not there" || d.events(opsdb.EventQuarantined) > 0 {
		t.Errorf("the lost copy is %+v", now)
	}
	d.balanced()
}

// A person's lift of the package is about its source files, and leaves the bad copy where it is.
func testMovedAndLifted(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(2)
	unpacks, rereads := d.readers(p)
	bad := d.copyAt(p.ID, "cologne.buffer")
	d.finish(rereads, gone(bad))
	d.finish(unpacks, moved(bad, aside))
	d.isAside(bad)
	d.condemn(p, "ccat.primecam")
	d.advance(2 * time.Hour)
	a := d.claim(d.remove(p, "ccat.primecam").Task.ID)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.finish(a, opsdb.Outcome{Kept: []opsdb.ChangedMember{{File: d.known()[0].ID, Reason: "its digest differs"}}})
	d.lifted(p)
	if now := d.copyNow(bad); now.State != opsdb.Quarantined || now.Path != aside || !now.VerifyAsked.IsZero() {
		t.Errorf("the bad copy is %+v", now)
	}
	d.balanced()
}
