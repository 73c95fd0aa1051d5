package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

const location = "ccat.buffer"

// newDisk is a disk with a marker in a folder of its own.
func newDisk(t *testing.T, opts Options) *Disk {
	t.Helper()
	d, err := New(location, filepath.Join(t.TempDir(), "root"), opts)
	if err != nil {
		t.Fatal(err)
	}
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: location}
	if err := d.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	return d
}

func attempt(token int64) storage.Attempt {
	return storage.Attempt{Task: "0192aaaa-0000-7000-8000-000000000001", Epoch: "e1", Token: token}
}

func digestOf(b []byte) opsdb.Digest {
	sum := sha256.Sum256(b)
	return opsdb.Digest(hex.EncodeToString(sum[:]))
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(s).Read(b)
	return b
}

func put(t *testing.T, d *Disk, path string, b []byte) storage.Reading {
	t.Helper()
	r, err := d.Put(t.Context(), putOf(path, 1, b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func putOf(path string, token int64, b []byte) storage.Put {
	return storage.Put{
		Attempt: attempt(token),
		Path:    path,
		Write:   func(w io.Writer) error { _, err := w.Write(b); return err },
		Expect:  func() storage.Expect { return storage.Expect{Digest: digestOf(b), Size: int64(len(b))} },
	}
}

// TestDigestsAtEverySize covers the borders of blocks, windows and segments.
func TestDigestsAtEverySize(t *testing.T) {
	t.Parallel()
	const segment = 1 << 20
	d := newDisk(t, Options{SegmentSize: segment})
	for i, size := range []int{0, 1, segment - 1, segment, segment + 1, 2*segment - 1, 2 * segment, 5*segment + 7, 9 * segment, 20*segment + 1} {
		b := random(size, uint64(i))
		r := put(t, d, "sizes/"+string(rune('a'+i)), b)
		if r.Digest != digestOf(b) || r.Size != int64(size) {
			t.Fatalf("size %d: read back %s of %d", size, r.Digest, r.Size)
		}
		var want []opsdb.Digest
		for rest := b; len(rest) > 0; rest = rest[min(segment, len(rest)):] {
			want = append(want, digestOf(rest[:min(segment, len(rest))]))
		}
		if len(want) != len(r.Segments) {
			t.Fatalf("size %d: %d segments, want %d", size, len(r.Segments), len(want))
		}
		for k := range want {
			if want[k] != r.Segments[k] {
				t.Errorf("size %d: segment %d is %s, want %s", size, k, r.Segments[k], want[k])
			}
		}
	}
}

// TestManySmallWrites goes through the writer in pieces that fit no block.
func TestManySmallWrites(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	b := random(3*blockSize+4321, 7)
	p := putOf("pieces", 1, b)
	p.Write = func(w io.Writer) error {
		for rest := b; len(rest) > 0; {
			n := min(len(rest), 777)
			if _, err := w.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
	if _, err := d.Put(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	f, err := d.Open(t.Context(), "pieces", 10, 2*blockSize)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, b[10:10+2*blockSize]) {
		t.Fatalf("read %d other bytes: %v", len(got), err)
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	broken := errors.New("the source broke")
	p := putOf("never", 1, nil)
	p.Write = func(w io.Writer) error {
		_, err := w.Write(make([]byte, 5*blockSize))
		return errors.Join(err, broken)
	}
	if _, err := d.Put(t.Context(), p); !errors.Is(err, broken) {
		t.Fatalf("put says %v", err)
	}
	if _, err := os.Lstat(filepath.Join(d.path, "never")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the final name is there: %v", err)
	}
	if left, err := d.Leftovers(t.Context(), attempt(1).Task); err != nil || len(left) != 0 {
		t.Errorf("leftovers %v, %v", left, err)
	}
}
