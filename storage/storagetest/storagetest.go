// Package storagetest is the conformance suite of package storage, and a
// storage that fails on demand for the tests of others. An adapter's own test is:
//
//	func TestConformance(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Storage { … an empty location with a marker … })
//	}
//
// What is a [storage.Receiver] or a [storage.Tree] is held to those promises
// too. It imports storage and opsdb.
package storagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// New makes a storage for one test: empty, with its marker, gone when the test ends.
type New func(t *testing.T) storage.Storage

// Run holds a storage against every promise of the contract.
func Run(t *testing.T, make New) {
	t.Helper()
	group(t, "storage", make, []check{
		{"init", checkInit}, {"check", checkCheck}, {"put and read", checkPut}, {"open a range", checkOpen},
		{"missing", checkMissing}, {"outside", checkOutside}, {"taken name", checkTaken}, {"one wins", checkRace},
		{"adopt together", checkAdoptTogether}, {"wrong expectation", checkExpectation}, {"no expectation", checkNoExpectation},
		{"broken content", checkBroken}, {"cancel", checkCancel}, {"cancelled before", checkCancelled},
		{"put small", checkSmall}, {"list", checkList}, {"quarantine", checkQuarantine}, {"trash", checkTrash},
		{"restore does not replace", checkRestore}, {"trash is taken", checkTrashTaken}, {"discard", checkDiscard},
	})
	if _, ok := make(t).(storage.Receiver); ok {
		group(t, "receiver", make, receiverChecks())
	}
	if _, ok := make(t).(storage.Tree); ok {
		group(t, "tree", make, treeChecks())
	}
}

type check struct {
	name string
	run  func(t *testing.T, s storage.Storage)
}

func group(t *testing.T, name string, make New, checks []check) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, make(t))
			})
		}
	})
}

// NewAttempt is the first attempt of a new task.
func NewAttempt() storage.Attempt {
	return storage.Attempt{Task: opsdb.NewID(), Epoch: "epoch", Token: 1}
}

// Next is the following attempt of the same task.
func Next(a storage.Attempt) storage.Attempt {
	a.Token++
	return a
}

// Bytes are n bytes that differ with the seed and are the same on every run.
func Bytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	var s [32]byte
	for i := range 8 {
		s[i] = byte(seed >> (8 * i))
	}
	_, _ = rand.NewChaCha8(s).Read(b)
	return b
}

// Digest is the digest of b.
func Digest(b []byte) opsdb.Digest {
	sum := sha256.Sum256(b)
	return opsdb.Digest(hex.EncodeToString(sum[:]))
}

// Segments are the digests of b per size bytes.
func Segments(b []byte, size int) []opsdb.Digest {
	var out []opsdb.Digest
	for len(b) > 0 {
		n := min(size, len(b))
		out = append(out, Digest(b[:n]))
		b = b[n:]
	}
	return out
}

// PutOf is a request to store b, expected to be b.
func PutOf(a storage.Attempt, path string, b []byte) storage.Put {
	return storage.Put{
		Attempt: a,
		Path:    path,
		Write:   func(w io.Writer) error { _, err := w.Write(b); return err },
		Expect:  func() storage.Expect { return storage.Expect{Digest: Digest(b), Size: int64(len(b))} },
	}
}

// MustPut stores b under path.
func MustPut(t *testing.T, s storage.Storage, path string, b []byte) storage.Reading {
	t.Helper()
	r, err := s.Put(t.Context(), PutOf(NewAttempt(), path, b))
	if err != nil {
		t.Fatalf("put %q: %v", path, err)
	}
	return r
}

// Content is what an object holds.
func Content(t *testing.T, s storage.Storage, path string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), path, 0, -1)
	if err != nil {
		t.Fatalf("open %q: %v", path, err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %q: %v", path, err)
	}
	return b
}

// wants fails the test unless err is want.
func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func absent(t *testing.T, s storage.Storage, path string) {
	t.Helper()
	_, err := s.Stat(t.Context(), path)
	wants(t, "stat "+path, err, fs.ErrNotExist)
}

func holds(t *testing.T, s storage.Storage, path string, want []byte) {
	t.Helper()
	if got := Content(t, s, path); Digest(got) != Digest(want) {
		t.Errorf("%q holds %d bytes, not the %d expected", path, len(got), len(want))
	}
}
