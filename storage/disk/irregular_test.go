package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// zoo fills a root with what is not a regular file and returns the names.
func zoo(t *testing.T, d *Disk) []string {
	t.Helper()
	in := func(name string) string { return filepath.Join(d.path, name) }
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.MkdirAll(filepath.Join(outside, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644))
	must(t, os.MkdirAll(in("real"), 0o755))
	must(t, os.WriteFile(in("real/file"), []byte("file"), 0o644))
	must(t, os.Symlink("real/file", in("to-file")))
	must(t, os.Symlink("real", in("to-dir")))
	must(t, os.Symlink(filepath.Join(outside, "secret"), in("to-outside")))
	must(t, os.Symlink(outside, in("to-outside-dir")))
	must(t, os.Symlink("../../../../../../../../etc/passwd", in("climbing")))
	must(t, os.Symlink("nowhere", in("dangling")))
	must(t, unix.Mkfifo(in("fifo"), 0o644))
	names := []string{"real", "to-file", "to-dir", "to-outside", "to-outside-dir", "climbing", "dangling", "fifo"}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	t.Chdir(d.path)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: "socket"}))
	names = append(names, "socket")
	if err := unix.Mknod(in("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err == nil {
		names = append(names, "device") // makers of devices are root
	}
	return names
}

// TestIrregular: nothing but regular files is read, moved or removed, whatever it is called (D6).
func TestIrregular(t *testing.T) {
	d := newDisk(t, Options{})
	ctx := t.Context()
	for i, name := range zoo(t, d) {
		a := attempt(int64(i))
		expectIrregular := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, storage.ErrIrregular) {
				t.Errorf("%s %s: %v", what, name, err)
			}
		}
		_, err := d.Open(ctx, name, 0, -1)
		expectIrregular("open", err)
		_, err = d.Read(ctx, name, true, nil)
		expectIrregular("read", err)
		_, err = d.OpenFile(ctx, name)
		expectIrregular("open file", err)
		_, err = d.AbsPath(ctx, name)
		expectIrregular("absolute path", err)
		expectIrregular("trash", d.Trash(ctx, name, a))
		expectIrregular("trash file", d.TrashFile(ctx, name, a, 1))
		if _, err := d.Put(ctx, putOf(name, int64(i), []byte("x"))); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put on %s: %v", name, err)
		}
		info, err := d.Stat(ctx, name)
		if err != nil || info.Mode.IsRegular() {
			t.Errorf("stat %s: %+v, %v", name, info, err)
		}
		if _, err := os.Lstat(filepath.Join(d.path, name)); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

// TestSymlinkInParent: a symlink is never a way, not even one that stays inside the root.
func TestSymlinkInParent(t *testing.T) {
	d := newDisk(t, Options{})
	zoo(t, d)
	ctx := t.Context()
	for _, path := range []string{"to-dir/file", "to-outside-dir/secret", "to-outside-dir/new", "to-file/x", "real/file/x", "dangling/x", "fifo/x"} {
		_, err := d.Stat(ctx, path)
		if !errors.Is(err, storage.ErrIrregular) {
			t.Errorf("stat %s: %v", path, err)
		}
		if _, err := d.Put(ctx, putOf(path, 1, []byte("x"))); !errors.Is(err, storage.ErrIrregular) {
			t.Errorf("put %s: %v", path, err)
		}
		if err := d.Trash(ctx, path, attempt(1)); !errors.Is(err, storage.ErrIrregular) {
			t.Errorf("trash %s: %v", path, err)
		}
		if err := d.RemoveDirs(ctx, path+"/y"); err != nil && !errors.Is(err, storage.ErrIrregular) {
			t.Errorf("remove the directories of %s: %v", path, err)
		}
	}
	if left, err := d.Leftovers(ctx, attempt(1).Task); err != nil || len(left) != 0 {
		t.Errorf("leftovers %v, %v", left, err)
	}
}

// TestOwnFoldersAsSymlinks: CDT's own folders are no way out either.
func TestOwnFoldersAsSymlinks(t *testing.T) {
	t.Parallel()
	for _, own := range []string{".part", ".trash", ".quarantine"} {
		d := newDisk(t, Options{})
		put(t, d, "there", []byte("x"))
		elsewhere := t.TempDir()
		must(t, os.RemoveAll(filepath.Join(d.path, own)))
		must(t, os.Symlink(elsewhere, filepath.Join(d.path, own)))
		var err error
		switch own {
		case ".part":
			_, err = d.Put(t.Context(), putOf("new", 2, []byte("x")))
		case ".trash":
			err = d.Trash(t.Context(), "there", attempt(2))
		default:
			_, err = d.Quarantine(t.Context(), "there", attempt(2))
		}
		if !errors.Is(err, storage.ErrIrregular) {
			t.Errorf("%s as a symlink: %v", own, err)
		}
		if names, err := os.ReadDir(elsewhere); err != nil || len(names) != 0 {
			t.Errorf("%s as a symlink was followed: %v, %v", own, names, err)
		}
	}
}

func TestWalkTellsWhatIsIrregular(t *testing.T) {
	d := newDisk(t, Options{})
	names := zoo(t, d)
	seen := map[string]fs.FileMode{}
	for info, err := range d.Walk(t.Context(), "") {
		must(t, err)
		seen[info.Path] = info.Mode
	}
	for _, name := range names[1:] {
		if mode, ok := seen[name]; !ok || mode.IsRegular() || mode.IsDir() {
			t.Errorf("%s was seen as %s, %v", name, mode, ok)
		}
	}
	if mode, ok := seen["real/file"]; !ok || !mode.IsRegular() || len(seen) != len(names) {
		t.Errorf("seen %v", seen)
	}
}

// TestReadOnlyFileIsDeletable (D6): the right to remove is the folder's.
func TestReadOnlyFileIsDeletable(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	put(t, d, "x", []byte("x"))
	must(t, os.Chmod(filepath.Join(d.path, "x"), 0o400))
	must(t, d.Trash(t.Context(), "x", attempt(1)))
	must(t, d.Purge(t.Context(), attempt(1)))
}

// What is no regular file is not even opened: a device may act on that, and a FIFO's writer is woken.
func TestNothingIrregularIsOpened(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	path := filepath.Join(d.path, "fifo")
	must(t, unix.Mkfifo(path, 0o644))
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
	must(t, err)
	if _, err := d.OpenFile(t.Context(), "fifo"); !errors.Is(err, storage.ErrIrregular) {
		t.Errorf("open: %v", err)
	}
	if n, err := unix.Read(fd, make([]byte, 4096)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("it was opened: %d bytes of events, %v", n, err)
	}
}

// A file that becomes a FIFO just before it is opened is seen to be one.
func TestAFileThatBecomesAFIFOWhileItIsOpened(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	one, other := filepath.Join(d.path, "one"), filepath.Join(d.path, "other")
	must(t, os.WriteFile(one, []byte("x"), 0o644))
	must(t, unix.Mkfifo(other, 0o644))
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, one, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
			}
		}
	}()
	for range 3000 {
		f, err := d.OpenFile(t.Context(), "one")
		if errors.Is(err, storage.ErrIrregular) {
			continue
		}
		must(t, err)
		info, err := f.Info()
		must(t, errors.Join(err, f.Close()))
		if !info.Mode.IsRegular() {
			t.Errorf("opened %s", info.Mode)
			break
		}
	}
	close(done)
	<-ended
}

// What came into the trash in place of a file is neither held nor purged.
func TestNothingIrregularLeavesTheTrash(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	ctx, a := t.Context(), attempt(1)
	must(t, os.WriteFile(filepath.Join(d.path, "x"), []byte("x"), 0o644))
	must(t, d.Trash(ctx, "x", a))
	at := filepath.Join(d.path, opsdb.TrashDir, a.Name())
	must(t, os.Remove(at))
	must(t, os.Symlink("../x", at))
	if _, err := d.Held(ctx, a); !errors.Is(err, storage.ErrIrregular) {
		t.Errorf("held: %v", err)
	}
	if err := d.Purge(ctx, a); !errors.Is(err, storage.ErrIrregular) {
		t.Errorf("purge: %v", err)
	}
	if _, err := os.Lstat(at); err != nil {
		t.Error(err)
	}
}
