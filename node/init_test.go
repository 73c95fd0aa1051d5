package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

func (m *marked) AddMarker(_ context.Context, _ string, marker opsdb.ID, _ string) error {
	m.marker = marker
	return nil
}

func (m *marked) Marker(context.Context, string) (opsdb.ID, error) { return m.marker, nil }

// A location that was initialised is never marked again because its marker is missing: an unmounted disk looks like that
// (S9). A person says that another disk takes its place.
func TestInitWithoutTheMarkerOfThen(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "buffer")
	l := &graph.Location{Name: "cologne.buffer", Site: &graph.Site{Name: "cologne"}, Storage: opsdb.Disk, Path: root}
	db := &marked{}
	initialise := func(how node.Taking) error {
		_, err := node.Init(t.Context(), db, clock.System{}, node.Credentials{}, l, how, "ada")
		return err
	}
	empty := func() {
		t.Helper()
		if err := errors.Join(os.RemoveAll(root), os.Mkdir(root, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	empty()
	if err := initialise(node.Taking{}); err != nil || db.marker == "" {
		t.Fatalf("marked %q, %v", db.marker, err)
	}
	first := db.marker
	if err := initialise(node.Taking{}); err != nil || db.marker != first {
		t.Fatalf("again: %q, %v", db.marker, err)
	}
	empty()
	for name, how := range map[string]node.Taking{"an empty root": {}, "an adopted one": {Adopt: true}} {
		if err := initialise(how); !errors.Is(err, node.ErrMarked) || db.marker != first {
			t.Errorf("%s: %q, %v", name, db.marker, err)
		}
		if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
			t.Errorf("%s: something was written: %v, %v", name, left, err)
		}
	}
	full := errors.New("the database is full")
	if err := initialise(node.Taking{Another: func(context.Context) error { return full }}); !errors.Is(err, full) || db.marker != first {
		t.Errorf("another disk counts though what was there does so, too: %q, %v", db.marker, err)
	}
	asked := 0
	another := node.Taking{Another: func(context.Context) error { asked++; return nil }}
	for range 2 { // the second time it carries its marker
		if err := initialise(another); err != nil || db.marker == first || asked != 1 {
			t.Errorf("another disk: %q, asked %d times, %v", db.marker, asked, err)
		}
	}
	second := db.marker
	db.marker = first // the disk of a location of the same name, from another time
	if err := initialise(node.Taking{}); !errors.Is(err, node.ErrMarked) || db.marker != first {
		t.Errorf("a disk with another marker: %q, %v", db.marker, err)
	}
	db.marker = "" // a database that does not know it
	if err := initialise(node.Taking{}); err != nil || db.marker != second {
		t.Errorf("a new database: %q, %v", db.marker, err)
	}
}
