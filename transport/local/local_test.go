package local

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/transporttest"
)

const segment = 1000 // bytes

func newDisk(t *testing.T, location string) *disk.Disk {
	t.Helper()
	d, err := disk.New(location, filepath.Join(t.TempDir(), "root"), disk.Options{SegmentSize: segment})
	if err != nil {
		t.Fatal(err)
	}
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: location}
	if err := d.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	return d
}

func newWay(t *testing.T) transporttest.Way {
	return transporttest.Way{Transport: New(Options{SegmentSize: segment}), Source: newDisk(t, "ccat.buffer"), Target: newDisk(t, "cologne.buffer"), SegmentSize: segment}
}

func TestConformance(t *testing.T) { transporttest.Run(t, newWay) }

// TestConformanceByHand: the source gives no file, as an object store.
func TestConformanceByHand(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Way {
		w := newWay(t)
		w.Source = storagetest.Faulty(w.Source, &storagetest.Faults{})
		return w
	})
}

// faulty is a way with faults at both ends and one item on it.
func faulty(t *testing.T, size int) (source, target *storagetest.Faults, it transport.Item) {
	t.Helper()
	w := newWay(t)
	b := storagetest.Bytes(size, 1)
	storagetest.MustPut(t, w.Source, "p.tar", b)
	source, target = &storagetest.Faults{}, &storagetest.Faults{}
	return source, target, transport.Item{
		Package: opsdb.NewID(), Source: storagetest.Faulty(w.Source, source), Path: "p.tar", Target: storagetest.Faulty(w.Target, target),
		Attempt: storagetest.NewAttempt(), Size: int64(size), Segments: storagetest.Segments(b, segment),
	}
}

func send(t *testing.T, it transport.Item) error {
	t.Helper()
	return New(Options{SegmentSize: segment}).Send(t.Context(), []transport.Item{it}, nil)[0]
}

// TestErrorsSayWhere: each end's trouble is told as that end's, in its class.
func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		atSource bool
		fault    storagetest.Fault
		class    opsdb.FailureClass
		subject  string
	}{
		"source offline":       {true, storagetest.Fault{Method: "Stat", Err: storage.ErrOffline}, opsdb.Environment, "location:ccat.buffer"},
		"source goes offline":  {true, storagetest.Fault{Method: "Open", Err: storage.ErrOffline}, opsdb.Environment, "location:ccat.buffer"},
		"source irregular":     {true, storagetest.Fault{Method: "Open", Err: storage.ErrIrregular}, opsdb.BadData, ""},
		"source broken":        {true, storagetest.Fault{Method: "Open", Err: io.ErrClosedPipe}, opsdb.Transient, ""},
		"target offline":       {false, storagetest.Fault{Method: "PartPath", Err: storage.ErrOffline}, opsdb.Environment, "location:cologne.buffer"},
		"target foreign":       {false, storagetest.Fault{Method: "ReadPart", Err: storage.ErrForeign}, opsdb.Environment, "location:cologne.buffer"},
		"target full":          {false, storagetest.Fault{Method: "CopyPart", Err: storage.ErrFull}, opsdb.Environment, "location:cologne.buffer"},
		"target refuses":       {false, storagetest.Fault{Method: "Discard", Err: storage.ErrDenied}, opsdb.Environment, "location:cologne.buffer"},
		"part cannot be read":  {false, storagetest.Fault{Method: "ReadPart", Err: io.ErrClosedPipe}, "", ""},
		"source flips, unseen": {true, storagetest.Fault{Method: "Open", Flip: true, Offset: 3}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target, it := faulty(t, 3*segment)
			if c.fault.Method == "ReadPart" || c.fault.Method == "CopyPart" {
				storagetest.WritePart(t, it.Target, it.Attempt, storagetest.Bytes(3*segment, 1)[:2*segment])
				it.Earlier = []storage.Attempt{it.Attempt}
				it.Attempt = storagetest.Next(it.Attempt)
			}
			if c.atSource {
				source.Add(c.fault)
			} else {
				target.Add(c.fault)
			}
			err := send(t, it)
			if c.class == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if f := stages.FailureOf(err); !errors.Is(err, c.fault.Err) || f.Class != c.class || f.Subject != c.subject {
				t.Errorf("got %v, classified %+v", err, f)
			}
		})
	}
}

// shrinking is a source that ends early.
type shrinking struct{ storage.Storage }

func (s shrinking) Open(ctx context.Context, path string, offset, _ int64) (io.ReadCloser, error) {
	return s.Storage.Open(ctx, path, offset, 100)
}

func TestSourceEndsEarly(t *testing.T) {
	t.Parallel()
	_, _, it := faulty(t, 3*segment)
	it.Source = shrinking{it.Source}
	err := send(t, it)
	if f := stages.FailureOf(err); !errors.Is(err, io.ErrUnexpectedEOF) || f.Class != opsdb.BadData {
		t.Errorf("got %v, classified %+v", err, f)
	}
}

// noReceiver takes no part files.
type noReceiver struct{ storage.Storage }

func TestTargetTakesNoParts(t *testing.T) {
	t.Parallel()
	_, _, it := faulty(t, 10)
	it.Target = noReceiver{it.Target}
	if f := stages.FailureOf(send(t, it)); f.Class != opsdb.BadConfig {
		t.Errorf("classified %+v", f)
	}
}

// TestResumeMovesTheRestOnly: what is good at the destination is not read from the source again.
func TestResumeMovesTheRestOnly(t *testing.T) {
	t.Parallel()
	source, target, it := faulty(t, 3*segment)
	storagetest.WritePart(t, it.Target, it.Attempt, storagetest.Bytes(3*segment, 1))
	it.Earlier = []storage.Attempt{it.Attempt}
	it.Attempt = storagetest.Next(it.Attempt)
	if err := send(t, it); err != nil {
		t.Fatal(err)
	}
	if source.Calls("Open") != 0 || target.Calls("CopyPart") != 1 {
		t.Errorf("opened the source %d times, copied %d parts", source.Calls("Open"), target.Calls("CopyPart"))
	}
}
