package opsdbtest

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testBrake(t *testing.T, open Open) {
	for name, limit := range map[string]opsdb.Spent{"bytes": {Bytes: 1000, Packages: 5}, "packages": {Bytes: 1 << 40, Packages: 2}} {
		t.Run(name, func(t *testing.T) { t.Parallel(); testBrakeOf(t, open, limit) })
	}
}

func testBrakeOf(t *testing.T, open Open, limit opsdb.Spent) {
	d := newDesk(t, open)
	var packs []opsdb.Package
	for range 4 {
		p := d.archived(1)
		d.condemn(p, "cologne.buffer")
		packs = append(packs, p)
	}
	d.condemn(packs[3], "ccat.buffer")
	d.advance(2 * time.Hour)
	removeAt := func(at string, p opsdb.Package, when string, want opsdb.Refusal) {
		t.Helper()
		e := d.evaluation(p, d.move(p, "delete", "delete", at, at))
		limited := policy()
		limited.Brake = limit
		e.Policies[at] = limited
		if out := d.try(grant(d.save(e)[0])); out.Refusal != want {
			t.Fatalf("%s: %+v", when, out)
		}
	}
	remove := func(p opsdb.Package, when string, want opsdb.Refusal) {
		t.Helper()
		removeAt("cologne.buffer", p, when, want)
	}
	counted := func(when string, want opsdb.Spent) {
		t.Helper()
		if w, err := d.store.World(t.Context()); err != nil || w.Deleted["cologne.buffer"] != want {
			t.Errorf("%s: counted %+v, %v", when, w.Deleted, err)
		}
	}
	remove(packs[0], "the first deletion", opsdb.Granted)
	d.advance(30 * time.Minute)
	remove(packs[1], "the second deletion", opsdb.Granted)
	remove(packs[2], "the third deletion", opsdb.NoBrake)
	removeAt("ccat.buffer", packs[3], "at another place", opsdb.Granted)
	counted("at once", opsdb.Spent{Bytes: 1000, Packages: 2})
	d.advance(28 * time.Minute)
	remove(packs[2], "58 minutes after the first", opsdb.NoBrake)
	counted("58 minutes after the first", opsdb.Spent{Bytes: 1000, Packages: 2})
	d.advance(2 * time.Minute)
	counted("an hour after the first", opsdb.Spent{Bytes: 500, Packages: 1})
	remove(packs[2], "an hour after the first", opsdb.Granted)
	remove(packs[3], "with two in the hour again", opsdb.NoBrake)
	d.advance(time.Hour)
	counted("an hour after the last", opsdb.Spent{})
}

// A copy larger than the bytes of an hour goes alone: when nothing else went, and nothing goes with it (S14).
func testBrakeOfALargeCopy(t *testing.T, open Open) {
	d := newDesk(t, open)
	var packs []opsdb.Package
	for range 2 {
		p := d.archived(1)
		d.condemn(p, "cologne.buffer")
		packs = append(packs, p)
	}
	d.advance(2 * time.Hour)
	for i, want := range []opsdb.Refusal{opsdb.Granted, opsdb.NoBrake} {
		e := d.evaluation(packs[i], d.move(packs[i], "delete", "delete", "cologne.buffer", "cologne.buffer"))
		limited := policy()
		limited.Brake = opsdb.Spent{Bytes: 499, Packages: 9}
		e.Policies["cologne.buffer"] = limited
		if out := d.try(grant(d.save(e)[0])); out.Refusal != want {
			t.Fatalf("copy %d of 500 bytes, under a brake of 499: %+v", i+1, out)
		}
	}
}

// What could not be deleted and is condemned again has its whole grace again, in which a person can stop it (S14).
func testGraceAfterAFailure(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	a := d.claim(d.remove(p, "cologne.buffer").Task.ID)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Permanent, Text: "read-only"}, d.clock.Now(), true, opsdb.Outcome{}))
	d.advance(24 * time.Hour)
	d.condemn(p, "cologne.buffer")
	d.stateAt(p.ID, "cologne.buffer", opsdb.DeletionPossible)
	d.advance(59 * time.Minute)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.GateShut {
		t.Fatalf("in its second grace: %+v", out)
	}
	d.advance(time.Minute)
	if out := d.remove(p, "cologne.buffer"); out.Refusal != opsdb.Granted {
		t.Fatalf("after its second grace: %+v", out)
	}
}
