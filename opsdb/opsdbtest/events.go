package opsdbtest

import (
	"slices"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// events counts the events of a kind.
func (d *desk) events(kind string) int {
	d.Helper()
	n := 0
	for e, err := range d.store.Events(d.Context(), 0) {
		d.check(err)
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func testEvents(t *testing.T, open Open) {
	d := newDesk(t, open)
	d.file(3)
	before, err := d.store.VerifyChain(t.Context())
	d.check(err)
	if before.Events != 0 || before.Tail != 4 || before.Broken != 0 { // a revision and three files
		t.Fatalf("unchained: %+v", before)
	}
	n, err := d.store.Chain(t.Context())
	d.check(err)
	if n != 4 {
		t.Fatalf("chained %d", n)
	}
	d.file(1)
	c, err := d.store.VerifyChain(t.Context())
	d.check(err)
	if c.Events != 4 || c.Tail != 1 || c.Broken != 0 || c.LastHash == "" {
		t.Fatalf("chain %+v", c)
	}
	if n, err = d.store.Chain(t.Context()); err != nil || n != 1 {
		t.Fatalf("chained %d, %v", n, err)
	}
	if n, err = d.store.Chain(t.Context()); err != nil || n != 0 {
		t.Fatalf("chained %d, %v", n, err)
	}
	d.file(1)
	var seqs []int64
	for e, err := range d.store.Events(t.Context(), 2) {
		d.check(err)
		seqs = append(seqs, e.Seq)
		if e.Version != opsdb.FormatVersion || e.ID == "" || e.At.IsZero() || e.Actor == "" || e.Kind == "" {
			t.Errorf("event %+v", e)
		}
	}
	if want := []int64{3, 4, 5, 0}; !slices.Equal(seqs, want) {
		t.Fatalf("events after 2: %v, want %v", seqs, want)
	}
}
