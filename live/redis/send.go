package redis

import (
	"context"
	"math/rand/v2"
	"time"
)

// atOnce is how many writes go in one round trip.
const atOnce = 256

// send brings what is queued to Redis, until ctx ends. While Redis is away it
// tries with growing pauses; nothing else in the process waits for it.
func (l *Live) send(ctx context.Context) {
	pause := newPause(l.opts.Retry)
	for ctx.Err() == nil {
		if away, _ := l.state.now(); away {
			if !l.comeBack(ctx) {
				pause.wait(ctx)
				continue
			}
		} else if !l.flush(ctx) {
			continue
		}
		pause.reset()
		l.rest(ctx)
	}
}

// rest waits until something is queued, or until the log can say that Redis is back.
func (l *Live) rest(ctx context.Context) {
	if l.queue.len() > 0 {
		return
	}
	var settled <-chan time.Time
	if l.state.unsettled() {
		t := time.NewTimer(l.opts.Settled)
		defer t.Stop()
		settled = t.C
	}
	select {
	case <-ctx.Done():
	case <-l.queue.bell:
	case <-settled:
		if l.probe(ctx) {
			l.state.settle(l.queue.droppedSoFar())
		}
	}
}

// flush sends one batch. What fails is queued again, and Redis is away.
func (l *Live) flush(ctx context.Context) bool {
	batch := l.queue.take(atOnce)
	if err := l.deliver(ctx, batch); err != nil {
		l.queue.back(batch)
		l.state.away(err)
		return false
	}
	return true
}

// comeBack looks whether Redis takes writes again. A batch that it does not
// take although it takes others is given up: it must not stand in the way for ever.
func (l *Live) comeBack(ctx context.Context) bool {
	if !l.probe(ctx) {
		return false
	}
	batch := l.queue.take(atOnce)
	if err := l.deliver(ctx, batch); err != nil {
		l.state.away(err)
		l.queue.lost(len(batch))
		return false
	}
	l.state.back()
	return true
}

// probe writes something that nobody reads.
func (l *Live) probe(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	err := l.client.Set(ctx, l.opts.Prefix+":probe", 1, time.Second).Err()
	if err != nil {
		l.state.away(err)
	}
	return err == nil
}

// deliver sends a batch in one round trip, without what is no longer worth it.
func (l *Live) deliver(ctx context.Context, batch []*write) error {
	if len(batch) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	now, pipe := l.now(), l.client.Pipeline()
	for _, w := range batch {
		if left := (w.ttl - (now - w.said)).Truncate(time.Millisecond); left > 0 {
			w.do(ctx, pipe, left)
		}
	}
	if pipe.Len() == 0 {
		return nil
	}
	_, err := pipe.Exec(ctx)
	return err
}

// pause is a wait that grows, with jitter, up to a bound.
type pause struct{ next, longest time.Duration }

func newPause(longest time.Duration) *pause {
	p := &pause{longest: longest}
	p.reset()
	return p
}

func (p *pause) reset() { p.next = min(100*time.Millisecond, p.longest) }

func (p *pause) wait(ctx context.Context) {
	t := time.NewTimer(p.next/2 + rand.N(p.next/2+1))
	defer t.Stop()
	p.next = min(2*p.next, p.longest)
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
