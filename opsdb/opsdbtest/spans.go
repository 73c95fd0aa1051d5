package opsdbtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// testSpans closes a group by spans of paths, of which nobody holds a list.
func testSpans(t *testing.T, open Open) {
	d := newDesk(t, open)
	g := d.route("raw", "k", d.file(7))
	var files []opsdb.File
	for f, err := range d.store.StreamGroup(t.Context(), g.ID) {
		d.check(err)
		files = append(files, f)
	}
	whole, err := d.store.GroupFiles(t.Context(), g.ID)
	d.check(err)
	d.same(files, whole)
	for range d.store.StreamGroup(t.Context(), g.ID) {
		break // and the store goes on
	}
	span := func(from, to int) opsdb.NewPackage {
		n := opsdb.NewPackage{Package: opsdb.Package{ID: opsdb.NewID(), Destination: "ccat.buffer", Files: to - from, Bytes: int64(to-from) * 100, ObservedAt: files[0].ModTime},
			Span: &opsdb.Span{To: files[to-1].Path, First: files[from].FiledAt}}
		if from > 0 {
			n.Span.After = files[from-1].Path
		}
		return n
	}
	counted := span(0, 4)
	counted.Package.Files++
	if _, err := d.store.CloseGroup(t.Context(), g.ID, g.Version, d.rev, []opsdb.NewPackage{counted}); !errors.Is(err, opsdb.ErrChanged) {
		t.Fatalf("a span with fewer files than were counted: %v", err)
	}
	made, err := d.store.CloseGroup(t.Context(), g.ID, g.Version, d.rev, []opsdb.NewPackage{span(0, 4), span(4, 6)})
	d.check(err)
	for i, want := range [][]opsdb.File{files[:4], files[4:6]} {
		p := made[i]
		var got []string
		for m, err := range d.store.Members(t.Context(), p.ID) {
			d.check(err)
			got = append(got, m.Path)
		}
		paths := make([]string, len(want))
		for i, f := range want {
			paths[i] = f.Path
		}
		if !slices.Equal(got, paths) || p.Files != len(want) || p.Bytes != 100*int64(len(want)) || p.Number != int64(i+1) || !p.ObservedAt.Equal(files[0].ModTime) || p.Size != opsdb.TarBound(p.Files, p.Bytes) {
			t.Errorf("package %+v of %v", p, got)
		}
		if c := d.copyAt(p.ID, "ccat.primecam"); c.Size != p.Bytes || c.Form != opsdb.Files {
			t.Errorf("copy of the files %+v", c)
		}
	}
	left, err := d.store.Unrouted(t.Context(), 0) // in no span: looked at anew
	d.check(err)
	if len(left) != 1 || left[0].Path != files[6].Path {
		t.Errorf("left over are %+v", left)
	}
}
