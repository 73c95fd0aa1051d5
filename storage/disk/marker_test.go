package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

func markerFor(loc string) opsdb.Marker {
	return opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: loc}
}

func fresh(t *testing.T, root string, opts Options) *Disk {
	t.Helper()
	d, err := New(location, root, opts)
	must(t, err)
	return d
}

// everything calls every method that reads or changes content.
func everything(t *testing.T, d *Disk) map[string]error {
	t.Helper()
	ctx, a := t.Context(), attempt(1)
	errs := map[string]error{}
	_, errs["check"] = d.Check(ctx)
	_, errs["stat"] = d.Stat(ctx, "x")
	_, errs["open"] = d.Open(ctx, "x", 0, -1)
	_, errs["read"] = d.Read(ctx, "x", true, nil)
	_, errs["put"] = d.Put(ctx, putOf("y", 1, []byte("y")))
	errs["put small"] = d.PutSmall(ctx, a, "y", nil)
	for _, err := range d.List(ctx, "") {
		errs["list"] = err
	}
	for _, err := range d.Walk(ctx, "") {
		errs["walk"] = err
	}
	_, errs["quarantine"] = d.Quarantine(ctx, "x", a)
	errs["trash"] = d.Trash(ctx, "x", a)
	_, errs["held"] = d.Held(ctx, a)
	errs["restore"] = d.Restore(ctx, a, "x")
	errs["purge"] = d.Purge(ctx, a)
	_, errs["trashed"] = d.Trashed(ctx, a.Task)
	_, errs["leftovers"] = d.Leftovers(ctx, a.Task)
	errs["discard"] = d.Discard(ctx, a)
	_, errs["reclaim"] = d.Reclaim(ctx, 0, nil)
	_, errs["part path"] = d.PartPath(ctx, a)
	_, errs["absolute path"] = d.AbsPath(ctx, "x")
	_, errs["settle"] = d.Settle(ctx, a, "y", storage.Expect{}, nil)
	_, errs["read part"] = d.ReadPart(ctx, a, nil)
	errs["copy part"] = d.CopyPart(ctx, a, attempt(2), 1)
	_, errs["open file"] = d.OpenFile(ctx, "x")
	errs["write file"] = d.WriteFile(ctx, a, "x", d.clock.Now(), nil)
	_, errs["read tree"] = d.ReadTree(ctx, a, "x", nil)
	errs["commit tree"] = d.CommitTree(ctx, a, "z")
	errs["discard tree"] = d.DiscardTree(ctx, a)
	errs["trash file"] = d.TrashFile(ctx, "x", a, 1)
	_, errs["open trashed"] = d.OpenTrashed(ctx, a, 1)
	errs["restore file"] = d.RestoreFile(ctx, a, 1, "x")
	errs["purge file"] = d.PurgeFile(ctx, a, 1)
	_, errs["trashed files"] = d.TrashedFiles(ctx, a)
	errs["remove dirs"] = d.RemoveDirs(ctx, "x/y")
	return errs
}

func allAre(t *testing.T, d *Disk, want error) {
	t.Helper()
	errs := everything(t, d)
	if len(errs) != 33 {
		t.Errorf("%d methods were called", len(errs))
	}
	for what, err := range errs {
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s reads as if the object were gone: %v", what, err)
		}
	}
}

// TestNoMarkerNoAnswer: a missing root, an empty one and a foreign one say
// nothing about content (S9).
func TestNoMarkerNoAnswer(t *testing.T) {
	t.Parallel()
	t.Run("no root", func(t *testing.T) {
		t.Parallel()
		allAre(t, fresh(t, filepath.Join(t.TempDir(), "none"), Options{}), storage.ErrOffline)
	})
	t.Run("empty root", func(t *testing.T) {
		t.Parallel()
		allAre(t, fresh(t, t.TempDir(), Options{}), storage.ErrOffline)
	})
	t.Run("a file for a root", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		must(t, os.WriteFile(path, nil, 0o644))
		allAre(t, fresh(t, path, Options{}), storage.ErrOffline)
	})
	t.Run("another identity", func(t *testing.T) {
		t.Parallel()
		allAre(t, fresh(t, newDisk(t, Options{}).path, Options{Marker: opsdb.NewID()}), storage.ErrForeign)
	})
	t.Run("another name", func(t *testing.T) {
		t.Parallel()
		root := t.TempDir()
		other, err := New("cologne.lta", root, Options{})
		must(t, err)
		must(t, other.Init(t.Context(), markerFor("cologne.lta"), false))
		allAre(t, fresh(t, root, Options{}), storage.ErrForeign)
	})
	for name, text := range map[string]string{"no JSON": "{", "no id": `{"version":1}`, "another version": `{"version":2,"id":"x","location":"ccat.buffer"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			must(t, os.WriteFile(filepath.Join(root, opsdb.MarkerName), []byte(text), 0o644))
			allAre(t, fresh(t, root, Options{}), storage.ErrForeign)
		})
	}
}

// TestMarkerGoesWhileRunning: what was seen before does not count.
func TestMarkerGoesWhileRunning(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	put(t, d, "x", []byte("x"))
	marker := filepath.Join(d.path, opsdb.MarkerName)
	must(t, os.Rename(marker, marker+".away"))
	allAre(t, d, storage.ErrOffline)
	must(t, os.Rename(marker+".away", marker))
	if _, err := d.Stat(t.Context(), "x"); err != nil {
		t.Errorf("after it came back: %v", err)
	}
	must(t, os.Rename(d.path, d.path+".away"))
	allAre(t, d, storage.ErrOffline)
	must(t, fresh(t, d.path, Options{}).Init(t.Context(), markerFor(location), false))
	allAre(t, d, storage.ErrForeign)
}

// TestRootExchangedDuringPut: no final name is given on a disk that is not there any more.
func TestRootExchangedDuringPut(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	p := putOf("x", 1, []byte("x"))
	expect := p.Expect
	p.Expect = func() storage.Expect {
		must(t, os.Rename(d.path, d.path+".away"))
		must(t, os.MkdirAll(d.path, 0o755))
		text, err := os.ReadFile(filepath.Join(d.path+".away", opsdb.MarkerName))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(d.path, opsdb.MarkerName), text, 0o644))
		return expect()
	}
	if _, err := d.Put(t.Context(), p); !errors.Is(err, storage.ErrOffline) {
		t.Errorf("put says %v", err)
	}
	for _, root := range []string{d.path, d.path + ".away"} {
		if _, err := os.Lstat(filepath.Join(root, "x")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s has the final name", root)
		}
	}
}

func TestInit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "lost+found"), 0o700))
	must(t, os.MkdirAll(filepath.Join(root, opsdb.PartDir), 0o755))
	must(t, os.WriteFile(filepath.Join(root, opsdb.PartDir, "marker.killed"), nil, 0o644))
	must(t, fresh(t, root, Options{}).Init(t.Context(), markerFor(location), false))

	full := t.TempDir()
	must(t, os.WriteFile(filepath.Join(full, "data"), nil, 0o644))
	d := fresh(t, full, Options{})
	if err := d.Init(t.Context(), markerFor(location), false); !errors.Is(err, storage.ErrNotEmpty) {
		t.Errorf("init of a root with content: %v", err)
	}
	allAre(t, d, storage.ErrOffline)
	m := markerFor(location)
	must(t, d.Init(t.Context(), m, true))
	h, err := d.Check(t.Context())
	must(t, err)
	if h.Marker != m || h.Free <= 0 || h.Total < h.Free {
		t.Errorf("health %+v", h)
	}
	if err := d.Init(t.Context(), opsdb.Marker{}, true); err == nil {
		t.Error("init with no identity is taken")
	}
}
