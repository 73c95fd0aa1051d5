package transporttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

const (
	trials = 200 // damaged parts that are gone on from
	atOnce = 25  // of them in one Send
)

// Trials is how many damaged parts the suite goes on from; the environment variable outranks it.
const Trials = "CDT_RESUME_TRIALS"

func (w Way) trials(t *testing.T) int {
	t.Helper()
	text := os.Getenv(Trials)
	if text == "" {
		return trials
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of trials", Trials, text)
	}
	return n
}

// checkResume goes on from parts that are damaged at a random place: cut off, a byte turned around,
// a stretch of zeros, a tail that does not belong. The bytes are right every time.
func checkResume(t *testing.T, w Way) {
	random := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for n := w.trials(t); n > 0; n -= atOnce {
		kept += w.resumeSome(t, random, min(n, atOnce), n)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d trials; %d of the parts had a whole first segment", w.trials(t), kept)
}

// resumeSome goes on from some damaged parts in one Send; it returns how many had something to keep.
func (w Way) resumeSome(t *testing.T, random *rand.Rand, n, number int) (kept int) {
	t.Helper()
	var items []transport.Item
	var contents [][]byte
	var said []string
	for i := range n {
		b := bytesOf(1+random.IntN(5*w.SegmentSize), uint64(number*atOnce+i))
		it := w.item(t, fmt.Sprintf("p%d-%d.tar", number, i), b)
		how := ""
		for range 1 + random.IntN(3) {
			bad, what := damage(random, b)
			w.leave(t, &it, bad)
			how += what + ". "
			if len(b) >= w.SegmentSize && len(bad) >= w.SegmentSize && bytes.Equal(b[:w.SegmentSize], bad[:w.SegmentSize]) {
				kept++
			}
		}
		items, contents, said = append(items, it), append(contents, b), append(said, how)
	}
	for i, err := range w.send(t, items...) {
		if err != nil {
			t.Fatalf("%q: %v", said[i], err)
		}
		w.arrived(t, items[i], contents[i])
		if t.Failed() {
			t.Fatalf("%d bytes, segments of %d, %q", len(contents[i]), w.SegmentSize, said[i])
		}
	}
	return kept
}

// leave lets an earlier attempt of the item have left a part.
func (w Way) leave(t *testing.T, it *transport.Item, b []byte) {
	t.Helper()
	path, err := w.Target.(storage.Receiver).PartPath(t.Context(), it.Attempt)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	it.Earlier = append(it.Earlier, it.Attempt)
	it.Attempt.Token++
}

func damage(random *rand.Rand, b []byte) (bad []byte, how string) {
	at := random.IntN(len(b))
	switch random.IntN(5) {
	case 0:
		return b[:at], fmt.Sprintf("cut off at %d", at)
	case 1:
		bad = slices.Clone(b)
		bad[at] ^= 1 << random.IntN(8)
		return bad, fmt.Sprintf("a bit turned around at %d", at)
	case 2:
		bad = slices.Clone(b)
		clear(bad[at:])
		return bad, fmt.Sprintf("zeros from %d", at)
	case 3:
		return append(slices.Clone(b[:at]), bytesOf(random.IntN(2*len(b)), 99)...), fmt.Sprintf("another tail from %d", at)
	}
	return b, "whole"
}

// checkNoResume: parts that are named but not there, or worth nothing, cost nothing but time.
func checkNoResume(t *testing.T, w Way) {
	b := bytesOf(3*w.SegmentSize, 1)
	it := w.item(t, "p.tar", b)
	missing := it.Attempt
	missing.Token = 77
	w.leave(t, &it, nil)
	w.leave(t, &it, bytesOf(3*w.SegmentSize, 2))
	it.Earlier = append(it.Earlier, missing, it.Attempt)
	it.Segments = slices.Clone(it.Segments)
	if errs := w.send(t, it); errs[0] != nil {
		t.Fatal(errs[0])
	}
	w.arrived(t, it, b)

	unknown := w.item(t, "q.tar", b) // a package whose segments are not known
	unknown.Segments = nil
	w.leave(t, &unknown, b)
	if errs := w.send(t, unknown); errs[0] != nil {
		t.Fatal(errs[0])
	}
	w.arrived(t, unknown, b)
}
