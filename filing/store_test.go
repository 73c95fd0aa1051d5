package filing_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// withStore gives a house a real OpsDB, with a route that packs what it holds.
func withStore(t *testing.T, cfg filing.Config) (*house, *sqlite.Store, opsdb.Revision) {
	t.Helper()
	h := newHouse(t, cfg)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cdt.db"), sqlite.Options{Clock: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	rev, err := db.Activate(t.Context(), opsdb.Revision{Digest: "r1", Text: "{}"}, opsdb.Mirror{
		Sites:     []opsdb.Site{{Name: "ccat", State: opsdb.SiteActive}},
		Locations: []opsdb.Location{{Name: source, Type: opsdb.Source, Storage: opsdb.Disk}, {Name: "ccat.buffer", Type: opsdb.Buffer, Storage: opsdb.Disk}},
		Stages:    []string{"raw/pack/" + source},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Location, cfg.Clock = source, h.clock
	if h.Watcher, err = filing.NewWatcher(cfg, db, h.disk); err != nil {
		t.Fatal(err)
	}
	return h, db, rev
}

func known(t *testing.T, db *sqlite.Store) (paths []string) {
	t.Helper()
	for f, err := range db.KnownFiles(t.Context(), source) {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, f.Path)
	}
	return paths
}

// pack closes one group of everything that is unrouted.
func pack(t *testing.T, db *sqlite.Store, rev opsdb.Revision) opsdb.Package {
	t.Helper()
	ctx := t.Context()
	files, err := db.Unrouted(ctx, 0)
	var ids []opsdb.ID
	var routings []opsdb.Routing
	for _, f := range files {
		ids = append(ids, f.ID)
		routings = append(routings, opsdb.Routing{File: f.ID, Route: "raw", Stage: "pack", Key: "{}", Group: opsdb.Group{Instrument: f.Instrument, Observation: f.Observation, Module: f.Module}})
	}
	err = errors.Join(err, db.Route(ctx, ids, routings))
	groups, again := db.DirtyGroups(ctx, time.Time{}, 0)
	if err := errors.Join(err, again); err != nil || len(groups) != 1 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	slices.SortFunc(files, func(a, b opsdb.File) int { return strings.Compare(a.Path, b.Path) })
	made, err := db.CloseGroup(ctx, groups[0].ID, groups[0].Version, rev.Number, []opsdb.NewPackage{{Package: opsdb.Package{Destination: "ccat.buffer"}, Files: files}})
	if err != nil {
		t.Fatal(err)
	}
	return made[0]
}

// events are the kinds of what happened to a location's files after they were filed.
func events(t *testing.T, db *sqlite.Store) (kinds []string) {
	t.Helper()
	for e, err := range db.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Kind, "file.") && e.Kind != opsdb.EventFiled {
			kinds = append(kinds, e.Kind+": "+e.Why)
		}
	}
	return kinds
}

func TestEverythingIsFiledInARealStore(t *testing.T) {
	t.Parallel()
	cfg := rename
	cfg.Chunk = 50
	h, db, _ := withStore(t, cfg)
	want := []string{"obs\n1/%", "obs\xff/\xfe", "obs-x/a", "obs/a", "obs/" + strings.Repeat("n", 255), "root"}
	for i := range 300 {
		want = append(want, filepath.Join("many", strings.Repeat("x", i%7+1), string(rune('a'+i%26))+strings.Repeat("y", i/26)))
	}
	slices.Sort(want)
	want = slices.Compact(want)
	for _, path := range want {
		h.write(path, path)
	}
	h.scan()
	if diff := cmp.Diff(want, known(t, db)); diff != "" {
		t.Fatalf("known (-want +got):\n%s", diff)
	}
	if _, changed := h.scan(); changed {
		t.Fatal("a second scan found news")
	}
	for _, path := range want[:200] {
		h.remove(path)
	}
	h.scan()
	if diff := cmp.Diff(want[200:], known(t, db)); diff != "" {
		t.Fatalf("after 200 were removed (-want +got):\n%s", diff)
	}
}

func TestA2AndA6InARealStore(t *testing.T) {
	t.Parallel()
	h, db, rev := withStore(t, rename)
	h.write("obs1/a", "first")
	h.scan()
	first := pack(t, db, rev)
	h.write("obs1/a", "another content")
	h.write("obs1/late", "late")
	for range 3 {
		h.scan()
	}
	if got := events(t, db); len(got) != 1 || got[0] != "file.changed: refused: the file is packed with another content" {
		t.Fatalf("events %q", got)
	}
	second := pack(t, db, rev)
	if first.Number != 1 || second.Number != 2 || second.Files != 1 || second.Bytes != 4 {
		t.Fatalf("the late file went into %+v", second)
	}
}

func TestAFileThatVanishesAndComesBackInARealStore(t *testing.T) {
	t.Parallel()
	h, db, rev := withStore(t, rename)
	h.write("obs1/a", "a")
	h.write("obs1/b", "b")
	h.scan()
	pack(t, db, rev)
	full, away := filepath.Join(h.root, "obs1/b"), filepath.Join(t.TempDir(), "b")
	if err := os.Rename(full, away); err != nil {
		t.Fatal(err)
	}
	h.scan()
	if diff := cmp.Diff([]string{"obs1/a"}, known(t, db)); diff != "" {
		t.Fatalf("known (-want +got):\n%s", diff)
	}
	if err := os.Rename(away, full); err != nil {
		t.Fatal(err)
	}
	h.scan()
	if diff := cmp.Diff([]string{"file.changed: no longer at its source", "file.changed: it is there again"}, events(t, db)); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
	if _, changed := h.scan(); changed {
		t.Fatal("it is news again")
	}
}

func TestAScanThatIsCancelledConcludesNothing(t *testing.T) {
	t.Parallel()
	h, db, _ := withStore(t, rename)
	h.write("obs1/a", "a")
	h.write("obs2/b", "b")
	h.scan()
	ctx, cancel := context.WithCancel(t.Context())
	cfg := rename
	cfg.Location, cfg.Clock = source, h.clock
	w, err := filing.NewWatcher(cfg, db, &meddler{Source: h.disk, at: "obs1/a", do: cancel})
	if err != nil {
		t.Fatal(err)
	}
	if _, changed, err := w.Scan(ctx); changed || !errors.Is(err, context.Canceled) {
		t.Fatalf("changed %v, error %v", changed, err)
	}
	if diff := cmp.Diff([]string{"obs1/a", "obs2/b"}, known(t, db)); diff != "" {
		t.Fatalf("known (-want +got):\n%s", diff)
	}
}
