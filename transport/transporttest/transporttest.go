// Package transporttest is the conformance suite of package transport. An
// adapter's own test is:
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) transporttest.Way { … })
//	}
//
// It imports transport, storage, stages and opsdb.
package transporttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// Way is a transport with two empty locations that have their markers. Target is a [storage.Receiver].
type Way struct {
	Transport      transport.Transport
	Source, Target storage.Storage
	// SegmentSize is what one segment digest covers for all three: small, so that resuming is tried often.
	SegmentSize int
}

// Run holds a transport against every promise of the contract.
func Run(t *testing.T, make func(t *testing.T) Way) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w Way)
	}{
		{"names", checkName}, {"sizes and progress", checkSizes}, {"one failure of many", checkOneFails}, {"source missing", checkMissing},
		{"source of another size", checkSize}, {"cancel", checkCancel}, {"cancelled before", checkCancelled}, {"send again", checkAgain},
		{"resume", checkResume}, {"nothing to resume", checkNoResume}, {"no final names", checkNoFinal}, {"no items", checkNone}, {"side by side", checkSideBySide},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, make(t))
		})
	}
}

func digestOf(b []byte) opsdb.Digest {
	sum := sha256.Sum256(b)
	return opsdb.Digest(hex.EncodeToString(sum[:]))
}

func bytesOf(n int, seed uint64) []byte {
	b := make([]byte, n)
	var s [32]byte
	s[0], s[1], s[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	_, _ = rand.NewChaCha8(s).Read(b)
	return b
}

// item stores b at the source and asks for it to be sent.
func (w Way) item(t *testing.T, path string, b []byte) transport.Item {
	t.Helper()
	it := transport.Item{
		Package: opsdb.NewID(), Source: w.Source, Path: path, Target: w.Target, Size: int64(len(b)),
		Attempt: storage.Attempt{Task: opsdb.NewID(), Epoch: "epoch", Token: 1},
	}
	for rest := b; len(rest) > 0; rest = rest[min(w.SegmentSize, len(rest)):] {
		it.Segments = append(it.Segments, digestOf(rest[:min(w.SegmentSize, len(rest))]))
	}
	put := storage.Put{
		Attempt: storage.Attempt{Task: opsdb.NewID(), Epoch: "epoch", Token: 1}, Path: path,
		Write:  func(to io.Writer) error { _, err := to.Write(b); return err },
		Expect: func() storage.Expect { return storage.Expect{Digest: digestOf(b), Size: int64(len(b))} },
	}
	if _, err := w.Source.Put(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	return it
}

// arrived expects the attempt's part to hold b.
func (w Way) arrived(t *testing.T, it transport.Item, b []byte) {
	t.Helper()
	r, err := w.Target.(storage.Receiver).ReadPart(t.Context(), it.Attempt, nil)
	if err != nil || r.Digest != digestOf(b) || r.Size != int64(len(b)) {
		t.Errorf("%q arrived as %d bytes, %v; sent %d", it.Path, r.Size, err, len(b))
	}
}

func (w Way) send(t *testing.T, items ...transport.Item) []error {
	t.Helper()
	return w.sendContext(t.Context(), t, items...)
}

// sendContext also checks the progress: of what arrived it sums up to the size, of nothing it goes beyond.
func (w Way) sendContext(ctx context.Context, t *testing.T, items ...transport.Item) []error {
	t.Helper()
	var mu sync.Mutex
	told := make([]int64, len(items))
	errs := w.Transport.Send(ctx, items, func(i int, n int64) {
		mu.Lock()
		defer mu.Unlock()
		told[i] += n
	})
	if len(errs) != len(items) {
		t.Fatalf("%d errors for %d items", len(errs), len(items))
	}
	for i := range items {
		if told[i] > items[i].Size || errs[i] == nil && told[i] != items[i].Size {
			t.Errorf("item %d of %d bytes: progress told %d, error %v", i, items[i].Size, told[i], errs[i])
		}
	}
	return errs
}

func checkName(t *testing.T, w Way) {
	if w.Transport.Name() == "" {
		t.Error("it has no name")
	}
	// The engine's names have no others than these, and go through every transport as they are (S11).
	for _, path := range []string{"raw-12-prime.cam_1-7-0a1b2c3d.tar", "deep/er/p.r1", "-rf", "..two", "--"} {
		b := []byte(path)
		it := w.item(t, path, b)
		if errs := w.send(t, it); errs[0] != nil {
			t.Errorf("%q: %v", path, errs[0])
		}
		w.arrived(t, it, b)
	}
}

func checkSizes(t *testing.T, w Way) {
	var items []transport.Item
	var contents [][]byte
	for i, size := range []int{0, 1, w.SegmentSize - 1, w.SegmentSize, w.SegmentSize + 1, 3<<20 + 7} {
		contents = append(contents, bytesOf(size, uint64(i)))
		items = append(items, w.item(t, fmt.Sprintf("p%d.tar", i), contents[i]))
	}
	for i, err := range w.send(t, items...) {
		if err != nil {
			t.Errorf("item %d: %v", i, err)
		}
		w.arrived(t, items[i], contents[i])
	}
	if errs := w.Transport.Send(t.Context(), items[:1], nil); errs[0] != nil {
		t.Errorf("without progress: %v", errs[0])
	}
}

func checkOneFails(t *testing.T, w Way) {
	b := bytesOf(1000, 1)
	items := []transport.Item{w.item(t, "a", b), w.item(t, "b", b), w.item(t, "c", b)}
	items[1].Path = "none"
	errs := w.send(t, items...)
	if errs[0] != nil || !errors.Is(errs[1], fs.ErrNotExist) || errs[2] != nil {
		t.Errorf("errors %v", errs)
	}
	w.arrived(t, items[0], b)
	w.arrived(t, items[2], b)
}

// classified expects an error that carries its failure.
func classified(t *testing.T, err error, want error, class opsdb.FailureClass) {
	t.Helper()
	var failure *stages.FailureError
	if !errors.Is(err, want) || !errors.As(err, &failure) || failure.Failure.Class != class || failure.Failure.Text == "" {
		t.Errorf("error %v, classified %+v; want %v, %s", err, stages.FailureOf(err), want, class)
	}
}

func checkMissing(t *testing.T, w Way) {
	it := w.item(t, "p.tar", []byte("x"))
	it.Path = "gone.tar"
	classified(t, w.send(t, it)[0], fs.ErrNotExist, opsdb.BadData)
}

func checkSize(t *testing.T, w Way) {
	b := bytesOf(1000, 1)
	for _, size := range []int64{999, 1001, 0} {
		it := w.item(t, fmt.Sprintf("p%d.tar", size), b)
		it.Size = size
		classified(t, w.send(t, it)[0], storage.ErrMismatch, opsdb.BadData)
	}
}

// checkCancel: after Send has returned, the part does not grow any more.
func checkCancel(t *testing.T, w Way) {
	b := bytesOf(48<<20, 1)
	items := []transport.Item{w.item(t, "a.tar", b), w.item(t, "b.tar", []byte("x"))}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told, after atomic.Int64
	var returned atomic.Bool
	errs := w.Transport.Send(ctx, items, func(_ int, n int64) {
		if returned.Load() {
			after.Add(n)
		}
		if told.Add(n) > 0 {
			cancel()
		}
	})
	returned.Store(true)
	size := w.partSize(t, items[0])
	for i, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) || i == 1 && err == nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	if again := w.partSize(t, items[0]); again != size || after.Load() != 0 {
		t.Errorf("the part went on from %d to %d bytes, %d told", size, again, after.Load())
	}
}

func (w Way) partSize(t *testing.T, it transport.Item) int64 {
	t.Helper()
	path, err := w.Target.(storage.Receiver).PartPath(t.Context(), it.Attempt)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func checkCancelled(t *testing.T, w Way) {
	it := w.item(t, "p.tar", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if errs := w.sendContext(ctx, t, it); !errors.Is(errs[0], context.Canceled) {
		t.Errorf("error %v", errs[0])
	}
	if w.partSize(t, it) != 0 {
		t.Error("bytes were moved")
	}
}

func checkAgain(t *testing.T, w Way) {
	b := bytesOf(1000, 1)
	it := w.item(t, "p.tar", b)
	for range 2 {
		if errs := w.send(t, it); errs[0] != nil {
			t.Fatal(errs[0])
		}
		w.arrived(t, it, b)
	}
}

func checkNone(t *testing.T, w Way) {
	if errs := w.Transport.Send(t.Context(), nil, nil); len(errs) != 0 {
		t.Errorf("errors %v of nothing", errs)
	}
}

func checkNoFinal(t *testing.T, w Way) {
	it := w.item(t, "p.tar", bytesOf(1000, 1))
	if errs := w.send(t, it); errs[0] != nil {
		t.Fatal(errs[0])
	}
	for info, err := range w.Target.List(t.Context(), "") {
		t.Errorf("the destination has %+v, %v", info, err)
	}
}

func checkSideBySide(t *testing.T, w Way) {
	var wg sync.WaitGroup
	for i := range 4 {
		b := bytesOf(1<<20, uint64(i))
		it := w.item(t, fmt.Sprintf("p%d.tar", i), b)
		wg.Go(func() {
			if errs := w.Transport.Send(t.Context(), []transport.Item{it}, nil); errs[0] != nil {
				t.Error(errs[0])
			}
			w.arrived(t, it, b)
		})
	}
	wg.Wait()
}
