package opsdbtest

import (
	"maps"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// What a move waited for is kept with it, goes with the task, and ends with the claim. What comes after that
// attempt, another piece or another try, begins anew.
func testWaits(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	m := d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	m.Waits = opsdb.Waits("").At("window", d.clock.Now()).At("ready", d.clock.Now().Add(time.Hour))
	d.advance(time.Hour)
	saved := d.save(d.evaluation(p, m))[0]
	if saved.Waits != m.Waits {
		t.Fatalf("saved %q, want %q", saved.Waits, m.Waits)
	}
	saved.Verdict, saved.Reason = "waiting", "slot"
	d.check(d.store.Waiting(t.Context(), []opsdb.OpenMove{saved}))
	d.advance(10 * time.Minute)
	queued, err := d.store.Ready(t.Context(), 10)
	d.check(err)
	d.spent("left waiting", queued[0].Waits, map[string]time.Duration{"window": time.Hour, "slot": 10 * time.Minute})
	out := d.try(grant(queued[0]))
	d.advance(time.Second)
	a := d.claim(out.Task.ID)
	d.waited("the first piece", a, map[string]time.Duration{"window": time.Hour, "slot": 10 * time.Minute, opsdb.ForClaim: time.Second})
	d.advance(time.Minute)
	d.finish(a, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 500}})
	d.advance(2 * time.Second)
	a = d.claim(a.Task.ID)
	d.waited("the second piece", a, map[string]time.Duration{opsdb.ForClaim: 2 * time.Second})
	d.advance(lease)
	_, err = d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	d.advance(3 * time.Second)
	a = d.claim(a.Task.ID)
	d.waited("after a lost lease", a, map[string]time.Duration{opsdb.ForClaim: 3 * time.Second})
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "broken pipe"}, d.clock.Now().Add(time.Minute), true, opsdb.Outcome{}))
	m = d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	m.Waits = opsdb.Waits("").At("backoff", d.clock.Now())
	d.advance(time.Minute)
	g := grant(d.save(d.evaluation(p, m))[0])
	g.Piece = opsdb.Receive
	again := d.try(g)
	d.advance(time.Second)
	a = d.claim(again.Task.ID)
	d.waited("another try", a, map[string]time.Duration{"backoff": time.Minute, opsdb.ForClaim: time.Second})
	d.check(d.store.RevokeLeases(t.Context()))
	d.advance(4 * time.Second)
	d.waited("after a restart", d.claim(a.Task.ID), map[string]time.Duration{opsdb.ForClaim: 4 * time.Second})
}

// waited holds what an attempt waited for, until it was claimed, against what it should be.
func (d *desk) waited(when string, a opsdb.Assignment, want map[string]time.Duration) {
	d.Helper()
	if !a.Task.UpdatedAt.Equal(d.clock.Now()) {
		d.Errorf("%s: claimed at %s, not now", when, a.Task.UpdatedAt)
	}
	d.spent(when, a.Task.Waits, want)
}

func (d *desk) spent(when string, w opsdb.Waits, want map[string]time.Duration) {
	d.Helper()
	if got := w.Spent(d.clock.Now()); !maps.Equal(got, want) {
		d.Errorf("%s: waited %v, want %v", when, got, want)
	}
}
