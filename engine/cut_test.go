package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// stream is files of these sizes in the order of their paths, each filed a minute before the one before it.
func stream(sizes []int64, broken error) func(func(opsdb.File, error) bool) {
	return func(yield func(opsdb.File, error) bool) {
		for i, size := range sizes {
			f := opsdb.File{Path: fmt.Sprintf("o/%05d", i), Size: size, ModTime: epoch.Add(-time.Hour), FiledAt: epoch.Add(-time.Duration(i) * time.Minute)}
			if !yield(f, nil) {
				return
			}
		}
		if broken != nil {
			yield(opsdb.File{}, broken)
		}
	}
}

// TestCut is scenario A3 for groups of which nobody holds a list.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		sizes []int64
		want  string // bytes (in GB) of each package with its files and its span
	}{
		{"none", nil, ""},
		{"exactly the maximum", []int64{20 * gb, 30 * gb}, "50/2(..o/00001)"},
		{"one byte more", []int64{20 * gb, 30*gb + 1}, "20/1(..o/00000) 30/1(o/00000..o/00001)"},
		{"one larger than the maximum is alone", []int64{1 * gb, 60 * gb, 2 * gb}, "1/1(..o/00000) 60/1(o/00000..o/00001) 2/1(o/00001..o/00002)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			packages, err := engine.Cut(ccat("cologne"), group(len(c.sizes), 0), stream(c.sizes, nil))
			var got []string
			files := 0
			for _, n := range packages {
				p, last := n.Package, ""
				got = append(got, fmt.Sprintf("%d/%d(%s..%s)", p.Bytes/gb, p.Files, n.Span.After, n.Span.To))
				files += p.Files
				if last = n.Span.To; last == "" || n.Files != nil || !n.Span.First.Equal(epoch.Add(-time.Duration(files-1)*time.Minute)) || !p.ObservedAt.Equal(epoch.Add(-time.Hour)) ||
					p.Size != opsdb.TarBound(p.Files, p.Bytes) || p.Destination != "ccat.buffer" {
					t.Errorf("package %+v", n)
				}
			}
			if strings.Join(got, " ") != c.want || files != len(c.sizes) || err != nil {
				t.Errorf("%q, want %q (%v)", got, c.want, err)
			}
		})
	}
	broken := errors.New("the database is away")
	if got, err := engine.Cut(ccat("cologne"), group(1, 0), stream([]int64{1}, broken)); !errors.Is(err, broken) || got != nil {
		t.Errorf("of half a list %d packages were made: %v", len(got), err)
	}
	none := group(1, 0)
	none.Stage = "gone"
	if got, err := engine.Cut(ccat("cologne"), none, stream([]int64{1}, nil)); got != nil || err != nil {
		t.Errorf("a stage that is not there makes %d packages: %v", len(got), err)
	}
}
