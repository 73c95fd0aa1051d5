package opsdbtest

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testPartlyDown: what is full or read-only is read and emptied on. That this goes well says nothing of writing there:
// only the package that is let through as its probe, when it has written, or a worker's own look, closes its breaker. What is down for all is up again with the first that works.
func testPartlyDown(t *testing.T, open Open) {
	for reason, stays := range map[string]bool{"full": true, "read_only": true, "offline": false} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open)
			reader, waits := d.packed(1), d.packed(1)
			d.bring(reader, "ship", "transfer", "ccat.buffer", "cologne.buffer")
			early := d.sends(d.packed(1))
			late := d.packed(1)
			d.bring(late, "ship", "transfer", "ccat.buffer", "cologne.buffer")
			reads := d.claim(d.schedule(reader, "archive", "archive", "cologne.buffer", "cologne.lta").ID)
			d.refuses(d.sends(d.packed(1)), "location:cologne.buffer", reason)
			d.waitsFor(waits, "cologne.buffer")
			d.clock.Advance(time.Second)
			d.finish(reads, good(reads, opsdb.Present))
			if down := d.place("cologne.buffer"); (down != nil) != stays || down != nil && down.Reason != reason {
				t.Fatalf("after something was read there: %+v", down)
			}
			if !stays {
				return
			}
			d.later(d.place("cologne.buffer").Next.Sub(d.clock.Now()))
			if down := d.place("cologne.buffer"); !down.Open(waits.ID) || down.Open(reader.ID) {
				t.Fatalf("half open: %+v", down)
			}
			d.finish(early, good(early, opsdb.Present)) // it had its room before
			again := d.claim(d.schedule(late, "archive", "archive", "cologne.buffer", "cologne.lta").ID)
			d.finish(again, good(again, opsdb.Present))
			if down := d.place("cologne.buffer"); down == nil || !down.Open(waits.ID) {
				t.Fatalf("half open, and others than the probe worked there: %+v", down)
			}
			d.bring(waits, "ship", "transfer", "ccat.buffer", "cologne.buffer")
			if down := d.place("cologne.buffer"); down != nil || d.events(opsdb.EventBreakerClosed) != 1 {
				t.Errorf("after its probe wrote there: %+v, %d events", down, d.events(opsdb.EventBreakerClosed))
			}
			d.balanced()
		})
	}
}

// place is what is wrong with a location.
func (d *desk) place(name string) *opsdb.Down {
	d.Helper()
	w, err := d.store.World(d.Context())
	d.check(err)
	return w.Locations[name].Down
}

// waitsFor saves that a package waits for a location over the ocean.
func (d *desk) waitsFor(p opsdb.Package, location string) {
	d.Helper()
	m := d.move(p, "ship", "transfer", "ccat.buffer", location)
	m.Verdict, m.Reason = "waiting", "location_down"
	e := d.evaluation(p, m)
	e.Causes = []string{"location:" + location}
	d.save(e)
}
