package opsdbtest

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testLives: when packages came and were archived, for their traces.
func testLives(t *testing.T, open Open) {
	d := newDesk(t, open)
	p, other := d.packed(2), d.packed(1)
	made := d.clock.Now()
	life := func() opsdb.Life {
		t.Helper()
		lives, err := d.store.Lives(t.Context(), []opsdb.ID{p.ID, other.ID, opsdb.NewID()})
		d.check(err)
		if len(lives) != 2 {
			t.Fatalf("lives %+v", lives)
		}
		for _, l := range lives {
			if l.Package == p.ID {
				return l
			}
		}
		t.Fatalf("lives %+v", lives)
		return opsdb.Life{}
	}
	if l := life(); l.Route != "raw" || !l.FirstFiled.Equal(start()) || !l.MadeAt.Equal(made) || !l.Archived.IsZero() || l.Again {
		t.Errorf("before the first archive: %+v", l)
	}
	d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	d.bring(p, "archive", "archive", "cologne.buffer", "cologne.lta")
	d.advance(time.Hour)
	d.bring(p, "replicate", "transfer", "cologne.buffer", "cornell.buffer")
	d.bring(p, "archive", "archive", "cornell.buffer", "cornell.lta")
	if l := life(); !l.Archived.Equal(made.Add(time.Hour)) || l.Again {
		t.Errorf("in both archives: %+v", l)
	}
	d.advance(time.Hour)
	c := d.copyAt(p.ID, "cologne.lta")
	d.check(d.store.RecordReceipts(t.Context(), []opsdb.Receipt{{ID: opsdb.NewID(), Package: p.ID, Location: "cologne.lta", Path: c.Path, Digest: tarDigest, Size: 500, Worker: "w", Medium: "medium", Version: opsdb.FormatVersion}}))
	if l := life(); !l.Archived.Equal(made.Add(time.Hour)) || !l.Again {
		t.Errorf("read again: %+v", l)
	}
}
