package filing_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

func TestFilesThatVanish(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	for _, name := range []string{"obs1/a", "obs1/b", "obs1/c", "obs2/d"} {
		h.write(name, name)
	}
	h.scan()
	h.remove("obs1/b")
	h.remove("obs2/d")
	if _, changed := h.scan(); !changed {
		t.Fatal("nobody noticed")
	}
	h.knows("obs1/a", "obs1/c")
	h.remove("obs1/c")
	if err := os.Symlink("/etc/passwd", filepath.Join(h.root, "obs1/c")); err != nil {
		t.Fatal(err)
	}
	h.scan()
	h.knows("obs1/a")
	if got := h.book.skips["obs1/c"]; got != "not a regular file: symlink" {
		t.Fatalf("skipped as %q", got)
	}
}

func TestS9NothingIsConcludedFromARootThatIsNotTheLocations(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a", "a")
	h.scan()
	away := h.root + ".away"
	if err := os.Rename(h.root, away); err != nil {
		t.Fatal(err)
	}
	h.offline("no root")
	if err := os.Mkdir(h.root, 0o755); err != nil {
		t.Fatal(err)
	}
	h.offline("an empty mount point")
	h.knows("obs1/a")
	if err := errors.Join(os.Remove(h.root), os.Rename(away, h.root)); err != nil {
		t.Fatal(err)
	}
	h.scan()
	h.knows("obs1/a")
}

func (h *house) offline(what string) {
	h.t.Helper()
	if _, changed, err := h.Scan(h.t.Context()); changed || !errors.Is(err, storage.ErrOffline) {
		h.t.Fatalf("%s: changed %v, error %v", what, changed, err)
	}
}

func TestS9NothingIsMissingWhenTheMarkerIsGoneAfterTheWalk(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a", "a")
	h.write("obs1/b", "b")
	h.scan()
	h.remove("obs1/b")
	h.watch(rename, &leaving{Disk: h.disk})
	if _, changed, err := h.Scan(t.Context()); changed || !errors.Is(err, storage.ErrOffline) {
		t.Fatalf("changed %v, error %v", changed, err)
	}
	h.knows("obs1/a", "obs1/b")
}

// leaving is a location whose marker is there once.
type leaving struct {
	*disk.Disk
	looked bool
}

func (l *leaving) Check(ctx context.Context) (storage.Health, error) {
	if l.looked {
		return storage.Health{}, storage.ErrOffline
	}
	l.looked = true
	return l.Disk.Check(ctx)
}

func TestNothingIsMissingWhenFoldersCannotBeRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a", "a")
	h.write("obs2/b", "b")
	h.scan()
	h.remove("obs2/b")
	h.watch(rename, &blind{Disk: h.disk, folder: "obs1"})
	h.scan()
	h.knows("obs1/a", "obs2/b")
	if got := h.book.skips["obs1"]; !strings.Contains(got, "cannot be read: permission denied") {
		t.Fatalf("skipped as %q", got)
	}
	h.watch(rename, h.disk)
	h.scan()
	h.knows("obs1/a")
}

func TestAFileThatVanishesOrGrowsDuringTheWalkIsNotFiled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a", "a")
	h.write("obs1/b", "b")
	h.watch(rename, &meddler{Source: &meddler{Source: h.disk, at: "obs1/a", do: func() { h.remove("obs1/a") }}, at: "obs1/b", do: func() { h.write("obs1/b", "more") }})
	h.scan()
	h.knows()
	if h.Pending() != 1 {
		t.Fatalf("%d are pending, want the one that grew", h.Pending())
	}
	h.watch(rename, h.disk)
	h.scan()
	h.knows("obs1/b")
}

// meddler does something right before, or right after, the walk meets a file.
type meddler struct {
	filing.Source
	at    string
	after bool
	do    func()
}

func (m *meddler) Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		for info, err := range m.Source.Walk(ctx, dir) {
			if info.Path == m.at && !m.after {
				m.do()
			}
			if !yield(info, err) {
				return
			}
			if info.Path == m.at && m.after {
				m.do()
			}
		}
	}
}

// blind cannot read one folder.
type blind struct {
	*disk.Disk
	folder string
}

func (b *blind) Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		said := false
		for info, err := range b.Disk.Walk(ctx, dir) {
			if strings.HasPrefix(info.Path, b.folder+"/") {
				if said {
					continue
				}
				said = true
				info, err = storage.Info{Path: b.folder}, storage.ErrDenied
			}
			if !yield(info, err) {
				return
			}
		}
	}
}
