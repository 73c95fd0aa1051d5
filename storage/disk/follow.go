package disk

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// stride is how many bytes are made durable at a time while a large object is
// written, so that their reading back goes on beside the writing of the next.
const stride = 64 << 20

// follower reads a part back from the medium while it is being written. It
// reads no byte that a sync has not made durable before, and drops each from the cache first: every
// byte is synced, then read, as if all had been written before (S5).
type follower struct {
	disk  *Disk
	ctx   context.Context
	out   *os.File // the part as it is written; only synced here
	in    *os.File // the part as it is read
	moved func(int64)
	parts bool       // the segments' digests are enough
	keep  int64      // bytes that stay in the cache once they were read
	steps chan int64 // lengths that are written and not yet durable

	syncing, reads sync.WaitGroup
	ends           sync.Once

	mu      sync.Mutex
	more    sync.Cond
	pos     int64
	durable int64
	whole   bool  // durable is the end
	err     error // of a sync, or why the reading stops

	reading storage.Reading
	guard   guard
}

// follow starts to read back the part that is open for writing as out.
func (d *Disk) follow(ctx context.Context, out *os.File, at *dir, name string, parts bool, keep int64, moved func(int64)) (*follower, error) {
	in, st, err := at.regular(name)
	if err != nil {
		return nil, err
	}
	w := &follower{disk: d, ctx: ctx, out: out, in: in, parts: parts, keep: keep, moved: moved, steps: make(chan int64, 1)}
	w.more.L = &w.mu
	w.reading.Medium = opsdb.FromMedium
	if inMemory(in) {
		w.reading.Medium = opsdb.FromCache
	}
	w.reading.Identity = identity(st)
	w.syncing.Go(w.sync)
	w.reads.Go(w.read)
	return w, nil
}

// wrote tells that n bytes are written. A sync that is still under way covers what it can.
func (w *follower) wrote(n int64) {
	select {
	case w.steps <- n:
	default:
	}
}

// sync makes what is written durable, step by step.
func (w *follower) sync() {
	for n := range w.steps {
		w.advance(n, false, w.disk.kernel.sync(w.out))
	}
}

// advance lets the reading go on up to n.
func (w *follower) advance(n int64, whole bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	if err == nil && n > w.durable {
		w.drop(w.durable, n-w.durable)
		w.durable = n
	}
	w.whole = w.whole || whole
	w.more.Broadcast()
}

// drop throws what is about to be read out of the cache.
func (w *follower) drop(offset, n int64) {
	if w.disk.kernel.drop(w.in, offset, n) != nil {
		w.reading.Medium = opsdb.FromCache
	}
}

// read digests the part to its end.
func (w *follower) read() {
	size := w.disk.segment
	p := &pass{ctx: w.ctx, disk: w.disk, f: w.in, in: w, medium: true, keep: w.keep, moved: w.tell}
	p.whole = wholeSum{sum: sha256.New(), segment: size}
	p.parts = partSum{sum: sha256.New(), segment: size, from: size}
	if w.parts {
		p.parts.from, p.guard.off = 0, true
	}
	err := p.together(!w.parts, true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = errors.Join(w.err, err)
	w.reading.Size, w.guard = p.size, p.guard
	if w.parts {
		w.reading.Segments = p.parts.end()
		return
	}
	w.reading.Digest = hexOf(p.whole.sum)
	w.reading.Segments = p.segments(w.reading.Digest)
}

// result is the reading of a part that should be want. With the segments'
// digests alone it is one only if they are all right; then the whole's is the one they belong to.
func (w *follower) result(want storage.Expect) (storage.Reading, guard, bool, error) {
	w.end(want.Size, nil)
	r := w.reading
	if !w.parts || w.err != nil {
		return r, w.guard, true, w.err
	}
	if want.Digest == "" || r.Size != want.Size || !slices.Equal(r.Segments, want.Segments) {
		return r, w.guard, false, nil
	}
	r.Digest = want.Digest
	return r, w.guard, true, nil
}

// Read implements io.Reader: it waits until bytes are durable.
func (w *follower) Read(b []byte) (int, error) {
	w.mu.Lock()
	for w.pos == w.durable && !w.whole && w.err == nil {
		w.more.Wait()
	}
	left, err := w.durable-w.pos, w.err
	w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := w.in.ReadAt(b[:min(int64(len(b)), left)], w.pos)
	w.pos += int64(n)
	if errors.Is(err, io.EOF) && int64(n) < left { // shorter than what was written
		return n, io.EOF
	}
	return n, err
}

// tell tells the progress of the reading once the writing is over.
func (w *follower) tell(n int64) {
	w.mu.Lock()
	whole := w.whole
	w.mu.Unlock()
	if whole {
		w.moved(n)
	}
}

// lastStep waits for a sync that is under way; out may be closed then.
func (w *follower) lastStep() {
	close(w.steps)
	w.syncing.Wait()
}

// end waits for the reading of all size bytes, which are durable, or, with
// an error, stops it where it is. Only the first call counts.
func (w *follower) end(size int64, err error) {
	w.ends.Do(func() {
		w.advance(size, true, err)
		w.reads.Wait()
		w.err = errors.Join(w.err, w.in.Close())
	})
}

// errAbandoned ends the reading of a part whose writing failed.
var errAbandoned = errors.New("the writing failed")
