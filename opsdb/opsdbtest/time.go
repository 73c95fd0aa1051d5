package opsdbtest

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testTime is S7: time only delays.
func testTime(t *testing.T, open Open) {
	d := newDesk(t, open)
	observed := start()
	for _, c := range []struct {
		name         string
		wall, passed time.Duration
		virtual      bool
		gain         time.Duration
		suspect      bool
	}{
		{"the first tick of a process counts nothing", 10 * time.Minute, 0, false, 0, false},
		{"they agree", time.Minute, time.Minute, false, time.Minute, false},
		{"the store's clock is a little slow", time.Minute, 2 * time.Minute, false, time.Minute, false},
		{"the store's clock is a little fast", 2 * time.Minute, time.Minute, false, time.Minute, false},
		{"a virtual clock is taken at its word", 14 * 24 * time.Hour, 0, true, 14 * 24 * time.Hour, false},
		{"the store's clock jumps", time.Hour, time.Second, false, 0, true},
		{"nothing counts while it is suspect", 30 * time.Minute, 30 * time.Minute, false, 0, true},
		{"it jumps again and the hour begins anew", time.Hour, time.Second, false, 0, true},
		{"not yet an hour", 59 * time.Minute, 59 * time.Minute, false, 0, true},
		{"one quiet hour", time.Minute, time.Minute, false, 0, false},
		{"and on", time.Minute, time.Minute, false, time.Minute, false},
		{"the store's clock stands still for long", 0, 6 * time.Minute, false, 0, true},
	} {
		d.clock.Advance(c.wall)
		d.check(d.store.Tick(t.Context(), c.passed, c.virtual))
		observed = observed.Add(c.gain)
		w, err := d.store.World(t.Context())
		d.check(err)
		if !w.Observed.Equal(observed) || w.TimeSuspect != c.suspect {
			t.Fatalf("%s: observed %s, want %s; suspect %v", c.name, w.Observed, observed, w.TimeSuspect)
		}
	}
	p := d.pack(1)
	e := d.evaluation(p)
	e.Causes = []string{opsdb.CauseTime}
	d.save(e)
	for range 2 {
		d.check(d.store.ConfirmTime(t.Context(), "ada"))
	}
	if !d.dirty(p.ID) {
		t.Error("what waited for the time was not woken")
	}
	if w, err := d.store.World(t.Context()); err != nil || w.TimeSuspect {
		t.Fatalf("confirmed and still suspect, %v", err)
	}
	if d.events(opsdb.EventTimeSuspect) != 2 || d.events(opsdb.EventTimeConfirmed) != 2 {
		t.Error("events do not say so")
	}
}
