package opsdbtest

import (
	"context"
	"errors"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// testBulk files, routes, closes and packs 9,000 files (A3), and stops in the
// middle of things when it is told to.
func testBulk(t *testing.T, open Open) {
	d := newDesk(t, open)
	const n = 9000
	files := d.file(n)
	g := d.route("raw", "k", files)
	if g.Files != n || g.Bytes != 100*n {
		t.Fatalf("group %+v", g)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := d.store.FileFiles(cancelled, []opsdb.File{d.rawFile("x")}); !errors.Is(err, context.Canceled) {
		t.Fatalf("filed though cancelled: %v", err)
	}
	p := d.closeGroup(g)
	if p.Files != n {
		t.Fatalf("package %+v", p)
	}
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	d.finish(a, d.born(a))
	count, last := 0, ""
	for m, err := range d.store.Members(t.Context(), p.ID) {
		d.check(err)
		if m.Path <= last || m.Digest == "" || m.Name == "" || m.Offset != 512 {
			t.Fatalf("member %+v after %s", m, last)
		}
		last = m.Path
		count++
	}
	if count != n {
		t.Fatalf("%d members", count)
	}
	for range d.store.Members(t.Context(), p.ID) {
		break // a reader may stop at any time
	}
	if known := d.known(); len(known) != n {
		t.Fatalf("%d known files", len(known))
	}
}
