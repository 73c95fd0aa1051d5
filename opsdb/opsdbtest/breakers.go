package opsdbtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testBreakers(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"open":     testBreakerOpens,
		"probe":    testBreakerProbe,
		"hand on":  testProbeHandsOver,
		"alone":    testBreakerAlone,
		"nobody":   testBreakerNobody,
		"attempts": testFailsWhereOthersSucceed,
		"location": testLocationBreaker,
		"partly":   testPartlyDown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// ocean is the link of these tests.
const ocean = "ccat>cologne"

// sends schedules and claims a transfer over the ocean.
func (d *desk) sends(p opsdb.Package) opsdb.Assignment {
	d.Helper()
	return d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
}

// refuses ends an attempt with an environment failure of a subject.
func (d *desk) refuses(a opsdb.Assignment, subject, reason string) {
	d.Helper()
	f := opsdb.Failure{Class: opsdb.Environment, Subject: subject, Reason: reason, Text: "no route to host"}
	d.check(d.store.Fail(d.Context(), a.Task.ID, a.Task.Token, f, d.clock.Now().Add(24*time.Hour), false, opsdb.Outcome{}))
}

func (d *desk) link() *opsdb.Down {
	d.Helper()
	w, err := d.store.World(d.Context())
	d.check(err)
	return w.Links[ocean].Down
}

// waits saves that a package waits for the ocean.
func (d *desk) waits(p opsdb.Package) {
	d.Helper()
	m := d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	m.Verdict, m.Reason = "waiting", "link_down"
	e := d.evaluation(p, m)
	e.Causes = []string{"link:" + ocean}
	d.save(e)
}

// later lets time pass and what is due happen.
func (d *desk) later(by time.Duration) {
	d.Helper()
	d.clock.Advance(by)
	d.present()
	_, err := d.store.Expire(d.Context(), d.clock.Now(), claimBy)
	d.check(err)
}

// cutOcean opens the breaker with three packages, which wait then. The last one is blamed.
func (d *desk) cutOcean() (three []opsdb.Package) {
	d.Helper()
	for range opsdb.BreakerFailures {
		p := d.packed(1)
		d.refuses(d.sends(p), "link:"+ocean, "refused")
		three = append(three, p)
	}
	for _, p := range three {
		d.waits(p)
	}
	return three
}

func testBreakerOpens(t *testing.T, open Open) {
	d := newDesk(t, open)
	for range 2 {
		d.refuses(d.sends(d.packed(1)), "link:"+ocean, "refused")
		if down := d.link(); down != nil {
			t.Fatalf("open too early: %+v", down)
		}
	}
	good := d.packed(1)
	d.bring(good, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	for range 2 { // in a row: the success begins the count anew
		d.refuses(d.sends(d.packed(1)), "link:"+ocean, "refused")
	}
	touched := d.packed(1)
	d.save(d.evaluation(touched, d.move(touched, "ship", "transfer", "ccat.buffer", "cologne.buffer")))
	if d.link() != nil || d.dirty(touched.ID) {
		t.Fatal("open though one succeeded between")
	}
	opened := d.clock.Now()
	d.refuses(d.sends(d.packed(1)), "link:"+ocean, "refused")
	down := d.link()
	if down == nil || down.Reason != "breaker" || down.Text != "3 failures in a row, the last one: refused: no route to host" ||
		!down.Since.Equal(opened) || !down.Next.Equal(opened.Add(opsdb.LinkPause)) || down.Probe != "" {
		t.Fatalf("opened as %+v", down)
	}
	if !d.dirty(touched.ID) || d.events(opsdb.EventBreakerOpened) != 1 {
		t.Errorf("who has a move there is looked at: %v; %d events", d.dirty(touched.ID), d.events(opsdb.EventBreakerOpened))
	}
	if next, err := d.store.NextWake(t.Context()); err != nil || next.After(down.Next) {
		t.Errorf("next wake %s, %v", next, err)
	}
	d.balanced()
}

// One package is let through, another than the one that failed; the pause
// doubles with every probe that fails, and a good one closes the breaker.
func testBreakerProbe(t *testing.T, open Open) {
	d := newDesk(t, open)
	three := d.cutOcean()
	since := d.link().Since
	pause := opsdb.LinkPause
	for range 7 {
		d.later(d.link().Next.Sub(d.clock.Now()))
		probe := d.link().Probe
		blamed := 0
		for i, p := range three {
			if d.dirty(p.ID) != (p.ID == probe) {
				t.Fatalf("package %d is dirty: %v; the probe is %s", i, d.dirty(p.ID), probe.Short())
			}
			if p.ID == probe {
				blamed = i
			}
		}
		if blamed == len(three)-1 {
			t.Fatal("the one that failed last is let through")
		}
		if down := d.link(); !down.Open(probe) || down.Open(three[2].ID) || down.Open("") {
			t.Fatalf("half open: %+v", down)
		}
		d.refuses(d.sends(three[blamed]), "link:"+ocean, "refused")
		d.waits(three[blamed])
		three = append(append(three[:blamed:blamed], three[blamed+1:]...), three[blamed])
		pause = min(2*pause, opsdb.LinkLongest)
		if down := d.link(); !down.Since.Equal(since) || !down.Next.Equal(d.clock.Now().Add(pause)) || down.Probe != "" {
			t.Fatalf("after a probe that failed: %+v at %s, pause %s", down, d.clock.Now(), pause)
		}
	}
	d.later(pause)
	probe := d.link().Probe
	for _, p := range three {
		if p.ID == probe {
			d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
		}
	}
	if d.link() != nil || d.events(opsdb.EventBreakerClosed) != 1 {
		t.Fatalf("still %+v, %d events", d.link(), d.events(opsdb.EventBreakerClosed))
	}
	for _, p := range three {
		if !d.dirty(p.ID) {
			t.Error("who waited for it was not woken")
		}
	}
	d.balanced()
}

// A probe that does not go out hands over to the next; one under way does not.
func testProbeHandsOver(t *testing.T, open Open) {
	d := newDesk(t, open)
	three := d.cutOcean()
	d.later(opsdb.LinkPause)
	first := d.link().Probe
	d.later(10 * time.Minute)
	second := d.link().Probe
	if second == "" || second == first || second == three[2].ID {
		t.Fatalf("handed from %s to %s", first.Short(), second.Short())
	}
	for _, p := range three {
		if p.ID == second {
			a := d.sends(p)
			for range 3 {
				d.check(d.store.Renew(t.Context(), a.Task.ID, a.Task.Token, time.Hour, "moving", 1, 2))
				d.later(10 * time.Minute)
			}
		}
	}
	if got := d.link().Probe; got != second {
		t.Fatalf("while its probe is under way it is handed over to %s", got.Short())
	}
	d.balanced()
}

// If nobody else wants the link, the one that failed tries again.
func testBreakerAlone(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	for range opsdb.BreakerFailures {
		d.refuses(d.sends(p), "link:"+ocean, "refused")
	}
	d.waits(p)
	d.later(opsdb.LinkPause)
	if d.link().Probe != p.ID || !d.dirty(p.ID) {
		t.Fatalf("half open for %+v", d.link())
	}
}

// If nobody wants it at all it closes, and opens again at the first failure, for longer.
func testBreakerNobody(t *testing.T, open Open) {
	d := newDesk(t, open)
	three := d.cutOcean()
	for _, p := range three {
		d.save(d.evaluation(p))
	}
	d.later(opsdb.LinkPause)
	if d.link() != nil {
		t.Fatalf("nobody could ever try it: %+v", d.link())
	}
	d.refuses(d.sends(three[0]), "link:"+ocean, "refused")
	if down := d.link(); down == nil || !down.Next.Equal(d.clock.Now().Add(2*opsdb.LinkPause)) {
		t.Fatalf("after the first failure %+v", down)
	}
}

func testFailsWhereOthersSucceed(t *testing.T, open Open) {
	d := newDesk(t, open)
	odd := d.packed(1)
	for attempts := range 3 {
		d.clock.Advance(time.Second)
		a := d.sends(odd)
		d.refuses(a, "link:"+ocean, "refused")
		if got, err := d.store.Task(t.Context(), a.Task.ID); err != nil || got.Attempts != attempts {
			t.Fatalf("%d attempts count after %d successes of others, %v", got.Attempts, attempts, err)
		}
		d.clock.Advance(time.Second)
		d.bring(d.packed(1), "ship", "transfer", "ccat.buffer", "cologne.buffer")
	}
	if d.link() != nil {
		t.Errorf("the link pays for one package: %+v", d.link())
	}
}

// A location is down at once if there is nothing to doubt, else after some failures; a report closes its breaker.
func testLocationBreaker(t *testing.T, open Open) {
	for _, c := range []struct {
		reason string
		after  int
		shown  string
	}{{"full", 1, "full"}, {"read_only", 1, "read_only"}, {"offline", 1, "offline"}, {"refused", 3, "breaker"}, {"", 3, "breaker"}} {
		t.Run(fmt.Sprintf("%q", c.reason), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open)
			for n := 1; n <= c.after; n++ {
				d.refuses(d.sends(d.packed(1)), "location:cologne.buffer", c.reason)
				w, err := d.store.World(t.Context())
				d.check(err)
				if down := w.Locations["cologne.buffer"].Down; (down != nil) != (n == c.after) || down != nil && down.Reason != c.shown {
					t.Fatalf("after %d: %+v", n, down)
				}
			}
			d.check(d.store.Report(t.Context(), opsdb.LocationReport{Location: "cologne.buffer", Free: 10, Total: 20}))
			w, err := d.store.World(t.Context())
			d.check(err)
			if down := w.Locations["cologne.buffer"].Down; down != nil || d.events(opsdb.EventBreakerClosed) != 1 {
				t.Errorf("after the report %+v", down)
			}
		})
	}
}
