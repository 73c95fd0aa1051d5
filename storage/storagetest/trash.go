package storagetest

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/ccatobs/cdt/storage"
)

func checkQuarantine(t *testing.T, s storage.Storage) {
	a := NewAttempt()
	seen := map[string][]byte{}
	for i := range 4 {
		b := Bytes(100, uint64(i))
		MustPut(t, s, "x/bad.tar", b)
		if i == 3 {
			a = Next(a)
		}
		moved, err := s.Quarantine(t.Context(), "x/bad.tar", a)
		must(t, "quarantine", err)
		if _, twice := seen[moved]; twice {
			t.Errorf("%q was given twice", moved)
		}
		seen[moved] = b
		absent(t, s, "x/bad.tar")
	}
	for moved, b := range seen {
		holds(t, s, moved, b)
		if _, err := s.Read(t.Context(), moved, true, nil); err != nil {
			t.Errorf("read what is quarantined: %v", err)
		}
	}
}

func checkTrash(t *testing.T, s storage.Storage) {
	a, b := NewAttempt(), Bytes(1000, 1)
	r := MustPut(t, s, "d/p.tar", b)
	must(t, "trash", s.Trash(t.Context(), "d/p.tar", a))
	absent(t, s, "d/p.tar")
	info, err := s.Held(t.Context(), a)
	must(t, "held", err)
	if info.Size != 1000 || onDisk(s) && info.Identity != r.Identity {
		t.Errorf("held %+v, was %+v", info, r)
	}
	trashed(t, s, a)
	must(t, "restore", s.Restore(t.Context(), a, "d/p.tar"))
	holds(t, s, "d/p.tar", b)
	trashed(t, s, storage.Attempt{Task: a.Task})
	must(t, "trash again", s.Trash(t.Context(), "d/p.tar", a))
	must(t, "purge", s.Purge(t.Context(), a))
	absent(t, s, "d/p.tar")
	_, err = s.Held(t.Context(), a)
	wants(t, "held after purge", err, fs.ErrNotExist)
	wants(t, "restore after purge", s.Restore(t.Context(), a, "d/p.tar"), fs.ErrNotExist)
}

// trashed expects exactly one attempt in the trash; none if it has no token.
func trashed(t *testing.T, s storage.Storage, a storage.Attempt) {
	t.Helper()
	got, err := s.Trashed(t.Context(), a.Task)
	must(t, "trashed", err)
	var want []storage.Attempt
	if a.Token != 0 {
		want = []storage.Attempt{a}
	}
	if !slices.Equal(got, want) {
		t.Errorf("trashed %v, want %v", got, want)
	}
}

func checkRestore(t *testing.T, s storage.Storage) {
	a := NewAttempt()
	MustPut(t, s, "p.tar", []byte("old"))
	must(t, "trash", s.Trash(t.Context(), "p.tar", a))
	MustPut(t, s, "p.tar", []byte("new"))
	wants(t, "restore", s.Restore(t.Context(), a, "p.tar"), fs.ErrExist)
	holds(t, s, "p.tar", []byte("new"))
	info, err := s.Held(t.Context(), a)
	must(t, "held", err)
	if info.Size != 3 {
		t.Errorf("held %+v", info)
	}
	must(t, "restore elsewhere", s.Restore(t.Context(), a, "new/folder/p.tar"))
	holds(t, s, "new/folder/p.tar", []byte("old"))
}

func checkTrashTaken(t *testing.T, s storage.Storage) {
	a := NewAttempt()
	MustPut(t, s, "one.tar", []byte("one"))
	MustPut(t, s, "two.tar", []byte("two"))
	must(t, "trash", s.Trash(t.Context(), "one.tar", a))
	wants(t, "trash of another", s.Trash(t.Context(), "two.tar", a), fs.ErrExist)
	holds(t, s, "two.tar", []byte("two"))
	must(t, "trash by the next attempt", s.Trash(t.Context(), "two.tar", Next(a)))
	got, err := s.Trashed(t.Context(), a.Task)
	must(t, "trashed", err)
	if !slices.Equal(got, []storage.Attempt{a, Next(a)}) {
		t.Errorf("trashed %v", got)
	}
}

func checkDiscard(t *testing.T, s storage.Storage) {
	must(t, "discard what is not there", s.Discard(t.Context(), NewAttempt()))
	left, err := s.Leftovers(t.Context(), NewAttempt().Task)
	must(t, "leftovers of an unknown task", err)
	if len(left) != 0 {
		t.Errorf("leftovers %v", left)
	}
	n, err := s.Reclaim(t.Context(), 0, func(storage.Attempt) bool { return false })
	must(t, "reclaim nothing", err)
	if n != 0 {
		t.Errorf("reclaimed %d", n)
	}
}
