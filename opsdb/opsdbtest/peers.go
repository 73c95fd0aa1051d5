package opsdbtest

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testPeers has two routes on one source: a file goes only when both allow it (S1f).
func testPeers(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(3)
	first := d.carry(d.closeGroup(d.route("raw", "k", files)))
	d.condemn(first, "ccat.primecam")
	d.advance(2 * time.Hour)

	g := d.route("quick", "k", files[:2])
	if f := d.facts(first.ID); f.Unclaimed != 2 || len(f.Peers) != 0 {
		t.Fatalf("unclaimed %d, peers %v", f.Unclaimed, f.Peers)
	}
	if out := d.remove(first, "ccat.primecam"); out.Refusal != opsdb.GateShut {
		t.Fatalf("another route has not packed two files: %+v", out)
	}
	second := d.closeGroup(g)
	f := d.facts(first.ID)
	if f.Unclaimed != 0 || len(f.Peers) != 1 || f.Peers[0].Package != second.ID || f.Peers[0].Willing {
		t.Fatalf("facts %+v", f)
	}
	if out := d.remove(first, "ccat.primecam"); out.Refusal != opsdb.GateShut {
		t.Fatalf("the peer keeps its files: %+v", out)
	}
	second = d.carry(second)
	d.condemn(second, "ccat.primecam")
	if f := d.facts(first.ID); f.Peers[0].Willing || f.Peers[0].Grace <= 0 || f.Peers[0].Grace > time.Hour {
		t.Fatalf("a peer in its grace: %+v", f.Peers)
	}
	if out := d.remove(first, "ccat.primecam"); out.Refusal != opsdb.GateShut {
		t.Fatalf("the peer is in its grace: %+v", out)
	}
	d.advance(2 * time.Hour)
	if f := d.facts(first.ID); !f.Peers[0].Willing || f.Peers[0].Grace != 0 {
		t.Fatalf("peer %+v", f.Peers)
	}
	d.hold(second, "", opsdb.HoldDelete)
	if out := d.remove(first, "ccat.primecam"); out.Refusal != opsdb.GateShut {
		t.Fatalf("the peer is held: %+v", out)
	}
	holds := d.facts(second.ID).Holds
	d.check(d.store.Unhold(t.Context(), holds[0].ID, "ada", "seen"))
	out := d.remove(first, "ccat.primecam")
	if out.Refusal != opsdb.Granted {
		t.Fatalf("both are willing: %+v", out)
	}
	a := d.claim(out.Task.ID)
	if len(a.Peers) != 1 || a.Peers[0] != second.ID {
		t.Fatalf("peers %v", a.Peers)
	}
	d.removeFiles(a, files)
	if f := d.facts(second.ID); f.Gone != 2 || !d.dirty(second.ID) {
		t.Fatalf("the peer does not know: %+v", f)
	}
	d.balanced()
	// The other package's own deletion finds its files gone.
	d.advance(2 * time.Hour)
	b := d.claim(d.remove(second, "ccat.primecam").Task.ID)
	d.removeFiles(b, nil)
	d.balanced()
}

// carry brings a package that was just made to both archives.
func (d *desk) carry(p opsdb.Package) opsdb.Package {
	d.Helper()
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	d.finish(a, d.born(a))
	d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	d.bring(p, "archive", "archive", "cologne.buffer", "cologne.lta")
	d.bring(p, "replicate", "transfer", "cologne.buffer", "cornell.buffer")
	d.bring(p, "archive", "archive", "cornell.buffer", "cornell.lta")
	return d.facts(p.ID).Package
}

// removeFiles carries a confirmed deletion of source files through.
func (d *desk) removeFiles(a opsdb.Assignment, files []opsdb.File) {
	d.Helper()
	_, err := d.store.Confirm(d.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	out := opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Deleted}}
	for _, f := range files {
		out.Removed = append(out.Removed, f.ID)
	}
	d.finish(a, out)
}
