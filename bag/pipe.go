package bag

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync/atomic"

	"github.com/ccatobs/cdt/opsdb"
	"golang.org/x/sync/errgroup"
)

// All chunks together fit into the cache of a processor, where four consumers find each.
const (
	chunkSize  = 256 << 10
	chunkCount = 8
)

// span is a part of a chunk that belongs to one member; last ends the member.
type span struct {
	from, to int
	last     bool
	member   opsdb.Member // of the last span
}

// chunk is a piece of the tar on its way to the consumers.
type chunk struct {
	bytes  []byte // its filled part
	limit  int    // where it must end: no chunk lies in two segments
	spans  []span
	hashed chan struct{} // closed when its members are hashed; may be nil
	users  atomic.Int32
}

// pipe takes the tar's bytes once and hands every chunk to four consumers at
// the same time: the writer, and the hashes of tar, segment and member.
type pipe struct {
	ctx       context.Context
	group     *errgroup.Group
	free      chan *chunk
	consumers []chan *chunk
	cancel    context.CancelCauseFunc
	current   *chunk
	pos       int64 // bytes taken so far

	tar      opsdb.Digest
	first    opsdb.Digest // of segment 0: the tar's hash knows it on the way
	segments []opsdb.Digest
}

// newPipe starts the consumers. born is called, in order, with every member whose digest is known.
func newPipe(ctx context.Context, w io.Writer, born func(opsdb.Member) error) *pipe {
	p := &pipe{free: make(chan *chunk, chunkCount)}
	ctx, p.cancel = context.WithCancelCause(ctx)
	p.group, p.ctx = errgroup.WithContext(ctx)
	for range chunkCount {
		p.free <- &chunk{bytes: make([]byte, 0, chunkSize)}
	}
	p.consume(func(c *chunk) error { _, err := w.Write(c.bytes); return err }, nil)
	p.hashTar()
	p.hashSegments()
	p.hashMembers(born)
	return p
}

// consume runs each on every chunk in a goroutine of its own, then end.
func (p *pipe) consume(each func(*chunk) error, end func()) {
	in := make(chan *chunk, chunkCount)
	p.consumers = append(p.consumers, in)
	p.group.Go(func() error {
		for c := range in {
			if err := p.ctx.Err(); err != nil {
				return err
			}
			if err := each(c); err != nil {
				return err
			}
			p.release(c)
		}
		if end != nil {
			end()
		}
		return nil
	})
}

func (p *pipe) release(c *chunk) {
	if c.users.Add(-1) == 0 {
		c.bytes, c.spans, c.hashed = c.bytes[:0], c.spans[:0], nil
		p.free <- c
	}
}

func (p *pipe) hashTar() {
	h, n := sha256.New(), int64(0)
	p.consume(func(c *chunk) error {
		h.Write(c.bytes)
		if n += int64(len(c.bytes)); n == opsdb.SegmentSize {
			p.first = digestOf(h)
		}
		return nil
	}, func() {
		p.tar = digestOf(h)
		if n < opsdb.SegmentSize {
			p.first = p.tar
		}
	})
}

// hashSegments hashes all segments but the first.
func (p *pipe) hashSegments() {
	h, n := sha256.New(), int64(0)
	p.consume(func(c *chunk) error {
		if n >= opsdb.SegmentSize {
			h.Write(c.bytes)
		}
		n += int64(len(c.bytes))
		if len(c.bytes) > 0 && n > opsdb.SegmentSize && n%opsdb.SegmentSize == 0 {
			p.segments = append(p.segments, digestOf(h))
			h.Reset()
		}
		return nil
	}, func() {
		if n > opsdb.SegmentSize && n%opsdb.SegmentSize != 0 {
			p.segments = append(p.segments, digestOf(h))
		}
	})
}

func (p *pipe) hashMembers(born func(opsdb.Member) error) {
	var h hash.Hash = sha256.New()
	p.consume(func(c *chunk) error {
		for _, s := range c.spans {
			h.Write(c.bytes[s.from:s.to])
			if !s.last {
				continue
			}
			s.member.Digest = digestOf(h)
			h.Reset()
			if err := born(s.member); err != nil {
				return err
			}
		}
		if c.hashed != nil {
			close(c.hashed)
		}
		return nil
	}, nil)
}

// space returns room for at least one byte in the current chunk.
func (p *pipe) space() ([]byte, error) {
	if p.current != nil && len(p.current.bytes) == p.current.limit {
		p.hand()
	}
	if p.current == nil {
		select {
		case p.current = <-p.free:
			p.current.limit = int(min(chunkSize, opsdb.SegmentSize-p.pos%opsdb.SegmentSize))
		case <-p.ctx.Done():
			return nil, context.Cause(p.ctx)
		}
	}
	b := p.current.bytes
	return b[len(b):p.current.limit], nil
}

// took tells that n bytes of the last space are filled.
func (p *pipe) took(n int) {
	p.current.bytes = p.current.bytes[:len(p.current.bytes)+n]
	p.pos += int64(n)
}

// hand gives the current chunk to every consumer; their channels hold all chunks there are.
func (p *pipe) hand() {
	p.current.users.Store(int32(len(p.consumers)))
	for _, in := range p.consumers {
		in <- p.current
	}
	p.current = nil
}

// Write takes bytes that belong to no member.
func (p *pipe) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		room, err := p.space()
		if err != nil {
			return done, err
		}
		n := copy(room, b[done:])
		p.took(n)
		done += n
	}
	return done, nil
}

// content takes exactly m.Size bytes of a member from r.
func (p *pipe) content(r io.Reader, m opsdb.Member) error {
	for left := m.Size; ; {
		room, err := p.space()
		if err != nil {
			return err
		}
		room = room[:min(int64(len(room)), left)]
		from := len(p.current.bytes)
		n, err := io.ReadFull(r, room)
		if err != nil {
			return err
		}
		p.took(n)
		left -= int64(n)
		p.current.spans = append(p.current.spans, span{from: from, to: from + n, last: left == 0, member: m})
		if left == 0 {
			return nil
		}
	}
}

// drain waits until every member taken so far has its digest.
func (p *pipe) drain() error {
	if p.current == nil {
		if _, err := p.space(); err != nil {
			return err
		}
	}
	done := make(chan struct{})
	p.current.hashed = done
	p.hand()
	select {
	case <-done:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// close ends the pipe and waits for its consumers; abort is the producer's own
// error, after which nothing more is consumed.
func (p *pipe) close(abort error) error {
	if abort != nil {
		p.cancel(abort)
	} else if p.current != nil {
		p.hand()
	}
	for _, in := range p.consumers {
		close(in)
	}
	err := p.group.Wait()
	if abort != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return abort
	}
	return err
}
