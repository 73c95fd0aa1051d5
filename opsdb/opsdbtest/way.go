package opsdbtest

import (
	"errors"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testWay goes the whole way once: filed, packed, sent, archived twice, deleted at the source.
func testWay(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(3)
	if p.Digest != tarDigest || p.Files != 3 || p.Bytes != 300 || p.Number != 1 || p.Size != 500 {
		t.Fatalf("package %+v", p)
	}
	for _, place := range []string{"ccat.buffer", "cologne.buffer", "cologne.lta", "cornell.buffer", "cornell.lta"} {
		c := d.copyAt(p.ID, place)
		if !c.Verified() || !c.Receipt.Speaks(p, d.clock.Now(), time.Hour) {
			t.Errorf("copy at %s: %+v", place, c)
		}
	}
	d.condemn(p, "ccat.primecam")
	d.advance(2 * time.Hour)
	out := d.remove(p, "ccat.primecam")
	if out.Refusal != opsdb.Granted {
		t.Fatal(out)
	}
	a := d.claim(out.Task.ID)
	record := func(token int64, files ...opsdb.ID) error {
		return d.store.RecordRemoved(t.Context(), a.Task.ID, token, files)
	}
	if err := record(a.Task.Token, opsdb.NewID()); !errors.Is(err, opsdb.ErrInvariant) {
		t.Fatalf("files were removed before the gate was asked: %v", err)
	}
	proof, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	if len(proof.Receipts) != 2 || proof.Files != 3 || proof.Require != 2 {
		t.Fatalf("proof %+v", proof)
	}
	d.stateAt(p.ID, "ccat.primecam", opsdb.DeletionInProgress)
	var gone []opsdb.ID
	for m, err := range d.store.Members(t.Context(), p.ID) {
		d.check(err)
		gone = append(gone, m.File)
	}
	for range 2 { // told twice, as by one that does not know whether it was heard
		d.check(record(a.Task.Token, gone[:2]...))
	}
	if err := record(a.Task.Token+1, gone[2]); !errors.Is(err, opsdb.ErrStale) {
		t.Errorf("with another token: %v", err)
	}
	if f := d.facts(p.ID); f.Gone != 2 {
		t.Errorf("on the way %d are gone", f.Gone)
	}
	d.balanced()
	d.finish(a, opsdb.Outcome{Removed: gone[2:], Target: &opsdb.CopyFact{State: opsdb.Deleted}})
	if f := d.facts(p.ID); f.Gone != 3 || len(f.Tasks) != 0 {
		t.Errorf("gone %d, tasks %v", f.Gone, f.Tasks)
	}
	totals, err := d.store.Totals(t.Context())
	d.check(err)
	if got := totals.Files["ccat.primecam"][opsdb.Deleted]; got != (opsdb.Sum{Count: 3, Bytes: 300}) {
		t.Errorf("deleted %+v", got)
	}
	if got := totals.Copies["ccat.primecam"][opsdb.Deleted].Count; got != 1 {
		t.Errorf("%d deleted copies of files", got)
	}
}
