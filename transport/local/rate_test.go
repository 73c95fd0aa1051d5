package local

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/transport"
)

// TestRate: a send takes at least as long as its bytes at its rate; all items share it, inside the kernel and by hand.
func TestRate(t *testing.T) {
	t.Parallel()
	const size, bits = 100_000, 2 * 8 * 100_000 * 2 // two items in half a second
	for name, hand := range map[string]bool{"inside the kernel": false, "by hand": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWay(t)
			var items []transport.Item
			for i, p := range []string{"p.tar", "q.tar"} {
				b := storagetest.Bytes(size, uint64(i))
				storagetest.MustPut(t, w.Source, p, b)
				items = append(items, transport.Item{
					Package: opsdb.NewID(), Source: w.Source, Path: p, Target: w.Target, Attempt: storagetest.NewAttempt(), Size: size, Segments: storagetest.Segments(b, segment),
				})
				if hand {
					items[i].Source = storagetest.Faulty(w.Source, &storagetest.Faults{})
				}
			}
			moved := int64(0)
			begin := time.Now()
			errs := New(Options{SegmentSize: segment, Rate: bits}).Send(t.Context(), items, func(_ int, n int64) { moved += n })
			took := time.Since(begin)
			if err := errors.Join(errs...); err != nil || moved != 2*size {
				t.Fatalf("%d bytes moved, %v", moved, err)
			}
			if least := time.Duration(float64(2*size*8) / bits * 0.9 * float64(time.Second)); took < least {
				t.Errorf("%d bytes at %d bit/s took %s, less than %s", moved, bits, took, least)
			}
		})
	}
}

// TestRateAndCancel: who waits for his turn hears a cancel.
func TestRateAndCancel(t *testing.T) {
	t.Parallel()
	_, _, it := faulty(t, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := func(int, int64) { cancel() }                                                     // what was kept is told before the first byte
	errs := New(Options{SegmentSize: segment, Rate: 8}).Send(ctx, []transport.Item{it}, told) // one byte a second
	if !errors.Is(errs[0], context.Canceled) {
		t.Errorf("got %v", errs[0])
	}
}
