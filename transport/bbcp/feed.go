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
	filled := s.since()
	for {
		select {
		case <-s.ended:
			return
		case <-idle.C:
			s.fill(2)
		case <-s.stuck:
			if len(s.loads) == 0 && s.since()-filled >= s.patience() {
				s.fill(s.opts.Streams)
				filled = s.since()
			}
		case l := <-s.loads:
			s.carry(l)
			if len(s.loads) == 0 {
				s.fill(2)
			}
		}
	}
}

// pushOn asks for filler where the last bytes of a package were handed over and do not arrive. At either end bbcp lets a
// stream go on only behind another one, and the two ends line them up differently: so buffers may
// stay behind until others have gone through all streams.
func (s *standing) pushOn() {
	if s.still() < s.patience() {
		return
	}
	select {
	case s.stuck <- struct{}{}:
	default:
	}
}

// patience is how long nothing may arrive until more filler is sent: longer than a round trip, and than that filler needs.
func (s *standing) patience() time.Duration {
	const least, unknown = 250 * time.Millisecond, 2 * time.Second
	rate := s.opts.Bandwidth
	if s.opts.Rate > 0 && (rate == 0 || s.opts.Rate < rate) {
		rate = s.opts.Rate
	}
	if rate == 0 {
		return unknown
	}
	return max(least, s.opts.RTT+time.Duration(float64(s.opts.Streams)*float64(s.opts.Buffer)/float64(rate)*float64(time.Second)))
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

// fill brings what is left in bbcp's buffers on its way, by so many buffers of filler.
func (s *standing) fill(buffers int) {
	for left := buffers * int(s.opts.Buffer); left > 0; left -= longestChunk {
		h := head{length: min(left, longestChunk)}
		b := h.append(nil)
		if _, err := s.in.Write(append(b, make([]byte, h.length)...)); err != nil {
			return
		}
	}
}
