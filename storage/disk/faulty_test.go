package disk

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
)

// TestFaultyWithoutFaults: a storage with no faults keeps the contract.
func TestFaultyWithoutFaults(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Storage {
		return storagetest.Faulty(newDisk(t, Options{}), &storagetest.Faults{})
	})
}

func TestFaulty(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	b := random(3<<20, 1)
	put(t, d, "x.tar", b)
	faults := &storagetest.Faults{}
	s := storagetest.Faulty(d, faults)

	faults.Add(storagetest.Fault{Method: "Read", Path: "*.tar", Skip: 1, Times: 1, Flip: true, Offset: 1 << 20, Medium: true})
	for i, wrong := range []bool{false, true, false} {
		r, err := s.Read(t.Context(), "x.tar", true, nil)
		if err != nil || (r.Digest != digestOf(b)) != wrong || (r.Segments[0] != digestOf(b)) != wrong {
			t.Errorf("reading %d: %+v, %v", i, r, err)
		}
	}
	faults.Clear()
	faults.Add(storagetest.Fault{Method: "Open", Flip: true, Offset: 5})
	f, err := s.Open(t.Context(), "x.tar", 3, 10)
	must(t, err)
	got, err := io.ReadAll(f)
	must(t, errors.Join(err, f.Close()))
	if want := append([]byte{}, b[3:13]...); bytes.Equal(got, want) || got[2] != ^want[2] {
		t.Errorf("read %x, have %x", got, want)
	}
	faults.Add(storagetest.Fault{Method: "Put", Short: 100, Err: storage.ErrFull, Times: 1})
	if _, err := s.Put(t.Context(), putOf("y", 1, b)); !errors.Is(err, storage.ErrFull) {
		t.Errorf("put says %v", err)
	}
	if _, err := s.Put(t.Context(), putOf("y", 1, b)); err != nil || faults.Calls("Put") != 2 {
		t.Errorf("put says %v after %d calls", err, faults.Calls("Put"))
	}
}
