package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// large is content of several strides that does not end with one.
func large() []byte { return random(3*stride+12345, 7) }

func putLarge(d *Disk, t *testing.T, content []byte) (storage.Reading, error) {
	return d.Put(t.Context(), putOf("raw/large.tar", 1, content))
}

// TestReadAlong: a large object that is read back while it is written gives what reading it afterwards gives.
func TestReadAlong(t *testing.T) {
	t.Parallel()
	for _, size := range []int{stride, stride + 1, 2 * stride, 3*stride + 12345} {
		d := newDisk(t, Options{})
		content := random(size, 7)
		got, err := putLarge(d, t, content)
		if err != nil {
			t.Fatal(err)
		}
		want, err := d.Read(t.Context(), "raw/large.tar", true, nil)
		if err != nil || got.Digest != want.Digest || got.Size != want.Size || got.Identity != want.Identity || got.Medium != want.Medium || len(got.Segments) != len(want.Segments) {
			t.Errorf("%d bytes: put says %+v, a reading %+v, %v", size, got, want, err)
		}
		for i := range want.Segments {
			if got.Segments[i] != want.Segments[i] {
				t.Errorf("%d bytes: segment %d differs", size, i)
			}
		}
	}
}

// TestReadAlongBySegments: the segments' digests find the same, and a wrong promise is found too.
func TestReadAlongBySegments(t *testing.T) {
	t.Parallel()
	content := large()
	d := newDisk(t, Options{})
	whole, err := putLarge(d, t, content)
	if err != nil {
		t.Fatal(err)
	}
	right := storage.Expect{Digest: whole.Digest, Size: whole.Size, Segments: whole.Segments}
	wrong := storage.Expect{Digest: whole.Segments[0], Size: whole.Size, Segments: whole.Segments[:1]}
	for name, want := range map[string]storage.Expect{"right": right, "wrong": wrong} {
		p := putOf("raw/"+name, 2, content)
		p.Segmented, p.Expect = true, func() storage.Expect { return want }
		got, err := d.Put(t.Context(), p)
		if good := err == nil && got.Digest == whole.Digest && got.Size == whole.Size; good != (name == "right") || !good && !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestReadAlongFindsWhatTheMediumChanged: a byte that flips after it was synced is found.
func TestReadAlongFindsWhatTheMediumChanged(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	flipped := false
	d.kernel = &onSync{do: func(f *os.File) {
		if !flipped {
			flipped = true
			b := []byte{0}
			_, err := f.ReadAt(b, stride/2)
			b[0] ^= 1
			if _, werr := f.WriteAt(b, stride/2); err != nil || werr != nil {
				t.Error(err, werr)
			}
		}
	}}
	if _, err := putLarge(d, t, large()); !errors.Is(err, storage.ErrMismatch) {
		t.Fatalf("got %v", err)
	}
	nothingNamed(t, d, "raw/large.tar", 0)
}

// onSync does something after the first sync of a regular file, and makes it durable.
type onSync struct {
	linux
	do func(f *os.File)
}

func (k *onSync) sync(f *os.File) error {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() >= stride {
		k.do(f)
	}
	return k.linux.sync(f)
}

// TestReadAlongOfAFailedSync: a sync that fails on the way fails the attempt, though a later one succeeds (S5).
func TestReadAlongOfAFailedSync(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	d.kernel = &failOnce{}
	if _, err := putLarge(d, t, large()); !errors.Is(err, unix.EIO) {
		t.Fatalf("got %v", err)
	}
	nothingNamed(t, d, "raw/large.tar", 0)
}

type failOnce struct {
	linux
	failed bool
}

func (k *failOnce) sync(f *os.File) error {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() >= stride && !k.failed {
		k.failed = true
		return unix.EIO
	}
	return k.linux.sync(f)
}

// TestReadAlongOfAFailedWriting: the follower ends with the writing.
func TestReadAlongOfAFailedWriting(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	broken := errors.New("source broke")
	_, err := d.Put(t.Context(), storage.Put{Attempt: attempt(1), Path: "raw/large.tar", Write: func(w io.Writer) error {
		if _, err := io.Copy(w, bytes.NewReader(large())); err != nil {
			return err
		}
		return broken
	}})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	nothingNamed(t, d, "raw/large.tar", 0)
}
