package builtin_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

var errNo = &opsdb.Objection{Rule: "S1", Reason: "held", Text: "held by a person"}

// The gate is asked before and once more when the copy is out of the way; whenever it objects, all is as it was.
func TestDeleteStopsWhenTheGateObjects(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{"tar": stagestest.Landing, "files": stagestest.Source, "tree": stagestest.Processing} {
		for asked := 1; asked <= 2; asked++ {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := archived(t)
				w.Do("stage", stagestest.Landing, stagestest.Processing)
				before := files(t, w.Root(location))
				w.Gate = func(n int) error {
					if n == asked {
						return errNo
					}
					return nil
				}
				_, err := w.Try("delete", location, location)
				if o := new(opsdb.Objection); !errors.As(err, &o) || o.Rule != "S1" {
					t.Fatalf("got %v", err)
				}
				if after := files(t, w.Root(location)); after != before {
					t.Errorf("it was\n%s\nand is\n%s", before, after)
				}
				if litter := w.Litter(); len(litter) > 0 {
					t.Errorf("left behind: %v", litter)
				}
			})
		}
	}
}

// files lists what lies below root, with sizes.
func files(t *testing.T, root string) string {
	t.Helper()
	list := ""
	must(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			list += path + "\n"
		}
		return err
	}))
	return list
}

// What an attempt held when it died is put back if the gate objects to the next one.
func TestDeletePutsBackWhatAKilledAttemptHeld(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{"tar": stagestest.Landing, "files": stagestest.Source} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			before := files(t, w.Root(location))
			killAfterRename(t, w, location)
			w.Gate = func(int) error { return errNo }
			if _, err := w.Try("delete", location, location); err == nil {
				t.Fatal("it ended well")
			}
			if after := files(t, w.Root(location)); after != before {
				t.Errorf("it was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// killAfterRename lets a deletion die with something in .trash.
func killAfterRename(t *testing.T, w *stagestest.World, location string) {
	t.Helper()
	for n := 1; n < 100; n++ {
		_, err := w.Attempt(t.Context(), w.Work("delete", location, location, opsdb.Whole), n)
		if err == nil {
			t.Fatal("it ended before it could be killed")
		}
		held, _ := filepath.Glob(filepath.Join(w.Root(location), opsdb.TrashDir, "*", "*"))
		tars, _ := filepath.Glob(filepath.Join(w.Root(location), opsdb.TrashDir, "*.*"))
		for _, path := range append(held, tars...) {
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				return
			}
		}
	}
	t.Fatal("nothing was held")
}

// What a deletion held that was given up, as where its disk failed, is put back by the one that a person asks for then:
// nothing stays in .trash for ever, and nothing counts as gone that lies there.
func TestDeletePutsBackWhatADeletionGivenUpHeld(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{"tar": stagestest.Landing, "files": stagestest.Source} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			before := files(t, w.Root(location))
			killAfterRename(t, w, location)
			next := w.Work("delete", location, location, opsdb.Whole)
			next.A.Earlier, next.A.Task.ID, next.A.Task.Token = []opsdb.ID{next.A.Task.ID}, opsdb.NewID(), 1
			next.Gate = func(int) error { return errNo }
			if _, err := w.Attempt(t.Context(), next, 0); err == nil {
				t.Fatal("it ended well")
			}
			if after := files(t, w.Root(location)); after != before {
				t.Errorf("it was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// One file that differs from its member keeps them all (S1f, D5).
func TestDeleteKeepsAllIfOneDiffers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *stagestest.World, path string){
		"flipped byte": func(_ *testing.T, w *stagestest.World, _ string) { w.Corrupt(stagestest.Source, "obs1/b") },
		"grown":        func(t *testing.T, _ *stagestest.World, p string) { appendTo(t, p, "!") },
		"a symlink": func(t *testing.T, _ *stagestest.World, p string) {
			must(t, os.Remove(p))
			must(t, os.Symlink("a", p))
		},
		"a folder": func(t *testing.T, _ *stagestest.World, p string) { must(t, os.Remove(p)); must(t, os.Mkdir(p, 0o755)) },
		"a FIFO": func(t *testing.T, _ *stagestest.World, p string) {
			must(t, os.Remove(p))
			must(t, syscall.Mkfifo(p, 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			change(t, w, filepath.Join(w.Root(stagestest.Source), "obs1/b"))
			out := w.Do("delete", stagestest.Source, stagestest.Source)
			if len(out.Kept) != 1 || out.Kept[0].File != w.Table[1].File || out.Kept[0].Reason == "" || len(out.Removed) > 0 || out.Target != nil {
				t.Errorf("outcome %+v", out)
			}
			if w.Missing(stagestest.Source, "obs1/a") || w.Missing(stagestest.Source, "obs1/b") {
				t.Error("a file is gone")
			}
		})
	}
}

// A file that is gone already, or read-only, holds nothing up (D6).
func TestDeleteOfMissingAndReadOnlyFiles(t *testing.T) {
	t.Parallel()
	w := archived(t)
	remove(t, w, stagestest.Source, "obs1/a")
	must(t, os.Chmod(filepath.Join(w.Root(stagestest.Source), "obs1/b"), 0o400))
	out := w.Do("delete", stagestest.Source, stagestest.Source)
	if len(out.Removed) != 2 || out.Target == nil || out.Target.State != opsdb.Deleted || !w.Missing(stagestest.Source, "obs1") {
		t.Errorf("outcome %+v", out)
	}
}

// No member's path leads out of its location (D6, S10).
// D6: what is no regular file any more keeps all of its package, and is not touched.
func TestDeleteOfWhatIsNoFileAnyMore(t *testing.T) {
	t.Parallel()
	for name, become := range map[string]func(path string) error{
		"directory": func(path string) error { return os.MkdirAll(filepath.Join(path, "sub"), 0o755) },
		"symlink":   func(path string) error { return os.Symlink("a", path) },
		"FIFO":      func(path string) error { return syscall.Mkfifo(path, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			remove(t, w, stagestest.Source, "obs1/b")
			path := filepath.Join(w.Root(stagestest.Source), "obs1/b")
			must(t, become(path))
			before, err := os.Lstat(path)
			must(t, err)
			out := w.Do("delete", stagestest.Source, stagestest.Source)
			if len(out.Kept) != 1 || len(out.Removed) > 0 || out.Target != nil || w.Missing(stagestest.Source, "obs1/a") {
				t.Errorf("outcome %+v", out)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it is gone, or another: %v", err)
			}
		})
	}
}

func TestDeleteOfAPathThatLeadsOut(t *testing.T) {
	t.Parallel()
	w := archived(t)
	outside := filepath.Join(filepath.Dir(w.Root(stagestest.Source)), "outside")
	must(t, os.WriteFile(outside, []byte("alpha"), 0o644))
	w.Table[0].Path = "../outside"
	if out, err := w.Try("delete", stagestest.Source, stagestest.Source); err == nil && out.Target != nil {
		t.Errorf("outcome %+v", out)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a file outside of the root is gone: %v", err)
	}
	if w.Missing(stagestest.Source, "obs1/b") {
		t.Error("another member is gone")
	}
}

// swapping exchanges a file between its reading and its deletion.
type swapping struct {
	*disk.Disk
	path string
	swap func()
}

func (d swapping) TrashFile(ctx context.Context, path string, a storage.Attempt, n int) error {
	if path == d.path {
		d.swap()
	}
	return d.Disk.TrashFile(ctx, path, a, n)
}

func (d swapping) Trash(ctx context.Context, path string, a storage.Attempt) error {
	d.swap()
	return d.Disk.Trash(ctx, path, a)
}

// What is held is proved to be what was read; another file goes back to its place, however alike it looks (D5).
func TestDeleteOfAFileThatWasExchanged(t *testing.T) {
	t.Parallel()
	const file, tar = "obs1/b", "raw/obs1/raw-obs1-m1-1-0a1b2c3d.tar"
	for name, c := range map[string]struct {
		location, path string
		swap           func(t *testing.T, path string, content []byte)
	}{
		"file":              {stagestest.Source, file, func(t *testing.T, path string, content []byte) { exchange(t, path, string(content)) }},
		"longer file":       {stagestest.Source, file, func(t *testing.T, path string, content []byte) { exchange(t, path, string(content)+"!") }},
		"file in its place": {stagestest.Source, file, func(t *testing.T, path string, content []byte) { must(t, os.WriteFile(path, content, 0o644)) }},
		"tar":               {stagestest.Landing, tar, func(t *testing.T, path string, content []byte) { exchange(t, path, string(content)) }},
		"longer tar": {stagestest.Landing, tar, func(t *testing.T, path string, content []byte) {
			must(t, os.WriteFile(path, append(content, 0), 0o644))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ground(t)
			full, want := filepath.Join(g.Root(c.location), c.path), ""
			g = replaced(g, c.location, func(st storage.Storage) storage.Storage {
				return swapping{st.(*disk.Disk), c.path, func() {
					content, err := os.ReadFile(full)
					must(t, err)
					content[0] ^= 1
					c.swap(t, full, content)
					now, err := os.ReadFile(full)
					must(t, err)
					want = string(now)
				}}
			})
			w := stagestest.NewWorld(t, g, small())
			w.Do("package", stagestest.Source, stagestest.Buffer)
			w.Do("transfer", stagestest.Buffer, stagestest.Landing)
			w.Do("archive", stagestest.Landing, stagestest.Archive)
			out, err := w.Try("delete", c.location, c.location)
			if c.location == stagestest.Landing {
				wantFailure(t, err, opsdb.BadData, "")
			} else if err != nil || len(out.Kept) != 1 || out.Target != nil {
				t.Errorf("outcome %+v, %v", out, err)
			}
			if text, err := w.Read(c.location, c.path); text != want || want == "" {
				t.Errorf("the other file: %q, %v", text, err)
			}
		})
	}
}

// A tar that is not what was recorded is set aside, not deleted (D5).
func TestDeleteOfACorruptTar(t *testing.T) {
	t.Parallel()
	w := archived(t)
	w.Corrupt(stagestest.Landing, w.Path(stagestest.Landing))
	out := w.Do("delete", stagestest.Landing, stagestest.Landing)
	if out.Corrupt == nil || out.Target != nil || w.Missing(stagestest.Landing, out.Corrupt.MovedTo) {
		t.Errorf("outcome %+v", out)
	}
}

// Nothing is ever removed in an archive (S3).
func TestDeleteInAnArchive(t *testing.T) {
	t.Parallel()
	w := archived(t)
	_, err := w.Try("delete", stagestest.Archive, stagestest.Archive)
	wantFailure(t, err, opsdb.Permanent, "")
	if w.Missing(stagestest.Archive, w.Path(stagestest.Archive)) {
		t.Error("it is gone")
	}
}

// Users' files beside the members stay, and so does a member that was changed in its place.
func TestDeleteOfATreeInUse(t *testing.T) {
	t.Parallel()
	w := landed(t)
	w.Do("stage", stagestest.Landing, stagestest.Processing)
	dir := w.Path(stagestest.Processing)
	put(t, w, stagestest.Processing, dir+"/obs1/result", "years of work")
	put(t, w, stagestest.Processing, dir+"/obs1/a", "calibrated")
	out := w.Do("delete", stagestest.Processing, stagestest.Processing)
	if out.Target == nil || out.Target.State != opsdb.Deleted || len(out.Removed) > 0 {
		t.Errorf("outcome %+v", out)
	}
	if w.Missing(stagestest.Processing, dir+"/obs1/result") || w.Missing(stagestest.Processing, dir+"/obs1/a") || !w.Missing(stagestest.Processing, dir+"/obs1/b") {
		t.Error("what should stay is gone, or what should go stays")
	}
}

func TestDeleteWithADiskAway(t *testing.T) {
	t.Parallel()
	for _, location := range []string{stagestest.Source, stagestest.Landing} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			unmount(t, w, location)
			out, err := w.Try("delete", location, location)
			wantFailure(t, err, opsdb.Environment, "location:"+location)
			if len(out.Removed) > 0 || out.Target != nil {
				t.Errorf("facts %+v", out)
			}
		})
	}
}

// An attempt that was told yes and stopped before it could act removes nothing once it goes on: meanwhile the next
// attempt has put back what it held, and was told no (S1, S6, E2).
func TestDeleteByAStoppedAttempt(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]string{"tar": stagestest.Landing, "files": stagestest.Source, "tree": stagestest.Processing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			w.Do("stage", stagestest.Landing, stagestest.Processing)
			before := files(t, w.Root(location))
			later := w.Work("delete", location, location, opsdb.Whole)
			stopped := w.Work("delete", location, location, opsdb.Whole)
			stopped.A.Task.Token, later.A.Task.Token = later.A.Task.Token, stopped.A.Task.Token
			later.Gate = func(int) error { return errNo }
			ran := false
			stopped.Gate = func(int) error {
				if files(t, w.Root(location)) != before && !ran { // it holds something
					ran = true
					if _, err := w.Attempt(t.Context(), later, 0); !errors.As(err, new(*opsdb.Objection)) {
						t.Errorf("the later attempt ended with %v", err)
					}
				}
				return nil
			}
			if out, err := w.Attempt(t.Context(), stopped, 0); err == nil {
				t.Errorf("the stopped attempt ended well: %+v", out)
			}
			if !ran {
				t.Error("the gate was never asked about what was held")
			}
			if after := files(t, w.Root(location)); after != before {
				t.Errorf("it was\n%s\nand is\n%s", before, after)
			}
		})
	}
}
