package bbcp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

const (
	soon     = 50 * time.Millisecond // between two looks at a part all of whose bytes are on their way
	later    = time.Second           // between two at one that is still handed over
	handover = 10 * time.Second      // how long a cancelled package may take until nothing of it is on its way
)

// sendStanding sends what can go through a standing call. What cannot, and what one that broke did not begin, is left open.
func (s *sending) sendStanding(ctx context.Context) {
	folders := map[string][]*item{}
	var order []string
	for _, it := range s.items {
		if s.opts.Standing == nil || !it.open() || endsOf(it).source {
			continue
		}
		parts := filepath.Dir(it.to)
		if folders[parts] == nil {
			order = append(order, parts)
		}
		folders[parts] = append(folders[parts], it)
	}
	for _, parts := range order {
		items := folders[parts]
		if s.stop(ctx, items) {
			continue
		}
		if line, err := s.opts.Standing.enter(ctx, s.opts, items[0].Target, parts, endsOf(items[0])); err == nil {
			s.through(ctx, line, items)
			line.leave()
		}
	}
}

// through sends items through a standing call.
func (s *sending) through(ctx context.Context, line *standing, items []*item) {
	loads := make([]*load, len(items))
	for i, it := range items {
		loads[i] = &load{item: it, ctx: ctx, over: make(chan struct{})}
		select {
		case line.loads <- loads[i]:
		case <-line.ended:
		}
	}
	for i, l := range loads {
		s.await(ctx, line, l)
		if l.arrived && l.Arrived != nil && i < len(loads)-1 {
			l.Arrived()
		}
	}
	if ctx.Err() != nil {
		s.withdraw(line, loads)
	}
}

// await waits until all bytes of an item seem to be in its part. They are written in their order by one program,
// which then writes another part: a part that is full is written no more.
func (s *sending) await(ctx context.Context, line *standing, l *load) {
	seen, told := l.kept, line.moved.Load()
	for {
		if l.begun.Load() {
			whole := isOver(l.over) // asked first: what is handed over later may not have arrived yet
			n, err := partSize(ctx, l.item)
			switch {
			case err == nil && n > seen: // where it cannot be asked nothing moves, in the end
				seen = n
				line.touch()
				l.at(n)
			case whole && n < l.Size && (err == nil || errors.Is(err, fs.ErrNotExist)):
				line.pushOn()
			}
			if err == nil && n == l.Size {
				l.finish()
				return
			}
		}
		if now := line.moved.Load(); now != told { // another package moves: this one is not stuck
			told = now
			l.alive()
		}
		if still := line.still(); still > s.opts.Stall {
			line.out.hush()
			line.stop(fmt.Errorf("%w for %s", errStalled, still.Round(time.Second)))
		}
		if s.settled(ctx, line, l) {
			return
		}
	}
}

// settled pauses until the part is worth another look, or the item has got its end otherwise.
func (s *sending) settled(ctx context.Context, line *standing, l *load) bool {
	pause, over := later, l.over
	if isOver(over) {
		if l.err != nil && ctx.Err() == nil {
			if l.item.err = s.checkSource(ctx, l.item); l.item.err == nil {
				l.item.err = s.sourceFailed(ctx, l.item, l.err)
			}
			return true
		}
		pause, over = soon, nil
	}
	wait := time.NewTimer(pause)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		l.item.err = ctx.Err()
		return true
	case <-line.ended:
		s.broken(ctx, line, l)
		return true
	case <-over:
	case <-wait.C:
	}
	return false
}

// broken decides about an item of a call that has ended: it may be there all the same; one that was not begun
// goes again, and all go again where the call did not fit the other end: by calls of their own where standing ones are not let be.
func (s *sending) broken(ctx context.Context, line *standing, l *load) {
	c := &call{opts: line.opts, items: []*item{l.item}, ends: line.ends, code: line.code, err: line.err, since: line.since}
	said, narrow := line.out.text(), errors.Is(line.err, errNarrow)
	_, _ = c.out.Write([]byte(said + "\n"))
	if s.arrivedAfter(ctx, c, l) {
		return
	}
	switch {
	case l.item.err != nil:
	case narrow || forbids(said) || strings.Contains(said, "unknown command"):
		if !narrow {
			s.opts.Standing.refuse()
		}
		if l.begun.Load() && l.kept == 0 {
			l.item.err = s.fromTheStart(ctx, l.item)
		}
	case l.begun.Load():
		if err := s.failure(ctx, c, l.item); s.blames(ctx, l.item, err) {
			l.item.err = err
		}
	}
}

// arrivedAfter is arrived for an item that may not even have been begun.
func (s *sending) arrivedAfter(ctx context.Context, c *call, l *load) bool {
	return l.begun.Load() && s.arrived(ctx, c, l.item)
}

// withdraw makes sure, after a cancel, that nothing of the items is on its way any more: what was handed over has
// arrived, or the call is ended, with all that goes through it.
func (s *sending) withdraw(line *standing, loads []*load) {
	ctx, cancel := context.WithTimeout(context.Background(), handover)
	defer cancel()
	for _, l := range loads {
		if l.arrived {
			continue
		}
		for !s.withdrawn(ctx, line, l) {
			if ctx.Err() != nil {
				line.stop(errors.New("a package was taken back, and its bytes did not arrive"))
				<-line.ended
				return
			}
		}
	}
}

func (s *sending) withdrawn(ctx context.Context, line *standing, l *load) bool {
	select {
	case <-line.ended:
		return true
	case <-ctx.Done():
		return false
	case <-l.over:
	}
	if !l.begun.Load() {
		return true
	}
	n, err := partSize(ctx, l.item)
	if err == nil && n >= l.given || l.given == l.kept {
		return true
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		line.pushOn()
	}
	select {
	case <-ctx.Done():
	case <-time.After(soon):
	}
	return false
}

func isOver(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}
