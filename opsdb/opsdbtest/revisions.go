package opsdbtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

func testRevisions(t *testing.T, open Open) {
	c := clock.NewVirtual(start())
	d := &desk{T: t, store: open(t, c), clock: c}
	if _, err := d.store.ActiveRevision(t.Context()); !errors.Is(err, opsdb.ErrNotFound) {
		t.Fatalf("no revision yet: %v", err)
	}
	d.activate("first", places())
	d.present()
	p := d.packed(2)
	g := d.route("raw", "open", d.file(1))
	d.save(d.evaluation(p))
	d.check(d.store.KeepGroup(t.Context(), g.ID, g.Version, time.Time{}, ""))

	d.activate("first", places())
	if d.rev != 1 || d.dirty(p.ID) {
		t.Fatalf("the active routes again: revision %d", d.rev)
	}
	m := places()
	m.Stages = append(m.Stages, "quick/pack/ccat.primecam")
	d.activate("second", m)
	if d.rev != 2 || !d.dirty(p.ID) {
		t.Fatalf("revision %d", d.rev)
	}
	d.group("raw", "open")
	if f := d.facts(p.ID); f.Unclaimed != 2 {
		t.Errorf("files not routed anew yet may belong to the new stage: %d", f.Unclaimed)
	}
	unrouted, err := d.store.Unrouted(t.Context(), 0)
	d.check(err)
	if len(unrouted) != 3 {
		t.Errorf("%d files to be routed", len(unrouted))
	}
	r, err := d.store.ActiveRevision(t.Context())
	d.check(err)
	if r.Number != 2 || r.Digest != "second" || r.Who != "ada" || r.At.IsZero() {
		t.Errorf("revision %+v", r)
	}
	d.removedPlaces(m)
}

// removedPlaces tries to take away what is in use, and what is not.
func (d *desk) removedPlaces(m opsdb.Mirror) {
	d.Helper()
	without := func(name string) opsdb.Mirror {
		out := m
		out.Locations = nil
		for _, l := range m.Locations {
			if l.Name != name {
				out.Locations = append(out.Locations, l)
			}
		}
		return out
	}
	for _, name := range []string{"ccat.buffer", "ccat.primecam"} {
		_, err := d.store.Activate(d.Context(), opsdb.Revision{Digest: "third"}, without(name))
		if !errors.Is(err, opsdb.ErrInUse) || !strings.Contains(err.Error(), name) {
			d.Errorf("without %s: %v", name, err)
		}
	}
	if r, err := d.store.ActiveRevision(d.Context()); err != nil || r.Number != 2 {
		d.Errorf("a refused revision is active: %+v, %v", r, err)
	}
	d.activate("third", without("cologne.ramses"))
	w, err := d.store.World(d.Context())
	d.check(err)
	if _, there := w.Locations["cologne.ramses"]; there {
		d.Error("the place is still there")
	}
	d.activate("first", places()) // older routes may be put in force again
	if d.rev != 4 {
		d.Errorf("revision %d", d.rev)
	}
}
