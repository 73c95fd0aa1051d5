package builtin_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
)

// small is a package of two files.
func small() map[string]string { return map[string]string{"obs1/a": "alpha", "obs1/b": "beta"} }

func world(t *testing.T) *stagestest.World { return stagestest.NewWorld(t, ground(t), small()) }

func packed(t *testing.T) *stagestest.World {
	w := world(t)
	w.Do("package", stagestest.Source, stagestest.Buffer)
	return w
}

func landed(t *testing.T) *stagestest.World {
	w := packed(t)
	w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	return w
}

func archived(t *testing.T) *stagestest.World {
	w := landed(t)
	w.Do("archive", stagestest.Landing, stagestest.Archive)
	return w
}

// put writes a file at a location behind CDT's back.
func put(t *testing.T, w *stagestest.World, location, path, text string) {
	t.Helper()
	full := filepath.Join(w.Root(location), path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, w *stagestest.World, location, path string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(w.Root(location), path)); err != nil {
		t.Fatal(err)
	}
}

// unmount makes a location's root the empty folder that a missing mount leaves.
func unmount(t *testing.T, w *stagestest.World, location string) {
	t.Helper()
	root := w.Root(location)
	if err := errors.Join(os.Rename(root, root+".away"), os.Mkdir(root, 0o755)); err != nil {
		t.Fatal(err)
	}
}

// wantFailure checks class and subject of an error.
func wantFailure(t *testing.T, err error, class opsdb.FailureClass, subject string) {
	t.Helper()
	if err == nil {
		t.Fatal("it ended well")
	}
	if f := stages.FailureOf(err); f.Class != class || f.Subject != subject {
		t.Errorf("failure %s about %q, want %s about %q: %v", f.Class, f.Subject, class, subject, err)
	}
}

// replaced is a ground in which one location has another storage.
func replaced(g stagestest.Ground, location string, by func(storage.Storage) storage.Storage) stagestest.Ground {
	all := g.Storages.(catalog)
	all[location] = by(all[location])
	return g
}
