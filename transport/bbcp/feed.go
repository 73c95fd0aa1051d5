package bbcp

import (
	"fmt"
	"io"
	"time"
)

// feed hands over what waits, one package after the other, until the call ends.
func (s *standing) feed() {
	idle := time.NewTicker(standingFiller)
	defer idle.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-idle.C:
			s.fill()
		case l := <-s.loads:
			s.carry(l)
			if len(s.loads) == 0 {
				s.fill()
			}
		}
	}
}

// carry hands over one package, a chunk at a time. One whose Send was cancelled is left where it is.
func (s *standing) carry(l *load) {
	defer close(l.over)
	l.given = l.kept
	if l.ctx.Err() != nil {
		return
	}
	l.begun.Store(true)
	in, err := l.Source.Open(l.ctx, l.Path, l.kept, l.Size-l.kept)
	if err != nil {
		l.err = err
		return
	}
	defer func() { _ = in.Close() }()
	b := make([]byte, headLength+longestName+longestChunk)
	for l.given < l.Size && l.ctx.Err() == nil {
		h := head{name: l.Attempt.Name(), at: l.given, length: int(min(l.Size-l.given, longestChunk))}
		chunk := h.append(b[:0])
		chunk = chunk[:len(chunk)+h.length]
		if _, err := io.ReadFull(in, chunk[len(chunk)-h.length:]); err != nil {
			l.err = fmt.Errorf("read %s: %w", l.Path, err)
			return
		}
		if _, err := s.in.Write(chunk); err != nil {
			return // the call has ended, and says why
		}
		l.given += int64(h.length)
	}
}

// fill brings what is left in bbcp's buffer on its way.
func (s *standing) fill() {
	for left := int(2 * s.opts.Buffer); left > 0; left -= longestChunk {
		h := head{length: min(left, longestChunk)}
		b := h.append(nil)
		if _, err := s.in.Write(append(b, make([]byte, h.length)...)); err != nil {
			return
		}
	}
}
