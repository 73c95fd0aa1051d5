package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// gappy is content with runs of zeros of any size between other bytes, at any place.
func gappy(last int) []byte {
	var b []byte
	for i, n := range []int{100, blockSize, 3*blockSize + 17, smallestHole - 1, smallestHole, 2 * blockSize} {
		b = append(append(b, random(7+i*blockSize/3, uint64(i))...), make([]byte, n)...)
	}
	return append(b, make([]byte, last)...)
}

// taken is how many bytes a file takes on its file system.
func taken(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// Blocks of zeros become holes, and every reader gets the same bytes.
func TestZerosBecomeHoles(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"gaps": gappy(0), "ends with a whole block": gappy(5 * blockSize), "ends with a part of one": gappy(blockSize + smallestHole + 5), "ends with few": gappy(9),
		"zeros alone": make([]byte, 4*blockSize), "few zeros": make([]byte, 10), "long": append(random(100, 1), make([]byte, 2*stride+3)...),
	} {
		d := newDisk(t, Options{})
		got, err := d.Put(t.Context(), putOf("raw/p.tar", 1, content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join(d.path, "raw/p.tar")
		back, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(back, content) {
			t.Fatalf("%s: %d bytes are there, %d were put, or others (%v)", name, len(back), len(content), err)
		}
		want, err := d.Read(t.Context(), "raw/p.tar", true, nil)
		if err != nil || want.Digest != got.Digest || want.Size != int64(len(content)) {
			t.Errorf("%s: put says %+v, a reading %+v, %v", name, got, want, err)
		}
		if holds := int64(len(bytes.ReplaceAll(content, make([]byte, blockSize), nil))) + 3*blockSize; taken(t, path) > holds {
			t.Errorf("%s: %d bytes take %d on the disk, without the zeros there are %d", name, len(content), taken(t, path), holds)
		}
	}
}

// An unpacked file has its holes too.
func TestAnUnpackedFileHasHoles(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	a := putOf("x", 1, nil).Attempt
	content := append(make([]byte, 8*blockSize), 'x')
	if err := d.WriteFile(t.Context(), a, "f", time.Unix(1, 0), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if err := d.CommitTree(t.Context(), a, "out"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.path, "out/f")
	back, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(back, content) || taken(t, path) > 2*blockSize {
		t.Errorf("%d bytes that take %d, %v", len(back), taken(t, path), err)
	}
}

// A file that cannot be made longer is an error, and nothing has the name.
func TestAHoleThatCannotBeMade(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	p := putOf("raw/p.tar", 1, nil)
	p.Write = func(w io.Writer) error {
		if _, err := w.Write(bytes.Repeat([]byte("x"), blockSize)); err != nil {
			return err
		}
		w.(*filler).f = closedFile(t)
		_, err := w.Write(make([]byte, 3*blockSize))
		return err
	}
	if _, err := d.Put(t.Context(), p); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("it was put: %v", err)
	}
	if _, err := d.Stat(t.Context(), "raw/p.tar"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something has the name: %v", err)
	}
}

func closedFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "closed"))
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	return f
}

// What is read again soon stays in the cache after it was read back from the medium; what is not does not.
func TestSoonStaysInTheCache(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	content := random(2*stride+5*window+1, 3)
	cached := map[bool]int{}
	for n, soon := range []bool{false, true} {
		p := putOf([]string{"raw/later", "raw/soon"}[n], int64(n+1), content)
		p.Soon = soon
		got, err := d.Put(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got.Medium == "cache" {
			return // a file system in memory: there is nothing to see
		}
		cached[soon] = resident(t, filepath.Join(d.path, p.Path))
	}
	if cached[true] < len(content)/2 || cached[false] > cached[true]/2 {
		t.Errorf("of %d bytes %d are in the cache if they are read soon, %d if not", len(content), cached[true], cached[false])
	}
}

var _ storage.Prover = (*Disk)(nil)
