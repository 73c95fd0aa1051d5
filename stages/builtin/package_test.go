package builtin_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

// A source that is not what was frozen leaves the package, with a reason (A5).
func TestAMemberThatIsNotWhatWasFrozen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, path string)
		gone   bool
	}{
		"grown":     {func(t *testing.T, p string) { must(t, os.WriteFile(p, []byte("alpha and more"), 0o644)) }, false},
		"touched":   {func(t *testing.T, p string) { must(t, os.Chtimes(p, time.Unix(1, 0), time.Unix(1, 0))) }, false},
		"exchanged": {func(t *testing.T, p string) { exchange(t, p, "alpha") }, false},
		"vanished":  {func(t *testing.T, p string) { must(t, os.Remove(p)) }, true},
		"a symlink": {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, os.Symlink("b", p)) }, true},
		"a FIFO":    {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, syscall.Mkfifo(p, 0o644)) }, true},
		"a folder":  {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, os.Mkdir(p, 0o755)) }, true},
		"below a symlink": {func(t *testing.T, p string) {
			dir := filepath.Dir(p)
			must(t, os.Rename(dir, dir+".away"))
			must(t, os.Symlink(dir+".away", dir))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t)
			c.change(t, filepath.Join(w.Root(stagestest.Source), "obs1/a"))
			out := w.Do("package", stagestest.Source, stagestest.Buffer)
			changed := 1
			if name == "below a symlink" {
				changed = 2 // the other one is there, too
			}
			if len(out.Changed) != changed || out.Packed != nil || out.Target != nil {
				t.Fatalf("outcome %+v", out)
			}
			if m := out.Changed[0]; m.File != w.Table[0].File || m.Gone != c.gone || m.Reason == "" || !c.gone && m.Identity == "" {
				t.Errorf("changed %+v", m)
			}
			if litter := w.Litter(); len(litter) > 0 || !w.Missing(stagestest.Buffer, w.Path(stagestest.Buffer)) {
				t.Errorf("left behind: %v", litter)
			}
		})
	}
}

func exchange(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path+".new", []byte(text), 0o644))
	must(t, os.Chtimes(path+".new", stagestest.ModTime(), stagestest.ModTime()))
	must(t, os.Rename(path+".new", path))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whileReading changes a source file after it was opened and before it was read to its end.
type whileReading struct {
	*disk.Disk
	path string
	do   func()
}

func (d whileReading) OpenFile(ctx context.Context, path string) (storage.File, error) {
	f, err := d.Disk.OpenFile(ctx, path)
	if path == d.path && err == nil {
		d.do()
	}
	return f, err
}

func TestAMemberThatChangesWhileItIsRead(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(t *testing.T, path string){
		"grows":     func(t *testing.T, p string) { appendTo(t, p, "more") },
		"shrinks":   func(t *testing.T, p string) { must(t, os.Truncate(p, 2)) },
		"rewritten": func(t *testing.T, p string) { must(t, os.WriteFile(p, []byte("BETA"), 0o644)) },
		"vanishes":  func(t *testing.T, p string) { must(t, os.Truncate(p, 0)); must(t, os.Remove(p)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ground(t)
			path := filepath.Join(g.Root(stagestest.Source), "obs1/b")
			g = replaced(g, stagestest.Source, func(st storage.Storage) storage.Storage {
				return whileReading{st.(*disk.Disk), "obs1/b", func() { do(t, path) }}
			})
			w := stagestest.NewWorld(t, g, small())
			out := w.Do("package", stagestest.Source, stagestest.Buffer)
			if len(out.Changed) != 1 || out.Changed[0].File != w.Table[1].File || out.Packed != nil {
				t.Fatalf("outcome %+v", out)
			}
			if litter := w.Litter(); len(litter) > 0 || !w.Missing(stagestest.Buffer, w.Path(stagestest.Buffer)) {
				t.Errorf("left behind: %v", litter)
			}
		})
	}
}

// A2, C1: a file that is not what its instrument announced is found before its
// digest is born. It is read again before it is blamed: a reading that was wrong fails the attempt, and nothing has a name.
func TestAMemberThatIsNotWhatWasAnnounced(t *testing.T) {
	t.Parallel()
	sum := func(text string) opsdb.Digest {
		s := sha256.Sum256([]byte(text))
		return opsdb.Digest(hex.EncodeToString(s[:]))
	}
	w := world(t)
	w.Table[0].Announced, w.Table[1].Announced = sum("alpha"), sum("BETA")
	out := w.Do("package", stagestest.Source, stagestest.Buffer)
	if out.Packed == nil || len(out.Unlike) != 1 || out.Unlike[0].File != w.Table[1].File || !strings.Contains(out.Unlike[0].Reason, string(sum("BETA"))) {
		t.Fatalf("outcome %+v", out)
	}

	g := replaced(ground(t), stagestest.Source, func(st storage.Storage) storage.Storage { return misreading{st.(*disk.Disk), "obs1/b"} })
	w = stagestest.NewWorld(t, g, small())
	w.Table[1].Announced = sum("beta")
	_, err := w.Try("package", stagestest.Source, stagestest.Buffer)
	wantFailure(t, err, opsdb.BadData, "")
	if !strings.Contains(err.Error(), "and then with") || !w.Missing(stagestest.Buffer, w.Path(stagestest.Buffer)) {
		t.Errorf("wrong bytes have the final name: %v", err)
	}
}

// misreading gives another first byte than the file has, when it is opened to be packed.
type misreading struct {
	*disk.Disk
	path string
}

func (d misreading) OpenFile(ctx context.Context, path string) (storage.File, error) {
	f, err := d.Disk.OpenFile(ctx, path)
	if path == d.path && err == nil {
		return flipped{f}, nil
	}
	return f, err
}

type flipped struct{ storage.File }

func (f flipped) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	if n > 0 {
		b[0] ^= 1
	}
	return n, err
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, err)
	must(t, f.Close())
}

// What lies under the final name with other bytes is no copy of the package: it is set aside.
func TestPackingOverAForeignFile(t *testing.T) {
	t.Parallel()
	w := world(t)
	put(t, w, stagestest.Buffer, w.Path(stagestest.Buffer), "somebody else's")
	w.Do("package", stagestest.Source, stagestest.Buffer)
	if text, _ := w.Read(stagestest.Buffer, w.Path(stagestest.Buffer)); int64(len(text)) != w.Package.Size {
		t.Errorf("%d bytes under the final name, want %d", len(text), w.Package.Size)
	}
	found, err := filepath.Glob(filepath.Join(w.Root(stagestest.Buffer), opsdb.QuarantineDir, "*", w.Path(stagestest.Buffer)))
	if err != nil || len(found) != 1 {
		t.Errorf("set aside: %v %v", found, err)
	}
}

// A package that was lost is made again with the same digest, or not at all (S4).
func TestPackingAgainAfterALoss(t *testing.T) {
	t.Parallel()
	t.Run("same files", func(t *testing.T) {
		t.Parallel()
		w := packed(t)
		digest := w.Package.Digest
		remove(t, w, stagestest.Buffer, w.Path(stagestest.Buffer))
		delete(w.Copies, stagestest.Buffer)
		if out := w.Do("package", stagestest.Source, stagestest.Buffer); out.Packed.Digest != digest {
			t.Errorf("digest %s, was %s", out.Packed.Digest, digest)
		}
	})
	t.Run("changed file", func(t *testing.T) {
		t.Parallel()
		w := packed(t)
		remove(t, w, stagestest.Buffer, w.Path(stagestest.Buffer))
		w.WriteSource("obs1/a", "ALPHA, and longer")
		_, err := w.Try("package", stagestest.Source, stagestest.Buffer)
		wantFailure(t, err, opsdb.BadData, "")
	})
	t.Run("changed bytes only", func(t *testing.T) {
		t.Parallel()
		w := packed(t)
		remove(t, w, stagestest.Buffer, w.Path(stagestest.Buffer))
		w.Corrupt(stagestest.Source, "obs1/a")
		_, err := w.Try("package", stagestest.Source, stagestest.Buffer)
		wantFailure(t, err, opsdb.BadData, "")
		if !w.Missing(stagestest.Buffer, w.Path(stagestest.Buffer)) {
			t.Error("other bytes have the final name")
		}
	})
}

// A disk that is away is a failure about that disk; nobody says its files vanished (S9).
func TestPackingWithADiskAway(t *testing.T) {
	t.Parallel()
	for _, location := range []string{stagestest.Source, stagestest.Buffer} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			w := world(t)
			unmount(t, w, location)
			_, err := w.Try("package", stagestest.Source, stagestest.Buffer)
			wantFailure(t, err, opsdb.Environment, "location:"+location)
		})
	}
}

// fullDisk has no room for what is put.
type fullDisk struct{ *disk.Disk }

func (fullDisk) Put(_ context.Context, p storage.Put) (storage.Reading, error) {
	if err := p.Write(fullWriter{}); err != nil {
		return storage.Reading{}, err
	}
	return storage.Reading{}, storage.ErrFull
}

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, storage.ErrFull }

func TestPackingToAFullDisk(t *testing.T) {
	t.Parallel()
	g := replaced(ground(t), stagestest.Buffer, func(st storage.Storage) storage.Storage { return fullDisk{st.(*disk.Disk)} })
	w := stagestest.NewWorld(t, g, map[string]string{"big": strings.Repeat("x", 1<<20)})
	_, err := w.Try("package", stagestest.Source, stagestest.Buffer)
	wantFailure(t, err, opsdb.Environment, "location:"+stagestest.Buffer)
}

// An attempt that was stopped while another one packed the group without a member that changed comes back: the tar that
// lies there is not its own, and it sets nothing aside.
func TestALateAttemptLeavesTheTarOfALaterOne(t *testing.T) {
	t.Parallel()
	w := world(t)
	late := w.Work("package", stagestest.Source, stagestest.Buffer, opsdb.Whole)
	late.Stale = opsdb.ErrStale
	w.Table = w.Table[1:]
	out := w.Do("package", stagestest.Source, stagestest.Buffer)
	good, err := w.Read(stagestest.Buffer, w.Path(stagestest.Buffer))
	must(t, err)
	if _, err := w.Attempt(t.Context(), late, 0); !errors.Is(err, opsdb.ErrStale) {
		t.Errorf("the late attempt ended with %v", err)
	}
	if now, err := w.Read(stagestest.Buffer, w.Path(stagestest.Buffer)); err != nil || now != good || out.Packed == nil {
		t.Errorf("the good tar is gone: %v", err)
	}
}
