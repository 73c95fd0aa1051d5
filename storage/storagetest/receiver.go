package storagetest

import (
	"context"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/storage"
)

func receiverChecks() []check {
	both := func(name string, run func(t *testing.T, s storage.Storage, r storage.Receiver)) check {
		return check{name, func(t *testing.T, s storage.Storage) { run(t, s, s.(storage.Receiver)) }}
	}
	return []check{
		both("settle", checkSettle), both("settle again", checkSettleAgain), both("settle wrong bytes", checkSettleWrong),
		both("settle on a taken name", checkSettleTaken), both("settle cancelled", checkSettleCancelled), both("copy part", checkCopyPart),
		both("leftovers", checkLeftovers), both("reclaim", checkReclaim), both("absolute path", checkAbsPath),
		both("put replaces its own part only", checkOwnPart), both("part size", checkPartSize), both("part that may only be written", checkWriteOnly),
	}
}

// WritePart writes b as an attempt's part, as a transport would.
func WritePart(t *testing.T, s storage.Storage, a storage.Attempt, b []byte) string {
	t.Helper()
	path, err := s.(storage.Receiver).PartPath(t.Context(), a)
	must(t, "part path", err)
	must(t, "write the part", os.WriteFile(path, b, 0o644))
	return path
}

func expect(b []byte) storage.Expect {
	return storage.Expect{Digest: Digest(b), Size: int64(len(b))}
}

func checkSettle(t *testing.T, s storage.Storage, r storage.Receiver) {
	a, b := NewAttempt(), Bytes(3<<20+1, 1)
	WritePart(t, s, a, b)
	part, err := r.ReadPart(t.Context(), a, nil)
	must(t, "read part", err)
	var told int64
	reading, err := r.Settle(t.Context(), a, "d/p.tar", expect(b), func(phase string, n int64) {
		if phase == storage.ReadingBack {
			told += n
		}
	})
	must(t, "settle", err)
	if reading.Digest != Digest(b) || reading.Digest != part.Digest || told != int64(len(b)) {
		t.Errorf("settled %+v, part %+v, told %d", reading, part, told)
	}
	holds(t, s, "d/p.tar", b)
	left, err := s.Leftovers(t.Context(), a.Task)
	must(t, "leftovers", err)
	if len(left) != 0 {
		t.Errorf("leftovers %v", left)
	}
}

func checkSettleAgain(t *testing.T, s storage.Storage, r storage.Receiver) {
	a, b := NewAttempt(), Bytes(1000, 1)
	_, err := r.Settle(t.Context(), a, "p.tar", expect(b), nil)
	wants(t, "settle nothing", err, fs.ErrNotExist)
	_, err = r.ReadPart(t.Context(), a, nil)
	wants(t, "read no part", err, fs.ErrNotExist)
	WritePart(t, s, a, b)
	for range 2 {
		reading, err := r.Settle(t.Context(), a, "p.tar", expect(b), nil)
		must(t, "settle", err)
		if reading.Digest != Digest(b) {
			t.Errorf("settled %+v", reading)
		}
	}
	_, err = r.Settle(t.Context(), a, "p.tar", expect([]byte("other")), nil)
	wants(t, "settle no part on another content", err, fs.ErrNotExist)
}

func checkSettleWrong(t *testing.T, s storage.Storage, r storage.Receiver) {
	a, b := NewAttempt(), Bytes(1<<20, 1)
	bad := slices.Clone(b)
	bad[777] ^= 1
	WritePart(t, s, a, bad)
	_, err := r.Settle(t.Context(), a, "p.tar", expect(b), nil)
	wants(t, "settle a flipped byte", err, storage.ErrMismatch)
	WritePart(t, s, a, b[:1000])
	_, err = r.Settle(t.Context(), a, "p.tar", expect(b), nil)
	wants(t, "settle a short part", err, storage.ErrMismatch)
	absent(t, s, "p.tar")
}

func checkSettleTaken(t *testing.T, s storage.Storage, r storage.Receiver) {
	a, b := NewAttempt(), Bytes(1000, 1)
	MustPut(t, s, "p.tar", b)
	WritePart(t, s, a, b)
	_, err := r.Settle(t.Context(), a, "p.tar", expect(b), nil)
	must(t, "settle on the same", err)
	other := Bytes(1000, 2)
	WritePart(t, s, Next(a), other)
	_, err = r.Settle(t.Context(), Next(a), "p.tar", expect(other), nil)
	wants(t, "settle on another", err, fs.ErrExist)
	holds(t, s, "p.tar", b)
}

func checkSettleCancelled(t *testing.T, s storage.Storage, r storage.Receiver) {
	a, b := NewAttempt(), Bytes(16<<20, 1)
	WritePart(t, s, a, b)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := r.Settle(ctx, a, "p.tar", expect(b), func(phase string, n int64) {
		if phase == storage.ReadingBack {
			cancel()
		}
	})
	wants(t, "settle", err, context.Canceled)
	absent(t, s, "p.tar")
	_, err = r.Settle(t.Context(), a, "p.tar", expect(b), nil)
	must(t, "settle after the cancel", err)
}

func checkCopyPart(t *testing.T, s storage.Storage, r storage.Receiver) {
	a, b := NewAttempt(), Bytes(3<<20+5, 1)
	old := WritePart(t, s, a, b)
	next := Next(a)
	must(t, "copy part", r.CopyPart(t.Context(), a, next, 2<<20))
	reading, err := r.ReadPart(t.Context(), next, nil)
	must(t, "read the copy", err)
	if reading.Digest != Digest(b[:2<<20]) {
		t.Errorf("copied %+v", reading)
	}
	must(t, "write through the old name", os.WriteFile(old, []byte("an orphan"), 0o644))
	reading, err = r.ReadPart(t.Context(), next, nil)
	must(t, "read the copy again", err)
	if reading.Digest != Digest(b[:2<<20]) {
		t.Error("the copy shares its bytes with the old part")
	}
	wants(t, "copy more than there is", r.CopyPart(t.Context(), a, Next(next), 100), io.ErrUnexpectedEOF)
	wants(t, "copy of nothing", r.CopyPart(t.Context(), NewAttempt(), NewAttempt(), 1), fs.ErrNotExist)
}

func checkLeftovers(t *testing.T, s storage.Storage, _ storage.Receiver) {
	a := NewAttempt()
	a.Token = 9
	var want []storage.Attempt
	for range 3 {
		WritePart(t, s, a, []byte("x"))
		want = append(want, a)
		a = Next(a)
	}
	WritePart(t, s, NewAttempt(), []byte("of another task"))
	got, err := s.Leftovers(t.Context(), a.Task)
	must(t, "leftovers", err)
	if !slices.Equal(got, want) {
		t.Errorf("leftovers %v, want %v", got, want)
	}
	must(t, "discard", s.Discard(t.Context(), want[0]))
	got, err = s.Leftovers(t.Context(), a.Task)
	must(t, "leftovers", err)
	if !slices.Equal(got, want[1:]) {
		t.Errorf("leftovers %v, want %v", got, want[1:])
	}
}

func checkReclaim(t *testing.T, s storage.Storage, r storage.Receiver) {
	old, kept, young := NewAttempt(), NewAttempt(), NewAttempt()
	long := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, a := range []storage.Attempt{old, kept} {
		path := WritePart(t, s, a, []byte("x"))
		must(t, "age the part", os.Chtimes(path, long, long))
	}
	WritePart(t, s, young, []byte("x"))
	n, err := s.Reclaim(t.Context(), 24*time.Hour, func(a storage.Attempt) bool { return a == kept })
	must(t, "reclaim", err)
	if n != 1 {
		t.Errorf("reclaimed %d, want 1", n)
	}
	for a, there := range map[storage.Attempt]bool{old: false, kept: true, young: true} {
		_, err := r.ReadPart(t.Context(), a, nil)
		if (err == nil) != there {
			t.Errorf("part of %v: %v, want there: %v", a, err, there)
		}
	}
}

func checkAbsPath(t *testing.T, s storage.Storage, r storage.Receiver) {
	MustPut(t, s, "d/p.tar", []byte("bytes"))
	path, err := r.AbsPath(t.Context(), "d/p.tar")
	must(t, "absolute path", err)
	if b, err := os.ReadFile(path); err != nil || string(b) != "bytes" {
		t.Errorf("%s holds %q, %v", path, b, err)
	}
	_, err = r.AbsPath(t.Context(), "d/none")
	wants(t, "absolute path of nothing", err, fs.ErrNotExist)
	_, err = r.AbsPath(t.Context(), "d")
	wants(t, "absolute path of a directory", err, storage.ErrIrregular)
}

// checkOwnPart: whoever still has an old part open must not write into the new one.
func checkOwnPart(t *testing.T, s storage.Storage, _ storage.Receiver) {
	a := NewAttempt()
	f, err := os.OpenFile(WritePart(t, s, a, []byte("old")), os.O_WRONLY, 0)
	must(t, "open the old part", err)
	p := PutOf(a, "p.tar", []byte("new"))
	p.Write = func(w io.Writer) error {
		if _, err := w.Write([]byte("new")); err != nil {
			return err
		}
		_, err := f.WriteAt([]byte("bad"), 0)
		return err
	}
	_, err = s.Put(t.Context(), p)
	must(t, "put", err)
	_, err = f.WriteAt([]byte("BAD"), 0)
	must(t, "write into the old part", err)
	must(t, "close", f.Close())
	holds(t, s, "p.tar", []byte("new"))
}

// checkPartSize is for those that are a [storage.PartSizer].
func checkPartSize(t *testing.T, s storage.Storage, _ storage.Receiver) {
	sizer, ok := s.(storage.PartSizer)
	if !ok {
		return
	}
	a := NewAttempt()
	_, err := sizer.PartSize(t.Context(), a)
	wants(t, "size of nothing", err, fs.ErrNotExist)
	for _, n := range []int{0, 1, 3<<20 + 1} {
		WritePart(t, s, a, Bytes(n, 1))
		size, err := sizer.PartSize(t.Context(), a)
		must(t, "part size", err)
		if size != int64(n) {
			t.Errorf("size %d of a part of %d bytes", size, n)
		}
	}
}

// checkWriteOnly: bbcp lets a file be written only until it is through with it.
func checkWriteOnly(t *testing.T, s storage.Storage, r storage.Receiver) {
	b := Bytes(1000, 1)
	for name, use := range map[string]func(a storage.Attempt) error{
		"read part": func(a storage.Attempt) error { _, err := r.ReadPart(t.Context(), a, nil); return err },
		"copy part": func(a storage.Attempt) error { return r.CopyPart(t.Context(), a, Next(a), 10) },
		"settle": func(a storage.Attempt) error {
			_, err := r.Settle(t.Context(), a, string(a.Task)+".tar", expect(b), nil)
			return err
		},
	} {
		a := NewAttempt()
		path := WritePart(t, s, a, b)
		must(t, "let it be written only", os.Chmod(path, 0o200))
		must(t, name, use(a))
		// Root reads everything: look at the permissions as well.
		if after, err := os.Stat(path); err == nil && after.Mode()&0o400 == 0 {
			t.Errorf("%s: its owner may still not read it: %v", name, after.Mode())
		}
	}
}
