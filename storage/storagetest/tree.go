package storagetest

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

func treeChecks() []check {
	both := func(name string, run func(t *testing.T, s storage.Storage, tree storage.Tree)) check {
		return check{name, func(t *testing.T, s storage.Storage) { run(t, s, s.(storage.Tree)) }}
	}
	return []check{
		both("names", checkNames), both("order of walk", checkWalkOrder), both("unpack", checkUnpack), both("unpack outside", checkUnpackOutside),
		both("commit does not replace", checkCommitTaken), both("unpack cancelled", checkUnpackCancelled), both("trash of files", checkTrashFiles),
		both("restore of files does not replace", checkRestoreFile), both("remove directories", checkRemoveDirs), both("discard tree", checkDiscardTree),
	}
}

// Names are file names that people have made, and worse.
func Names() []string {
	return []string{
		"plain.dat", "with space", "new\nline", "100%", "%41", "back\\slash", "tab\t", "-rf", "ünï", "e\u0301", "\xff\xfe invalid",
		".hidden", "..two", "...", strings.Repeat("n", 255), "del\x7f", "*", "'\"", "~",
		"deep/" + strings.Repeat("d/", 100) + "file", opsdb.MarkerName + ".not", "sub/" + opsdb.MarkerName, "sub/" + opsdb.PartDir + "/x",
	}
}

// unpack writes files and gives their folder its final name.
func unpack(t *testing.T, tree storage.Tree, dir string, files map[string][]byte, modTime time.Time) {
	t.Helper()
	a := NewAttempt()
	for path, b := range files {
		must(t, "write "+path, tree.WriteFile(t.Context(), a, path, modTime, bytes.NewReader(b)))
	}
	must(t, "commit", tree.CommitTree(t.Context(), a, dir))
}

func read(t *testing.T, tree storage.Tree, path string) ([]byte, storage.Info) {
	t.Helper()
	f, err := tree.OpenFile(t.Context(), path)
	if err != nil {
		t.Fatalf("open %q: %v", path, err)
	}
	b, err := io.ReadAll(f)
	must(t, "read", err)
	info, err := f.Info()
	must(t, "info", err)
	must(t, "close", f.Close())
	return b, info
}

func checkNames(t *testing.T, s storage.Storage, tree storage.Tree) {
	modTime := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	files := map[string][]byte{}
	for i, name := range Names() {
		files[name] = Bytes(100+i, uint64(i))
	}
	unpack(t, tree, "top", files, modTime)
	found := 0
	for info, err := range tree.Walk(t.Context(), "top") {
		must(t, "walk", err)
		found++
		b, ok := files[strings.TrimPrefix(info.Path, "top/")]
		if !ok || info.Size != int64(len(b)) || !info.ModTime.Equal(modTime) || !info.Mode.IsRegular() {
			t.Errorf("found %+v, size %d", info, len(b))
		}
	}
	if found != len(files) {
		t.Errorf("found %d of %d files", found, len(files))
	}
	for name, want := range files {
		b, info := read(t, tree, "top/"+name)
		if !bytes.Equal(b, want) || !info.ModTime.Equal(modTime) || info.Path != "top/"+name {
			t.Errorf("%q: %d bytes, %+v", name, len(b), info)
		}
		if r, err := s.Read(t.Context(), "top/"+name, true, nil); err != nil || r.Digest != Digest(want) {
			t.Errorf("%q: %+v, %v", name, r, err)
		}
	}
}

func checkWalkOrder(t *testing.T, _ storage.Storage, tree storage.Tree) {
	files := map[string][]byte{"a/z": nil, "a.b": nil, "a-": nil, "a0": nil, "b": nil, "a/b/c": nil, "a/b.c": nil}
	unpack(t, tree, "top", files, time.Unix(1, 0))
	var got []string
	for info, err := range tree.Walk(t.Context(), "") {
		must(t, "walk", err)
		got = append(got, info.Path)
	}
	if len(got) != len(files) || !slices.IsSorted(got) {
		t.Errorf("walk gives %q", got)
	}
	for _, err := range tree.Walk(t.Context(), "none") {
		wants(t, "walk of nothing", err, fs.ErrNotExist)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range tree.Walk(ctx, "") {
		if n++; n > 1 {
			wants(t, "walk cancelled", err, context.Canceled)
		}
		cancel()
	}
	if n != 2 {
		t.Errorf("a cancelled walk gave %d more", n-1)
	}
}

func checkUnpack(t *testing.T, s storage.Storage, tree storage.Tree) {
	a, b := NewAttempt(), Bytes(5<<20+1, 1)
	must(t, "write", tree.WriteFile(t.Context(), a, "x/big", time.Unix(5, 6), bytes.NewReader(b)))
	wants(t, "write again", tree.WriteFile(t.Context(), a, "x/big", time.Unix(5, 6), strings.NewReader("other")), fs.ErrExist)
	told := int64(0)
	r, err := tree.ReadTree(t.Context(), a, "x/big", func(phase string, n int64) {
		if told += n; phase != storage.ReadingBack {
			t.Errorf("phase %s", phase)
		}
	})
	if told != r.Size {
		t.Errorf("%d bytes were told of %d: who reads a large file seems to be stuck", told, r.Size)
	}
	must(t, "read tree", err)
	if r.Digest != Digest(b) || r.Size != int64(len(b)) {
		t.Errorf("read %+v", r)
	}
	_, err = tree.ReadTree(t.Context(), a, "x/none", nil)
	wants(t, "read what is not there", err, fs.ErrNotExist)
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("before the commit there are %q", got)
	}
	left, err := s.Leftovers(t.Context(), a.Task)
	must(t, "leftovers", err)
	if !slices.Equal(left, []storage.Attempt{a}) {
		t.Errorf("leftovers %v", left)
	}
	must(t, "commit", tree.CommitTree(t.Context(), a, "d/e/f"))
	wants(t, "commit again", tree.CommitTree(t.Context(), a, "d/e/f"), fs.ErrNotExist)
	if got, info := read(t, tree, "d/e/f/x/big"); !bytes.Equal(got, b) || !info.ModTime.Equal(time.Unix(5, 6)) {
		t.Errorf("unpacked %d bytes, %+v", len(got), info)
	}
}

func checkUnpackOutside(t *testing.T, _ storage.Storage, tree storage.Tree) {
	a := NewAttempt()
	for _, path := range []string{"", "..", "../x", "/x", "a/../../x", "a//b", "a/.", "nul\x00"} {
		wants(t, "write "+path, tree.WriteFile(t.Context(), a, path, time.Unix(1, 0), strings.NewReader("x")), storage.ErrOutside)
	}
	must(t, "write", tree.WriteFile(t.Context(), a, "x", time.Unix(1, 0), strings.NewReader("x")))
	for _, dir := range []string{"", "..", "/x", "../x", opsdb.PartDir + "/x", opsdb.QuarantineDir + "/x"} {
		wants(t, "commit to "+dir, tree.CommitTree(t.Context(), a, dir), storage.ErrOutside)
	}
}

func checkCommitTaken(t *testing.T, _ storage.Storage, tree storage.Tree) {
	unpack(t, tree, "top", map[string][]byte{"x": []byte("first")}, time.Unix(1, 0))
	a := NewAttempt()
	must(t, "write", tree.WriteFile(t.Context(), a, "x", time.Unix(1, 0), strings.NewReader("second")))
	wants(t, "commit", tree.CommitTree(t.Context(), a, "top"), fs.ErrExist)
	if b, _ := read(t, tree, "top/x"); string(b) != "first" {
		t.Errorf("x is now %q", b)
	}
}

// cancelling cancels while it is read.
type cancelling struct{ cancel func() }

func (c cancelling) Read(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}

func checkUnpackCancelled(t *testing.T, _ storage.Storage, tree storage.Tree) {
	ctx, cancel := context.WithCancel(t.Context())
	a := NewAttempt()
	endless := io.LimitReader(cancelling{cancel}, 64<<20)
	wants(t, "write", tree.WriteFile(ctx, a, "x", time.Unix(1, 0), endless), context.Canceled)
	_, err := tree.ReadTree(t.Context(), a, "x", nil)
	wants(t, "read tree", err, fs.ErrNotExist)
}

func checkTrashFiles(t *testing.T, _ storage.Storage, tree storage.Tree) {
	ctx, a := t.Context(), NewAttempt()
	unpack(t, tree, "src", map[string][]byte{"a": []byte("a"), "b\n": []byte("b"), "c": []byte("c")}, time.Unix(1, 0))
	for n, path := range []string{"src/a", "src/b\n", "src/c"} {
		must(t, "trash "+path, tree.TrashFile(ctx, path, a, n))
	}
	wants(t, "trash what is gone", tree.TrashFile(ctx, "src/a", a, 9), fs.ErrNotExist)
	numbers(t, tree, a, 0, 1, 2)
	f, err := tree.OpenTrashed(ctx, a, 1)
	must(t, "open trashed", err)
	b, err := io.ReadAll(f)
	must(t, "read trashed", err)
	must(t, "close", f.Close())
	if string(b) != "b" {
		t.Errorf("trashed 1 holds %q", b)
	}
	must(t, "restore", tree.RestoreFile(ctx, a, 1, "src/b\n"))
	must(t, "purge", tree.PurgeFile(ctx, a, 0))
	wants(t, "purge again", tree.PurgeFile(ctx, a, 0), fs.ErrNotExist)
	numbers(t, tree, a, 2)
	must(t, "purge", tree.PurgeFile(ctx, a, 2))
	numbers(t, tree, a)
	_, err = tree.OpenTrashed(ctx, a, 2)
	wants(t, "open what was purged", err, fs.ErrNotExist)
	if b, info := read(t, tree, "src/b\n"); string(b) != "b" || !info.ModTime.Equal(time.Unix(1, 0)) {
		t.Errorf("restored %q, %+v", b, info)
	}
}

func numbers(t *testing.T, tree storage.Tree, a storage.Attempt, want ...int) {
	t.Helper()
	got, err := tree.TrashedFiles(t.Context(), a)
	must(t, "trashed files", err)
	if !slices.Equal(got, want) {
		t.Errorf("trashed files %v, want %v", got, want)
	}
}

func checkRestoreFile(t *testing.T, s storage.Storage, tree storage.Tree) {
	a := NewAttempt()
	unpack(t, tree, "src", map[string][]byte{"a": []byte("old"), "b": []byte("b")}, time.Unix(1, 0))
	must(t, "trash", tree.TrashFile(t.Context(), "src/a", a, 0))
	wants(t, "trash under a number in use", tree.TrashFile(t.Context(), "src/b", a, 0), fs.ErrExist)
	MustPut(t, s, "src/a", []byte("new"))
	wants(t, "restore", tree.RestoreFile(t.Context(), a, 0, "src/a"), fs.ErrExist)
	holds(t, s, "src/a", []byte("new"))
	numbers(t, tree, a, 0)
	got, err := s.Trashed(t.Context(), a.Task)
	must(t, "trashed", err)
	if !slices.Equal(got, []storage.Attempt{a}) {
		t.Errorf("trashed %v", got)
	}
}

func checkRemoveDirs(t *testing.T, s storage.Storage, tree storage.Tree) {
	unpack(t, tree, "x/y", map[string][]byte{"a/b/c": []byte("1"), "keep": []byte("2")}, time.Unix(1, 0))
	a := NewAttempt()
	must(t, "remove with a file in it", tree.RemoveDirs(t.Context(), "x/y/a/b/c"))
	holds(t, s, "x/y/a/b/c", []byte("1"))
	must(t, "trash", s.Trash(t.Context(), "x/y/a/b/c", a))
	must(t, "remove", tree.RemoveDirs(t.Context(), "x/y/a/b/c"))
	absent(t, s, "x/y/a")
	holds(t, s, "x/y/keep", []byte("2"))
	must(t, "remove again", tree.RemoveDirs(t.Context(), "x/y/a/b/c"))
	must(t, "trash the last", s.Trash(t.Context(), "x/y/keep", Next(a)))
	must(t, "remove the rest", tree.RemoveDirs(t.Context(), "x/y/keep"))
	absent(t, s, "x")
	_, err := s.Check(t.Context())
	must(t, "check", err)
}

func checkDiscardTree(t *testing.T, s storage.Storage, tree storage.Tree) {
	a := NewAttempt()
	must(t, "discard nothing", tree.DiscardTree(t.Context(), a))
	for _, p := range []string{"x/y/z", "x/1", "2"} {
		must(t, "write", tree.WriteFile(t.Context(), a, p, time.Unix(1, 0), strings.NewReader(p)))
	}
	if r, ok := s.(storage.Receiver); ok {
		path, err := r.PartPath(t.Context(), a)
		must(t, "part path", err)
		outside := filepath.Join(t.TempDir(), "outside")
		must(t, "make a file outside", os.WriteFile(outside, []byte("x"), 0o644))
		must(t, "link to it", os.Symlink(filepath.Dir(outside), filepath.Join(path+".d", "x", "link")))
		defer func() {
			if _, err := os.Stat(outside); err != nil {
				t.Errorf("discard went through a symlink: %v", err)
			}
		}()
	}
	must(t, "discard", tree.DiscardTree(t.Context(), a))
	left, err := s.Leftovers(t.Context(), a.Task)
	must(t, "leftovers", err)
	if len(left) != 0 {
		t.Errorf("leftovers %v", left)
	}
}
