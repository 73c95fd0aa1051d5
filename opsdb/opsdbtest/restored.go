package opsdbtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// testRestored is S8: a database that was put back is recognised, and neither deletes nor packs until it is trusted.
func testRestored(t *testing.T, open Open) {
	t.Run("recognised", func(t *testing.T) { t.Parallel(); testRecognised(t, open) })
	t.Run("refuses", func(t *testing.T) { t.Parallel(); testRestoredRefuses(t, open) })
	t.Run("trusted again", func(t *testing.T) { t.Parallel(); testTrustedAgain(t, open) })
}

// look holds the store against what was seen.
func (d *desk) look(seen opsdb.Seen) opsdb.Seen {
	d.Helper()
	now, err := d.store.Recognise(d.Context(), seen, "worker:w")
	d.check(err)
	return now
}

func (d *desk) chained() {
	d.Helper()
	_, err := d.store.Chain(d.Context())
	d.check(err)
}

func (d *desk) restored() *opsdb.Restored {
	d.Helper()
	w, err := d.store.World(d.Context())
	d.check(err)
	return w.Restored
}

func testRecognised(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		seen func(opsdb.Seen) opsdb.Seen
		is   bool
	}{
		{"nothing was seen", func(opsdb.Seen) opsdb.Seen { return opsdb.Seen{} }, false},
		{"as it is", func(s opsdb.Seen) opsdb.Seen { return s }, false},
		{"only the epoch was seen", func(s opsdb.Seen) opsdb.Seen { return opsdb.Seen{Epoch: s.Epoch} }, false},
		{"it ends before what was seen", func(s opsdb.Seen) opsdb.Seen { s.Seq++; return s }, true},
		{"it went on another way since", func(s opsdb.Seen) opsdb.Seen { s.Hash = "another"; return s }, true},
		{"another database is in its place", func(s opsdb.Seen) opsdb.Seen { s.Epoch = "other"; return s }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open)
			d.pack(1)
			d.chained()
			before := d.look(opsdb.Seen{})
			if before.Epoch == "" || before.Seq == 0 || before.Hash == "" {
				t.Fatalf("seen: %+v", before)
			}
			now := d.look(c.seen(before))
			if r := d.restored(); (r != nil) != c.is || (now.Epoch != before.Epoch) != c.is {
				t.Fatalf("restored: %+v, epoch %s, was %s", r, now.Epoch, before.Epoch)
			} else if c.is && (r.Who != "worker:w" || r.Why == "" || !r.At.Equal(d.clock.Now())) {
				t.Errorf("restored: %+v", r)
			}
			// Who saw the epoch before, and who saw what is now, find nothing more.
			if d.look(before).Epoch != now.Epoch || d.look(now).Epoch != now.Epoch {
				t.Error("it was recognised twice")
			}
			if n := d.events(opsdb.EventRestored); (n == 1) != c.is {
				t.Errorf("%d events say so", n)
			}
		})
	}
}

func testRestoredRefuses(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	waiting := d.pack(1)
	out := d.remove(p, "cologne.buffer")
	a := d.claim(out.Task.ID)
	packing := d.schedule(waiting, "pack", "package", "ccat.primecam", "ccat.buffer")
	g := d.route("raw", "late", d.file(1))
	d.check(d.store.MarkRestored(d.Context(), "person:ada", "from the back-up of last night"))
	if _, err := d.store.Confirm(d.Context(), a.Task.ID, a.Task.Token); !errors.Is(err, opsdb.ErrStale) {
		t.Errorf("an attempt of the old epoch: %v", err)
	}
	if task, err := d.store.Task(d.Context(), a.Task.ID); err != nil || task.Token != a.Task.Token+opsdb.TokenGap || task.Epoch == a.Task.Epoch {
		t.Errorf("%+v, %v", task, err)
	}
	if _, err := d.store.Claim(d.Context(), packing.ID, "w", lease); !errors.Is(err, opsdb.ErrNotClaim) {
		t.Errorf("claim of a package task: %v", err)
	}
	if g = d.group("raw", "late"); g.Closed {
		t.Fatal("the group is closed")
	}
	if _, err := d.store.CloseGroup(d.Context(), g.ID, g.Version, d.rev, nil); !errors.Is(err, opsdb.ErrChanged) || !errors.Is(err, opsdb.ErrRestored) {
		t.Errorf("closing a group: %v", err)
	}
	_, err := d.store.Expire(d.Context(), d.clock.Now(), claimBy)
	d.check(err)
	b := d.claim(a.Task.ID)
	var no *opsdb.Objection
	if _, err := d.store.Confirm(d.Context(), b.Task.ID, b.Task.Token); !errors.As(err, &no) || no.Rule != "S8" || no.Reason != "restored" {
		t.Errorf("an attempt of the new epoch: %v", err)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Present)
	d.balanced()
}

func testTrustedAgain(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	d.check(d.store.EndRestored(d.Context(), "ada", "nothing is the matter"))
	d.check(d.store.MarkRestored(d.Context(), "person:ada", "from the back-up of last night"))
	if err := d.store.EndRestored(d.Context(), "ada", "it will be right"); !errors.Is(err, opsdb.ErrInvariant) {
		t.Errorf("without an inventory: %v", err)
	}
	names, err := d.store.Uninventoried(d.Context())
	d.check(err)
	if len(names) != len(places().Locations) || !slices.IsSorted(names) {
		t.Errorf("without inventory: %v", names)
	}
	lost := d.copyAt(p.ID, "cologne.buffer")
	for _, name := range names {
		i := opsdb.Inventory{Location: name, Who: "ada", Found: 1}
		switch name {
		case "cologne.buffer":
			i.Lost = []opsdb.ID{lost.ID}
		case "cologne.lta":
			i.Unknown, i.Numbers = 2, map[string]int64{"raw": 40}
		}
		d.check(d.store.Inventoried(d.Context(), i))
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Lost)
	if err := d.store.EndRestored(d.Context(), "ada", "looked at"); !errors.Is(err, opsdb.ErrInvariant) {
		t.Errorf("with unknown objects: %v", err)
	}
	d.check(d.store.Inventoried(d.Context(), opsdb.Inventory{Location: "cologne.lta", Who: "ada", Unknown: 2, Accepted: "they were made last night"}))
	d.check(d.store.EndRestored(d.Context(), "ada", "looked at"))
	if d.restored() != nil || d.events(opsdb.EventTrusted) != 1 || d.events(opsdb.EventInventory) != len(names)+1 {
		t.Error("it is not trusted, or no event says so")
	}
	if !d.dirty(p.ID) {
		t.Error("nothing is looked at again")
	}
	if next := d.pack(1); next.Number <= 40 {
		t.Errorf("number %d was given twice", next.Number)
	}
	d.balanced()
}
