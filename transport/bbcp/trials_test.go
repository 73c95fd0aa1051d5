package bbcp_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ccatobs/cdt/storage"
)

// trialsVariable is how often a damaged part is gone on from; 1000 is the whole test.
const trialsVariable = "CDT_RESUME_TRIALS"

// TestResumeTrials damages a partial file at a random place and goes on from it:
// the receive takes the final file every time, and what was whole before the damage does not travel again.
func TestResumeTrials(t *testing.T) {
	trials := 24
	if text := os.Getenv(trialsVariable); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		trials = n
	}
	each(t, func(t *testing.T, b tool) {
		var wg sync.WaitGroup
		var kept, whole, tails atomic.Int64
		next := make(chan int)
		for range 6 {
			wg.Go(func() {
				for n := range next {
					k, size := oneTrial(t, b, n)
					kept.Add(k)
					whole.Add(size)
					if k > 0 && k < size {
						tails.Add(1)
					}
				}
			})
		}
		for n := range trials {
			next <- n
		}
		close(next)
		wg.Wait()
		t.Logf("%d trials, all right: %d went on behind something good; of %d bytes %d did not travel again", trials, tails.Load(), whole.Load(), kept.Load())
	})
}

// oneTrial returns how many bytes were good at the beginning, and how many there are.
func oneTrial(t *testing.T, b tool, n int) (kept, size int64) {
	r := rand.New(rand.NewPCG(uint64(n), 4))
	w := newWorld(t, b)
	it := w.item("p.tar", 1+r.IntN(6*segment))
	content, err := os.ReadFile(filepath.Join(w.from, it.Path))
	must(t, err)
	bad, how := damaged(r, content)
	must(t, os.MkdirAll(filepath.Join(w.to, ".part"), 0o755))
	must(t, os.WriteFile(w.part(it), bad, 0o200))
	kept = goodBeginning(content, bad)
	task := again(it)
	if err := w.send(task)[0]; err != nil {
		t.Errorf("trial %d, %s: %v", n, how, err)
		return kept, it.Size
	}
	if _, err := w.target.Settle(t.Context(), task.Attempt, it.Path, storage.Expect{Digest: digest(content), Size: it.Size}, nil); err != nil {
		t.Errorf("trial %d, %d bytes, %s: the receive says %v", n, it.Size, how, err)
	}
	return kept, it.Size
}

// damaged is a part as a failed attempt may leave it: not all of it, and wrong at a random place.
func damaged(r *rand.Rand, content []byte) ([]byte, string) {
	bad := append([]byte{}, content[:1+r.IntN(len(content))]...)
	at := r.IntN(len(bad))
	switch r.IntN(5) {
	case 0:
		bad[at] ^= 1 << r.IntN(8)
		return bad, fmt.Sprintf("%d bytes, a bit turned around at %d", len(bad), at)
	case 1:
		clear(bad[at:min(len(bad), at+4096)])
		return bad, fmt.Sprintf("%d bytes, a hole at %d", len(bad), at)
	case 2:
		copy(bad[at:], random(len(bad)-at, 7))
		return bad, fmt.Sprintf("%d bytes, others from %d", len(bad), at)
	case 3:
		bad = append(bad, random(r.IntN(2*len(content)), 8)...)
		return bad, fmt.Sprintf("%d bytes, too many of them", len(bad))
	}
	return bad, fmt.Sprintf("%d bytes, all right", len(bad))
}

// goodBeginning is what may be kept: whole segments, up to the first wrong byte.
func goodBeginning(content, bad []byte) int64 {
	same := 0
	for same < min(len(content), len(bad)) && content[same] == bad[same] {
		same++
	}
	if same == len(content) {
		return int64(same)
	}
	return int64(same / segment * segment)
}
