package transporttest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// trials is how many damaged parts are gone on from.
const trials = 200

// checkResume goes on from parts that are damaged at a random place: cut off, a byte turned around,
// a stretch of zeros, a tail that does not belong. The bytes are right every time.
func checkResume(t *testing.T, w Way) {
	random := rand.New(rand.NewPCG(1, 2))
	for trial := range trials {
		b := bytesOf(1+random.IntN(5*w.SegmentSize), uint64(trial))
		it := w.item(t, fmt.Sprintf("p%d.tar", trial), b)
		var said []string
		for range 1 + random.IntN(3) {
			bad, how := damage(random, b)
			w.leave(t, &it, bad)
			said = append(said, how)
		}
		if errs := w.send(t, it); errs[0] != nil {
			t.Fatalf("trial %d, %q: %v", trial, said, errs[0])
		}
		w.arrived(t, it, b)
		if t.Failed() {
			t.Fatalf("trial %d: %d bytes, segments of %d, %q", trial, len(b), w.SegmentSize, said)
		}
	}
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
