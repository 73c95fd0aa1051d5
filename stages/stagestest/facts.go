package stagestest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// hasReceipt wants a receipt that speaks for the copy.
func hasReceipt(location string) func(*World, opsdb.Outcome) string {
	return func(w *World, out opsdb.Outcome) string {
		for _, r := range out.Receipts {
			if r.Location == location && r.Digest == w.Package.Digest && r.Size == w.Package.Size && r.Worker != "" && r.Path != "" && r.Version == opsdb.FormatVersion {
				return ""
			}
		}
		return words("no receipt for %s in %+v", location, out.Receipts)
	}
}

// isTar wants the whole tar under its final name, with a receipt.
func isTar(location string) func(*World, opsdb.Outcome) string {
	return func(w *World, out opsdb.Outcome) string {
		c := w.Copies[location]
		if c.State != opsdb.Present || c.Size != w.Package.Size || c.Identity == "" {
			return words("copy at %s: %+v", location, c)
		}
		st, err := w.Storages.Storage(location)
		if err != nil {
			return err.Error()
		}
		got, err := st.Read(context.Background(), c.Path, true, nil)
		if err != nil || got.Digest != w.Package.Digest || w.Package.Digest == "" {
			return words("tar at %s: %+v %v, want %s", location, got, err, w.Package.Digest)
		}
		return hasReceipt(location)(w, out)
	}
}

// isArchived wants the sidecar too.
func isArchived(w *World, out opsdb.Outcome) string {
	c := w.Copies[Archive]
	text, err := w.Read(Archive, strings.TrimSuffix(c.Path, ".tar")+".json")
	if err != nil || !c.Sidecar || !strings.Contains(text, string(w.Package.Digest)) {
		return words("sidecar: %v (%d bytes, %v)", err, len(text), c.Sidecar)
	}
	return isTar(Archive)(w, out)
}

// isTree wants every member with its true name, content and time.
func isTree(w *World, out opsdb.Outcome) string {
	c := w.Copies[Processing]
	if c.State != opsdb.Staged {
		return words("copy: %+v", c)
	}
	for path, want := range w.Content {
		full := filepath.Join(w.Root(Processing), c.Path, path)
		got, err := os.ReadFile(full)
		if err != nil || string(got) != want {
			return words("%s: %d bytes, %v", opsdb.ShowPath(path), len(got), err)
		}
		if st, err := os.Stat(full); err != nil || !st.ModTime().Equal(ModTime()) {
			return words("%s: time %v, %v", opsdb.ShowPath(path), st.ModTime(), err)
		}
	}
	return hasReceipt(Processing)(w, out)
}

// isGone wants the copy deleted and its file not there.
func isGone(location string) func(*World, opsdb.Outcome) string {
	return func(w *World, _ opsdb.Outcome) string {
		if _, err := w.Read(location, w.Path(location)); !errors.Is(err, fs.ErrNotExist) {
			return words("still there: %v", err)
		}
		if c := w.Copies[location]; c.State != opsdb.Deleted {
			return words("copy: %+v", c)
		}
		return ""
	}
}

// isEmptied wants no file left at a location but CDT's own.
func isEmptied(location string) func(*World, opsdb.Outcome) string {
	return func(w *World, out opsdb.Outcome) string {
		entries, err := os.ReadDir(w.Root(location))
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				return words("still there: %s", e.Name())
			}
		}
		if c := w.Copies[location]; err != nil || c.State != opsdb.Deleted {
			return words("copy: %+v, %v", c, err)
		}
		if location == Source && len(out.Removed) != len(w.Content) {
			return words("%d files removed, %d were there", len(out.Removed), len(w.Content))
		}
		return ""
	}
}
