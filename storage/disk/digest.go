package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// pass is one reading of an open file from its beginning to its end. Reading,
// the digest of the whole and the digests of the segments go on beside each other.
type pass struct {
	ctx    context.Context
	disk   *Disk
	f      *os.File
	in     io.Reader // f, or what reads it more carefully
	medium bool
	keep   int64 // bytes that stay in the cache when they were read from the medium
	moved  func(int64)

	size  int64
	guard guard
	whole wholeSum
	parts partSum
}

// keptAtMost is how much of an object that is read again soon stays in the cache.
const keptAtMost = 4 << 30

// source is from where a reading takes the bytes.
type source int

const (
	cached source = iota // from wherever the kernel has them
	medium               // the cache is dropped first, after a sync: a dirty page cannot be dropped
	synced               // as medium, of a file that this attempt has synced itself
)

// digest reads f.
func (d *Disk) digest(ctx context.Context, f *os.File, from source, moved func(int64)) (storage.Reading, guard, error) {
	return d.digestKept(ctx, f, from, 0, moved)
}

func (d *Disk) digestKept(ctx context.Context, f *os.File, from source, keep int64, moved func(int64)) (storage.Reading, guard, error) {
	p := &pass{ctx: ctx, disk: d, f: f, in: f, medium: from != cached, keep: keep, moved: moved}
	p.whole = wholeSum{sum: sha256.New(), segment: d.segment}
	p.parts = partSum{sum: sha256.New(), segment: d.segment, from: d.segment}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return storage.Reading{}, guard{}, err
	}
	reached := opsdb.FromCache
	if p.medium {
		var err error
		if reached, err = p.forget(from); err != nil {
			return storage.Reading{}, guard{}, err
		}
	}
	err := p.run(st.Size)
	r := storage.Reading{Size: p.size, Medium: reached, Identity: identity(st)}
	r.Digest = hexOf(p.whole.sum)
	r.Segments = p.segments(r.Digest)
	return r, p.guard, err
}

// forget drops the cache of the file and says what the reading will reach.
func (p *pass) forget(from source) (opsdb.Medium, error) {
	err := p.clean(from)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EROFS) {
		return opsdb.FromCache, err
	}
	dropped := p.disk.kernel.drop(p.f, 0, 0) == nil
	if !dropped || inMemory(p.f) {
		return opsdb.FromCache, nil
	}
	return opsdb.FromMedium, nil
}

// clean leaves no dirty page. What is synced has none; asking for it again
// costs nothing that way, where another sync would flush the medium's own cache.
func (p *pass) clean(from source) error {
	if from == medium {
		return p.disk.kernel.sync(p.f)
	}
	return hint(unix.SyncFileRange(int(p.f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER))
}

// inMemory tells a file system that has no medium but the cache.
func inMemory(f *os.File) bool {
	var st unix.Statfs_t
	err := unix.Fstatfs(int(f.Fd()), &st)
	return err == nil && (st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC)
}

func (p *pass) run(size int64) error {
	_ = unix.Fadvise(int(p.f.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	if size <= blockSize {
		return p.alone(size)
	}
	return p.together(true, size > p.disk.segment)
}

// alone reads a small file.
func (p *pass) alone(size int64) error {
	buf := p.disk.block(size)
	defer p.disk.release(buf)
	for {
		n, err := p.block(*buf)
		p.whole.add((*buf)[:n])
		p.parts.add((*buf)[:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// block reads the next block; io.EOF comes with the last.
func (p *pass) block(buf []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(p.in, buf)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	p.guard.add(buf[:n])
	p.size += int64(n)
	if p.moved != nil {
		p.moved(int64(n))
	}
	if p.medium && p.size%window == 0 && p.size > p.keep {
		_ = p.disk.kernel.drop(p.f, p.size-window, window) // leave the cache to others
	}
	return n, err
}

// shared is a block that two digests read.
type shared struct {
	buf  *[]byte
	n    int
	left atomic.Int32
}

// together reads, digests the whole and digests the segments in a goroutine each.
func (p *pass) together(whole, segments bool) error {
	free := make(chan *[]byte, blocks)
	for range blocks {
		free <- p.disk.block(blockSize)
	}
	give := func(s *shared) {
		if s.left.Add(-1) == 0 {
			free <- s.buf
		}
	}
	var takers []taker
	if whole {
		takers = append(takers, consume(p.whole.add, give))
	}
	if segments {
		takers = append(takers, consume(p.parts.add, give))
	}
	err := p.feed(free, takers)
	for _, t := range takers {
		close(t.in)
		<-t.done
	}
	for range blocks {
		p.disk.release(<-free)
	}
	return err
}

func (p *pass) feed(free chan *[]byte, takers []taker) error {
	for {
		s := &shared{buf: <-free}
		n, err := p.block(*s.buf)
		s.n = n
		s.left.Store(int32(len(takers)))
		for _, t := range takers {
			t.in <- s
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type taker struct {
	in   chan *shared
	done chan struct{}
}

func consume(add func([]byte), give func(*shared)) taker {
	t := taker{make(chan *shared, blocks), make(chan struct{})}
	go func() {
		defer close(t.done)
		for s := range t.in {
			add((*s.buf)[:s.n])
			give(s)
		}
	}()
	return t
}

// segments are the digests per segment: the first is a state of the whole's digest on its way.
func (p *pass) segments(whole opsdb.Digest) []opsdb.Digest {
	switch {
	case p.size == 0:
		return nil
	case p.whole.first == "":
		return []opsdb.Digest{whole}
	}
	return append([]opsdb.Digest{p.whole.first}, p.parts.end()...)
}

// wholeSum is the digest of everything; on the way it notes that of the first segment.
type wholeSum struct {
	sum     hash.Hash
	n       int64
	segment int64
	first   opsdb.Digest
}

func (w *wholeSum) add(p []byte) {
	if left := w.segment - w.n; left > 0 && left <= int64(len(p)) {
		w.sum.Write(p[:left])
		w.first = hexOf(w.sum)
		w.n, p = w.segment, p[left:]
	}
	w.sum.Write(p)
	w.n += int64(len(p))
}

// partSum are the digests of the segments from one on: all, or all but the first.
type partSum struct {
	sum     hash.Hash
	n       int64
	segment int64
	from    int64 // where the first of them begins
	digests []opsdb.Digest
}

func (s *partSum) add(p []byte) {
	if skip := min(max(s.from-s.n, 0), int64(len(p))); skip > 0 {
		s.n, p = s.n+skip, p[skip:]
	}
	for len(p) > 0 {
		m := min(s.segment-s.n%s.segment, int64(len(p)))
		s.sum.Write(p[:m])
		s.n, p = s.n+m, p[m:]
		if s.n%s.segment == 0 {
			s.cut()
		}
	}
}

func (s *partSum) cut() {
	s.digests = append(s.digests, hexOf(s.sum))
	s.sum.Reset()
}

func (s *partSum) end() []opsdb.Digest {
	if s.n > s.from && s.n%s.segment != 0 {
		s.cut()
	}
	return s.digests
}

func hexOf(h hash.Hash) opsdb.Digest { return opsdb.Digest(hex.EncodeToString(h.Sum(nil))) }
