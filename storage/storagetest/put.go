package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

func checkInit(t *testing.T, s storage.Storage) {
	h, err := s.Check(t.Context())
	must(t, "check", err)
	must(t, "init again with the same marker", s.Init(t.Context(), h.Marker, false))
	other := h.Marker
	other.ID = opsdb.NewID()
	wants(t, "init with another marker", s.Init(t.Context(), other, false), storage.ErrForeign)
	wants(t, "adopt with another marker", s.Init(t.Context(), other, true), storage.ErrForeign)
	again, err := s.Check(t.Context())
	must(t, "check after that", err)
	if again.Marker.ID != h.Marker.ID {
		t.Errorf("marker is now %s, was %s", again.Marker.ID, h.Marker.ID)
	}
}

func checkCheck(t *testing.T, s storage.Storage) {
	h, err := s.Check(t.Context())
	must(t, "check", err)
	if h.Marker.ID == "" || h.Marker.Location != s.Location() {
		t.Errorf("marker %+v of %s", h.Marker, s.Location())
	}
	if h.Free == 0 || h.Total < 0 {
		t.Errorf("free %d of %d", h.Free, h.Total)
	}
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("check left %q", got)
	}
}

func checkPut(t *testing.T, s storage.Storage) {
	for i, size := range []int{0, 1, 4095, 1<<20 + 1, 9<<20 + 17} {
		b := Bytes(size, uint64(i))
		p := PutOf(NewAttempt(), fmt.Sprintf("a/b-%d/c.tar", i), b)
		told := map[string]int64{}
		var mu sync.Mutex
		p.Progress = func(phase string, n int64) { mu.Lock(); told[phase] += n; mu.Unlock() }
		put, err := s.Put(t.Context(), p)
		must(t, "put", err)
		read, err := s.Read(t.Context(), p.Path, true, nil)
		must(t, "read", err)
		for _, r := range []storage.Reading{put, read} {
			if r.Digest != Digest(b) || r.Size != int64(size) || r.Medium == "" || r.Identity == "" {
				t.Errorf("size %d: reading %+v", size, r)
			}
		}
		if told[storage.Moving] != int64(size) {
			t.Errorf("size %d: progress told %v", size, told)
		}
		info, err := s.Stat(t.Context(), p.Path)
		must(t, "stat", err)
		if info.Size != int64(size) || info.Path != p.Path || !info.Mode.IsRegular() || info.Identity != read.Identity {
			t.Errorf("size %d: info %+v, reading %+v", size, info, read)
		}
		holds(t, s, p.Path, b)
	}
}

func checkOpen(t *testing.T, s storage.Storage) {
	b := Bytes(3<<20, 1)
	MustPut(t, s, "ranges.tar", b)
	for _, c := range []struct{ offset, length, end int64 }{
		{0, -1, 3 << 20}, {0, 10, 10}, {1 << 20, 1 << 20, 2 << 20}, {3<<20 - 1, -1, 3 << 20}, {3<<20 - 1, 100, 3 << 20}, {5, 0, 5}, {3 << 20, -1, 3 << 20},
	} {
		r, err := s.Open(t.Context(), "ranges.tar", c.offset, c.length)
		must(t, "open", err)
		var got bytes.Buffer
		_, err = io.Copy(&got, r) // takes the way of WriterTo, if there is one
		must(t, "copy", errors.Join(err, r.Close()))
		if !bytes.Equal(got.Bytes(), b[c.offset:c.end]) {
			t.Errorf("from %d, %d bytes: got %d other bytes", c.offset, c.length, got.Len())
		}
	}
}

func checkMissing(t *testing.T, s storage.Storage) {
	ctx, a := t.Context(), NewAttempt()
	_, err := s.Stat(ctx, "no/thing")
	wants(t, "stat", err, fs.ErrNotExist)
	_, err = s.Open(ctx, "no/thing", 0, -1)
	wants(t, "open", err, fs.ErrNotExist)
	_, err = s.Read(ctx, "no/thing", true, nil)
	wants(t, "read", err, fs.ErrNotExist)
	_, err = s.Quarantine(ctx, "no/thing", a)
	wants(t, "quarantine", err, fs.ErrNotExist)
	wants(t, "trash", s.Trash(ctx, "no/thing", a), fs.ErrNotExist)
	_, err = s.Held(ctx, a)
	wants(t, "held", err, fs.ErrNotExist)
	wants(t, "restore", s.Restore(ctx, a, "no/thing"), fs.ErrNotExist)
	wants(t, "purge", s.Purge(ctx, a), fs.ErrNotExist)
}

func checkOutside(t *testing.T, s storage.Storage) {
	for _, path := range []string{"", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "nul\x00", opsdb.MarkerName, opsdb.PartDir + "/x", opsdb.TrashDir + "/x"} {
		_, err := s.Put(t.Context(), PutOf(NewAttempt(), path, []byte("x")))
		wants(t, fmt.Sprintf("put %q", path), err, storage.ErrOutside)
		wants(t, fmt.Sprintf("put small %q", path), s.PutSmall(t.Context(), NewAttempt(), path, nil), storage.ErrOutside)
		_, err = s.Stat(t.Context(), path)
		wants(t, fmt.Sprintf("stat %q", path), err, storage.ErrOutside)
		_, err = s.Open(t.Context(), path, 0, -1)
		wants(t, fmt.Sprintf("open %q", path), err, storage.ErrOutside)
		wants(t, fmt.Sprintf("trash %q", path), s.Trash(t.Context(), path, NewAttempt()), storage.ErrOutside)
		_, err = s.Quarantine(t.Context(), path, NewAttempt())
		wants(t, fmt.Sprintf("quarantine %q", path), err, storage.ErrOutside)
	}
	kept := opsdb.QuarantineDir + "/x" // can be read, and nothing is put there
	_, err := s.Put(t.Context(), PutOf(NewAttempt(), kept, []byte("x")))
	wants(t, "put into the quarantine", err, storage.ErrOutside)
	wants(t, "put small into the quarantine", s.PutSmall(t.Context(), NewAttempt(), kept, nil), storage.ErrOutside)
	for _, task := range []opsdb.ID{"../../x", "a/b"} {
		evil := storage.Attempt{Task: task, Epoch: "e", Token: 1}
		_, err := s.Put(t.Context(), PutOf(evil, "fine", []byte("x")))
		wants(t, fmt.Sprintf("put of an attempt %q with a path for a name", task), err, storage.ErrOutside)
	}
}

func checkTaken(t *testing.T, s storage.Storage) {
	first := MustPut(t, s, "p.tar", []byte("first"))
	same, err := s.Put(t.Context(), PutOf(NewAttempt(), "p.tar", []byte("first")))
	must(t, "put of the same", err)
	if same.Identity != first.Identity {
		t.Errorf("the object was replaced: %s, was %s", same.Identity, first.Identity)
	}
	_, err = s.Put(t.Context(), PutOf(NewAttempt(), "p.tar", []byte("other")))
	wants(t, "put of another content", err, fs.ErrExist)
	_, err = s.Put(t.Context(), PutOf(NewAttempt(), "p.tar", []byte("firs")))
	wants(t, "put of another size", err, fs.ErrExist)
	holds(t, s, "p.tar", []byte("first"))
}

func checkRace(t *testing.T, s storage.Storage) {
	const n = 8
	errs := together(n, func(i int) error {
		_, err := s.Put(t.Context(), PutOf(NewAttempt(), "deep/er/race.tar", Bytes(100_000, uint64(i))))
		return err
	})
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won >= 0:
			t.Errorf("both %d and %d won", won, i)
		case err == nil:
			won = i
		default:
			wants(t, "a loser", err, fs.ErrExist)
		}
	}
	if won < 0 {
		t.Fatal("nobody won")
	}
	holds(t, s, "deep/er/race.tar", Bytes(100_000, uint64(won)))
}

func checkAdoptTogether(t *testing.T, s storage.Storage) {
	b := Bytes(100_000, 1)
	for _, err := range together(8, func(int) error {
		_, err := s.Put(t.Context(), PutOf(NewAttempt(), "same/race.tar", b))
		return err
	}) {
		must(t, "put of the same content", err)
	}
	holds(t, s, "same/race.tar", b)
}

func together(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errs
}

func checkExpectation(t *testing.T, s storage.Storage) {
	for name, want := range map[string]storage.Expect{
		"digest": {Digest: Digest([]byte("other")), Size: 5},
		"size":   {Digest: Digest([]byte("bytes")), Size: 6},
	} {
		p := PutOf(NewAttempt(), name+".tar", []byte("bytes"))
		p.Expect = func() storage.Expect { return want }
		_, err := s.Put(t.Context(), p)
		wants(t, "put with a wrong "+name, err, storage.ErrMismatch)
		if onDisk(s) {
			absent(t, s, p.Path)
		}
	}
}

// onDisk tells storages whose final names mean verified (S5).
func onDisk(s storage.Storage) bool { _, ok := s.(storage.Receiver); return ok }

func checkNoExpectation(t *testing.T, s storage.Storage) {
	p := PutOf(NewAttempt(), "any.tar", []byte("bytes"))
	p.Expect = func() storage.Expect { return storage.Expect{} }
	r, err := s.Put(t.Context(), p)
	must(t, "put without an expectation", err)
	if r.Digest != Digest([]byte("bytes")) {
		t.Errorf("read back %s", r.Digest)
	}
}

func checkBroken(t *testing.T, s storage.Storage) {
	broken := errors.New("broken")
	p := PutOf(NewAttempt(), "broken.tar", nil)
	p.Write = func(w io.Writer) error {
		_, err := w.Write(Bytes(3<<20, 1))
		return errors.Join(err, broken)
	}
	_, err := s.Put(t.Context(), p)
	wants(t, "put", err, broken)
	absent(t, s, "broken.tar")
}

func checkCancel(t *testing.T, s storage.Storage) {
	ctx, cancel := context.WithCancel(t.Context())
	a := NewAttempt()
	p := PutOf(a, "cancelled.tar", nil)
	p.Write = func(w io.Writer) error {
		b := Bytes(1<<20, 1)
		for range 16 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			cancel()
		}
		return nil
	}
	_, err := s.Put(ctx, p)
	wants(t, "put", err, context.Canceled)
	absent(t, s, "cancelled.tar")
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("left %q", got)
	}
	must(t, "discard", s.Discard(t.Context(), a))
	left, err := s.Leftovers(t.Context(), a.Task)
	must(t, "leftovers", err)
	if len(left) != 0 {
		t.Errorf("leftovers %v after discard", left)
	}
}

func checkCancelled(t *testing.T, s storage.Storage) {
	MustPut(t, s, "there.tar", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := NewAttempt()
	_, err := s.Check(ctx)
	wants(t, "check", err, context.Canceled)
	_, err = s.Stat(ctx, "there.tar")
	wants(t, "stat", err, context.Canceled)
	_, err = s.Read(ctx, "there.tar", true, nil)
	wants(t, "read", err, context.Canceled)
	_, err = s.Put(ctx, PutOf(a, "new.tar", []byte("x")))
	wants(t, "put", err, context.Canceled)
	wants(t, "trash", s.Trash(ctx, "there.tar", a), context.Canceled)
	absent(t, s, "new.tar")
	holds(t, s, "there.tar", []byte("x"))
}

func checkSmall(t *testing.T, s storage.Storage) {
	a := NewAttempt()
	must(t, "put small", s.PutSmall(t.Context(), a, "d/p.json", []byte("{}")))
	holds(t, s, "d/p.json", []byte("{}"))
	must(t, "put the same again", s.PutSmall(t.Context(), a, "d/p.json", []byte("{}")))
	wants(t, "put another", s.PutSmall(t.Context(), Next(a), "d/p.json", []byte("[]")), fs.ErrExist)
	holds(t, s, "d/p.json", []byte("{}"))
}

func list(t *testing.T, s storage.Storage, prefix string) []string {
	t.Helper()
	var paths []string
	for info, err := range s.List(t.Context(), prefix) {
		must(t, "list "+prefix, err)
		paths = append(paths, info.Path)
	}
	slices.Sort(paths)
	return paths
}

func checkList(t *testing.T, s storage.Storage) {
	for _, p := range []string{"a/1.tar", "a/b/2.tar", "a.b", "c.tar"} {
		MustPut(t, s, p, []byte(p))
	}
	MustPut(t, s, "bad.tar", []byte("x"))
	_, err := s.Quarantine(t.Context(), "bad.tar", NewAttempt())
	must(t, "quarantine", err)
	for prefix, want := range map[string][]string{
		"": {"a.b", "a/1.tar", "a/b/2.tar", "c.tar"}, "a": {"a/1.tar", "a/b/2.tar"}, "a/b": {"a/b/2.tar"}, "none": nil,
	} {
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q: %q, want %q", prefix, got, want)
		}
	}
	for range s.List(t.Context(), "") {
		break // stopping early is fine
	}
}
