package opsdbtest

import (
	"errors"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

func testOrders(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"holds":    testHolds,
		"requests": testRequests,
		"resends":  testResends,
		"pauses":   testPauses,
		"markers":  testMarkers,

		"pause before the claim": testPauseBeforeTheClaim,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func testHolds(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.pack(1)
	d.save(d.evaluation(p))
	h := d.hold(p, "ccat.buffer", opsdb.HoldMove)
	if !d.dirty(p.ID) || h.ID == "" || !h.At.Equal(d.clock.Now()) {
		t.Fatalf("hold %+v", h)
	}
	if got := d.facts(p.ID).Holds; len(got) != 1 || got[0] != h {
		t.Fatalf("holds %+v", got)
	}
	d.save(d.evaluation(p))
	d.check(d.store.Unhold(t.Context(), h.ID, "bob", "seen"))
	if !d.dirty(p.ID) || len(d.facts(p.ID).Holds) != 0 {
		t.Error("not lifted")
	}
	if err := d.store.Unhold(t.Context(), h.ID, "bob", "seen"); !errors.Is(err, opsdb.ErrNotFound) {
		t.Errorf("lifted twice: %v", err)
	}
	if _, err := d.store.Hold(t.Context(), opsdb.Hold{Package: opsdb.NewID()}); !errors.Is(err, opsdb.ErrNotFound) {
		t.Errorf("an unknown package: %v", err)
	}
	if d.events(opsdb.EventHeld) != 1 || d.events(opsdb.EventUnheld) != 1 {
		t.Error("events do not say so")
	}
}

func testRequests(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.pack(1)
	ask := opsdb.StagingRequest{Package: p.ID, Location: "cologne.ramses", Who: "ada", Why: "reduction"}
	r, err := d.store.Request(t.Context(), ask)
	d.check(err)
	again, err := d.store.Request(t.Context(), ask)
	d.check(err)
	if again != r || !r.Open() {
		t.Fatalf("asked twice: %+v, %+v", r, again)
	}
	d.save(d.evaluation(p))
	for range 2 {
		d.check(d.store.Release(t.Context(), r.ID, "ada"))
	}
	if got := d.facts(p.ID).Requests; len(got) != 1 || got[0].Open() || !d.dirty(p.ID) {
		t.Fatalf("released %+v", got)
	}
	if next, err := d.store.Request(t.Context(), ask); err != nil || next.ID == r.ID {
		t.Fatalf("asked anew: %+v, %v", next, err)
	}
	if err := d.store.Release(t.Context(), opsdb.NewID(), "ada"); !errors.Is(err, opsdb.ErrNotFound) {
		t.Errorf("unknown request: %v", err)
	}
	if d.events(opsdb.EventRequested) != 2 || d.events(opsdb.EventReleased) != 1 {
		t.Error("events do not say so")
	}
}

func testResends(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.pack(1)
	d.save(d.evaluation(p))
	ask := opsdb.Resend{Package: p.ID, Site: "cornell", Who: "ada", Why: "cologne is cut off"}
	r, err := d.store.Resend(t.Context(), ask)
	d.check(err)
	again, err := d.store.Resend(t.Context(), ask)
	d.check(err)
	if again != r || r.ID == "" || !r.At.Equal(d.clock.Now()) || !d.dirty(p.ID) {
		t.Fatalf("ordered %+v, and again %+v", r, again)
	}
	if got := d.facts(p.ID).Resends; len(got) != 1 || got[0] != r {
		t.Fatalf("orders %+v", got)
	}
	e := d.evaluation(p)
	e.Resent = []opsdb.ID{r.ID}
	d.save(e)
	if got := d.facts(p.ID).Resends; len(got) != 0 {
		t.Fatalf("used up %+v", got)
	}
	e = d.evaluation(p)
	e.Resent = []opsdb.ID{r.ID} // by another engine, a moment ago
	d.save(e)
	next, err := d.store.Resend(t.Context(), ask)
	d.check(err)
	d.save(d.evaluation(p))
	d.check(d.store.Unsend(t.Context(), next.ID, "bob", "it is back"))
	if next.ID == r.ID || len(d.facts(p.ID).Resends) != 0 || !d.dirty(p.ID) {
		t.Errorf("ordered anew %+v, and taken back", next)
	}
	if err := d.store.Unsend(t.Context(), next.ID, "bob", ""); !errors.Is(err, opsdb.ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}
	if _, err := d.store.Resend(t.Context(), opsdb.Resend{Package: opsdb.NewID(), Site: "cornell"}); !errors.Is(err, opsdb.ErrNotFound) {
		t.Errorf("an unknown package: %v", err)
	}
	if d.events(opsdb.EventResend) != 2 || d.events(opsdb.EventResendEnded) != 2 {
		t.Error("events do not say so")
	}
}

func testPauses(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	for _, subject := range []string{"route:raw", "stage:raw/ship", "location:cologne.buffer", "link:ccat>cologne", "site:cologne"} {
		d.save(d.evaluation(p, d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")))
		for range 2 {
			d.check(d.store.Pause(t.Context(), opsdb.Pause{Subject: subject, Who: "ada", Why: "storm"}))
		}
		if !d.dirty(p.ID) {
			t.Errorf("%s: what moves there was not looked at again", subject)
		}
		e := d.evaluation(p)
		e.Causes = []string{"pause:" + subject}
		d.save(e)
		w, err := d.store.World(t.Context())
		d.check(err)
		if w.Pauses[subject].Why != "storm" || !w.Pauses[subject].Since.Equal(d.clock.Now()) {
			t.Errorf("%s: %+v", subject, w.Pauses)
		}
		d.check(d.store.Resume(t.Context(), subject, "ada"))
		if !d.dirty(p.ID) {
			t.Errorf("%s: not woken", subject)
		}
		if err := d.store.Resume(t.Context(), subject, "ada"); !errors.Is(err, opsdb.ErrNotFound) {
			t.Errorf("%s resumed twice: %v", subject, err)
		}
	}
	for _, bad := range []string{"", "raw", "planet:mars"} {
		if err := d.store.Pause(t.Context(), opsdb.Pause{Subject: bad}); err == nil {
			t.Errorf("paused %q", bad)
		}
	}
	if d.events(opsdb.EventPaused) != 5 || d.events(opsdb.EventResumed) != 5 {
		t.Error("events do not say so")
	}
}

// What was dispatched before a pause does not begin under it (B3); what has begun goes on.
func testPauseBeforeTheClaim(t *testing.T, open Open) {
	for _, subject := range []string{"route:raw", "stage:raw/ship", "location:cologne.buffer", "location:ccat.buffer", "link:ccat>cologne", "site:cologne"} {
		d := newDesk(t, open)
		p := d.packed(1)
		task := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
		d.check(d.store.Pause(t.Context(), opsdb.Pause{Subject: subject, Who: "ada"}))
		if _, err := d.store.Claim(t.Context(), task.ID, "w", lease); !errors.Is(err, opsdb.ErrNotClaim) {
			t.Errorf("%s: claimed under a pause: %v", subject, err)
		}
		d.check(d.store.Resume(t.Context(), subject, "ada"))
		_, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
		d.check(err)
		if now, err := d.store.Task(t.Context(), task.ID); err != nil || now.State != opsdb.TaskWithdrawn || !d.dirty(p.ID) {
			t.Errorf("%s: what was refused is %s, %v: it waits for its deadline", subject, now.State, err)
		}
		a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
		d.check(d.store.Pause(t.Context(), opsdb.Pause{Subject: subject, Who: "ada"}))
		d.clock.Advance(2 * lease)
		_, err = d.store.Expire(t.Context(), d.clock.Now(), claimBy)
		d.check(err)
		if next := d.claim(a.Task.ID); next.Task.Token != a.Task.Token+1 {
			t.Errorf("%s: what has begun is not gone on with: %+v", subject, next.Task)
		}
		d.check(d.store.Resume(t.Context(), subject, "ada"))
	}
}

func testMarkers(t *testing.T, open Open) {
	d := newDesk(t, open)
	id := opsdb.NewID()
	for range 2 {
		d.check(d.store.AddMarker(t.Context(), "ccat.buffer", id, "ada"))
	}
	d.check(d.store.AddMarker(t.Context(), "lima.buffer", id, "ada")) // before its routes are in force
	for name, want := range map[string]opsdb.ID{"ccat.buffer": id, "lima.buffer": id, "lima.lta": ""} {
		if got, err := d.store.Marker(t.Context(), name); err != nil || got != want {
			t.Errorf("%s has marker %q, %v; want %q", name, got, err, want)
		}
	}
	m := places()
	m.Sites = append(m.Sites, opsdb.Site{Name: "lima"})
	m.Locations = append(m.Locations, opsdb.Location{Name: "lima.buffer", Type: opsdb.Buffer, Storage: opsdb.Disk})
	d.activate("lima", m)
	w, err := d.store.World(t.Context())
	d.check(err)
	if w.Locations["ccat.buffer"].Marker != id || w.Locations["lima.buffer"].Marker != id || w.Locations["lima.buffer"].Type != opsdb.Buffer {
		t.Fatalf("markers %+v", w.Locations)
	}
	if n := d.events(opsdb.EventMarker); n != 2 {
		t.Errorf("%d events", n)
	}
}
