package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// faulty is a kernel that fails.
type faulty struct {
	linux
	syncFile  error // of regular files
	syncDir   error // of directories
	writeErr  error // after writeOK bytes
	writeOK   int64
	written   atomic.Int64
	placeErr  error
	onDropped func(f *os.File) // before a reading
}

func (k *faulty) sync(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() && k.syncDir != nil {
		return k.syncDir
	}
	if !info.IsDir() && k.syncFile != nil {
		return k.syncFile
	}
	return k.linux.sync(f)
}

func (k *faulty) write(f *os.File, p []byte) (int, error) {
	if k.writeErr != nil && k.written.Add(int64(len(p))) > k.writeOK {
		return 0, k.writeErr
	}
	return k.linux.write(f, p)
}

func (k *faulty) place(from *dir, name string, to *dir, as string) error {
	if k.placeErr != nil {
		return k.placeErr
	}
	return k.linux.place(from, name, to, as)
}

func (k *faulty) drop(f *os.File, offset, length int64) error {
	if k.onDropped != nil && offset == 0 && length == 0 {
		k.onDropped(f)
	}
	return k.linux.drop(f, offset, length)
}

func nothingNamed(t *testing.T, d *Disk, path string, parts int) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(d.path, path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s has its final name: %v", path, err)
	}
	left, err := d.Leftovers(t.Context(), attempt(1).Task)
	if err != nil || len(left) != parts {
		t.Errorf("leftovers %v, %v; want %d", left, err, parts)
	}
}

// TestFailedSync: a failed fsync fails the attempt and the file, which nobody may adopt (S5).
func TestFailedSync(t *testing.T) {
	t.Parallel()
	b := []byte("bytes")
	for name, do := range map[string]func(d *Disk) error{
		"put":       func(d *Disk) error { _, err := d.Put(t.Context(), putOf("x", 1, b)); return err },
		"put small": func(d *Disk) error { return d.PutSmall(t.Context(), attempt(1), "x", b) },
		"settle": func(d *Disk) error {
			path, err := d.PartPath(t.Context(), attempt(1))
			must(t, err)
			must(t, os.WriteFile(path, b, 0o644))
			_, err = d.Settle(t.Context(), attempt(1), "x", storage.Expect{Digest: digestOf(b), Size: 5}, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, Options{})
			d.kernel = &faulty{syncFile: unix.EIO}
			if err := do(d); !errors.Is(err, unix.EIO) {
				t.Errorf("got %v", err)
			}
			nothingNamed(t, d, "x", 0)
		})
	}
}

func TestFailedSyncOfUnpackedFile(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	d.kernel = &faulty{syncFile: unix.EIO}
	if err := d.WriteFile(t.Context(), attempt(1), "a/x", d.clock.Now(), strings.NewReader("x")); !errors.Is(err, unix.EIO) {
		t.Errorf("write says %v", err)
	}
	d.kernel = linux{}
	if _, err := d.ReadTree(t.Context(), attempt(1), "a/x", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

// TestFailedSyncOfDirectory: not an error of the bytes, but the name is not sure: the attempt fails, and the next adopts.
func TestFailedSyncOfDirectory(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	put(t, d, "warm", nil) // so that .part is there
	d.kernel = &faulty{syncDir: unix.EIO}
	if _, err := d.Put(t.Context(), putOf("x", 1, []byte("x"))); !errors.Is(err, unix.EIO) {
		t.Errorf("put says %v", err)
	}
	if _, err := d.Put(t.Context(), putOf("x", 2, []byte("x"))); !errors.Is(err, unix.EIO) {
		t.Errorf("adopting says %v", err)
	}
	d.kernel = linux{}
	if _, err := d.Put(t.Context(), putOf("x", 3, []byte("x"))); err != nil {
		t.Errorf("adopting on a good disk: %v", err)
	}
}

func TestFailedWrite(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"in the last block": 10, "in the middle": 9 << 20} {
		for errno, want := range map[unix.Errno]error{
			unix.ENOSPC: storage.ErrFull, unix.EDQUOT: storage.ErrFull, unix.EROFS: storage.ErrReadOnly, unix.EIO: unix.EIO, unix.ESTALE: storage.ErrOffline,
		} {
			t.Run(name+" "+errno.Error(), func(t *testing.T) {
				t.Parallel()
				d := newDisk(t, Options{})
				d.kernel = &faulty{writeErr: errno, writeOK: int64(size) / 3}
				b := random(size, 1)
				if _, err := d.Put(t.Context(), putOf("x", 1, b)); !errors.Is(err, want) {
					t.Errorf("put says %v", err)
				}
				d.kernel = &faulty{writeErr: errno, writeOK: int64(size) / 3}
				if err := d.WriteFile(t.Context(), attempt(1), "x", d.clock.Now(), bytes.NewReader(b)); !errors.Is(err, want) {
					t.Errorf("write file says %v", err)
				}
				must(t, d.DiscardTree(t.Context(), attempt(1)))
				nothingNamed(t, d, "x", 0)
			})
		}
	}
}

// TestCorruptedOnMedium: a byte that changes between the writing and the reading back (C1).
func TestCorruptedOnMedium(t *testing.T) {
	t.Parallel()
	for _, expecting := range []bool{true, false} {
		d := newDisk(t, Options{})
		b := random(3<<20, 1)
		part := filepath.Join(d.path, ".part", attempt(1).Name())
		d.kernel = &faulty{onDropped: func(*os.File) { flip(t, part, 2<<20) }}
		p := putOf("x", 1, b)
		if !expecting {
			p.Expect = nil
		}
		if _, err := d.Put(t.Context(), p); !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("put says %v", err)
		}
		nothingNamed(t, d, "x", 0)
	}
}

func flip(t *testing.T, path string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	var b [1]byte
	_, err = f.ReadAt(b[:], offset)
	must(t, err)
	b[0] ^= 0x10
	_, err = f.WriteAt(b[:], offset)
	must(t, errors.Join(err, f.Close()))
}

func TestFailedRename(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	put(t, d, "there", []byte("there"))
	d.kernel = &faulty{placeErr: unix.EACCES}
	_, err := d.Put(t.Context(), putOf("x", 1, []byte("x")))
	_, quarantined := d.Quarantine(t.Context(), "there", attempt(2))
	for what, err := range map[string]error{
		"put": err, "quarantine": quarantined, "trash": d.Trash(t.Context(), "there", attempt(2)), "trash file": d.TrashFile(t.Context(), "there", attempt(2), 1),
	} {
		if !errors.Is(err, storage.ErrDenied) {
			t.Errorf("%s: %v", what, err)
		}
	}
	nothingNamed(t, d, "x", 0)
	if _, err := d.Stat(t.Context(), "there"); err != nil {
		t.Error(err)
	}
}

// TestUnreadableDirectory: a walk tells it and goes on.
func TestUnreadableDirectory(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	for _, p := range []string{"a/x", "b/x", "c/x"} {
		put(t, d, p, []byte(p))
	}
	must(t, os.Chmod(filepath.Join(d.path, "b"), 0))
	defer func() { _ = os.Chmod(filepath.Join(d.path, "b"), 0o755) }()
	var paths []string
	var errs []error
	asNobody(t, d.path, func() {
		for info, err := range d.Walk(t.Context(), "") {
			if err != nil {
				errs = append(errs, err)
			}
			paths = append(paths, info.Path)
		}
	})
	if strings.Join(paths, " ") != "a/x b c/x" || len(errs) != 1 || !errors.Is(errs[0], storage.ErrDenied) {
		t.Errorf("walked %q with %v", paths, errs)
	}
}

// asNobody calls do on a thread to which the file system grants nothing of
// root's; the thread ends with it. Who is not root needs no such thing.
func asNobody(t *testing.T, root string, do func()) {
	t.Helper()
	for dir := root; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o755))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			_, _ = unix.SetfsuidRetUid(65534)
		}
		do()
	}()
	<-done
}

// TestDenied: what the rights of a folder forbid is told as such.
func TestDenied(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	put(t, d, "there", []byte("x"))
	must(t, os.Chmod(filepath.Join(d.path, "there"), 0))
	errs := map[string]error{}
	asNobody(t, d.path, func() {
		_, errs["read"] = d.Read(t.Context(), "there", true, nil)
		errs["trash"] = d.Trash(t.Context(), "there", attempt(1))
		_, errs["check"] = d.Check(t.Context())
		_, errs["put"] = d.Put(t.Context(), putOf("x", 1, []byte("x")))
	})
	if os.Geteuid() != 0 { // the folders are one's own then
		errs = map[string]error{"read": errs["read"]}
	}
	for what, err := range errs {
		if f := storage.Classify(location, err); !errors.Is(err, storage.ErrDenied) || f.Reason != "refused" {
			t.Errorf("%s: %v, classified %+v", what, err, f)
		}
	}
}
