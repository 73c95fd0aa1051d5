package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
)

// resident is how many bytes of a file are in the page cache.
func resident(t *testing.T, path string) int {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	info, err := f.Stat()
	must(t, err)
	b, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	must(t, err)
	page := os.Getpagesize()
	in := make([]byte, (len(b)+page-1)/page)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(unsafe.Pointer(&in[0])))
	must(t, errors.Join(unix.Munmap(b), f.Close()))
	if errno != 0 {
		t.Fatal(errno)
	}
	n := 0
	for _, p := range in {
		n += int(p&1) * page
	}
	return n
}

// TestReadBackLeavesNoCache: what was put and read back does not push other files out
// of the cache; that it was dropped in between is what makes the reading one of the medium.
func TestReadBackLeavesNoCache(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	const size = 80 << 20
	r := put(t, d, "x", random(size, 1))
	if r.Medium != opsdb.FromMedium {
		return // a temporary folder in memory has no medium
	}
	path := filepath.Join(d.path, "x")
	if n := resident(t, path); n > window+blockSize {
		t.Errorf("%d bytes are in the cache after the put", n)
	}
	_, err := d.Read(t.Context(), "x", false, nil)
	must(t, err)
	if n := resident(t, path); n < size/2 {
		t.Errorf("only %d bytes are in the cache after a reading that may leave them there", n)
	}
	_, err = d.Read(t.Context(), "x", true, nil)
	must(t, err)
	if n := resident(t, path); n > window+blockSize {
		t.Errorf("%d bytes are in the cache after a reading of the medium", n)
	}
}
