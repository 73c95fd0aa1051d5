package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
)

// pipe delivers items in batches and in their order, in a goroutine of its own. Putting one
// in never blocks: when as many wait as may, the newest is thrown away and
// counted. A delivery that fails is tried again, with longer and longer pauses.
type pipe[T any] struct {
	name    string
	deliver func(ctx context.Context, items []T) error
	lost    func(n int)
	log     *slog.Logger // must not lead back into this pipe
	batch   int
	timeout time.Duration

	items  chan T
	ending chan struct{} // closed by stop: deliver what waits and end
	hard   context.Context
	cancel context.CancelFunc
	once   sync.Once
	done   chan struct{}

	away    bool                 // the last delivery was not answered well, which was said
	now     func() time.Duration // time passed
	refused time.Duration        // when it was last said that something is refused; 0: never
}

// The pauses between two deliveries that fail, and after how many of them a batch is given up: half an hour. It might
// be the batch that the receiver fails at, and it must not stand in the way of all others for ever.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
	mostTries    = 60
)

// refusedAgain is how long nothing more is said of what is refused.
const refusedAgain = time.Hour

func newPipe[T any](name string, room, batch int, timeout time.Duration, log *slog.Logger, lost func(int), deliver func(context.Context, []T) error) *pipe[T] {
	p := &pipe[T]{name: name, deliver: deliver, lost: lost, log: log, batch: batch, timeout: timeout,
		items: make(chan T, room), ending: make(chan struct{}), done: make(chan struct{}), now: clock.Monotonic()}
	p.hard, p.cancel = context.WithCancel(context.Background())
	go p.run()
	return p
}

// put offers an item.
func (p *pipe[T]) put(item T) {
	select {
	case <-p.ending:
		p.lost(1)
		return
	default:
	}
	select {
	case p.items <- item:
	default:
		p.lost(1)
	}
}

// stop delivers what waits until ctx ends; the rest is lost.
func (p *pipe[T]) stop(ctx context.Context) error {
	p.once.Do(func() { close(p.ending) })
	defer p.cancel()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.cancel()
		<-p.done
		return nil // what was lost is counted, and was said
	}
}

func (p *pipe[T]) run() {
	defer close(p.done)
	defer p.leave()
	for {
		select {
		case item := <-p.items:
			if !p.send(p.fill(item)) {
				return
			}
		case <-p.ending:
			p.empty()
			return
		}
	}
}

// empty sends what waits at the end, once each.
func (p *pipe[T]) empty() {
	for {
		select {
		case item := <-p.items:
			if !p.send(p.fill(item)) {
				return
			}
		default:
			return
		}
	}
}

// leave counts what is left behind.
func (p *pipe[T]) leave() {
	if n := len(p.items); n > 0 {
		p.lost(n)
	}
}

// fill makes a batch of what waits now.
func (p *pipe[T]) fill(first T) []T {
	batch := []T{first}
	for len(batch) < p.batch {
		select {
		case item := <-p.items:
			batch = append(batch, item)
		default:
			return batch
		}
	}
	return batch
}

// send delivers a batch, if it takes long; false: the pipe ends, and the batch is lost.
func (p *pipe[T]) send(batch []T) bool {
	pause := firstPause
	for range mostTries {
		ctx, cancel := context.WithTimeout(p.hard, p.timeout)
		err := p.deliver(ctx, batch)
		cancel()
		if refused := new(refusedError); errors.As(err, &refused) {
			p.tell(nil)
			p.tellRefused(err)
			p.lost(refused.of(len(batch))) // it answers, and will not take this at any time
			return true
		}
		p.tell(err)
		if err == nil {
			return true
		}
		if p.isEnding() || !p.wait(pause) {
			p.lost(len(batch))
			return false
		}
		pause = min(2*pause, longestPause)
	}
	p.lost(len(batch))
	return true
}

func (p *pipe[T]) isEnding() bool {
	select {
	case <-p.ending:
		return true
	default:
		return p.hard.Err() != nil
	}
}

// wait pauses; false: the pipe ends. Once it is to end, one more delivery is tried.
func (p *pipe[T]) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ending:
		return p.hard.Err() == nil
	case <-p.hard.Done():
		return false
	}
}

// tell says once that deliveries fail, and once that they do no more.
func (p *pipe[T]) tell(err error) {
	switch {
	case err != nil && !p.away:
		p.log.Warn("telemetry is not taken; data go on, and what cannot wait is thrown away and counted", "receiver", p.name, "error", err.Error())
	case err == nil && p.away:
		p.log.Info("telemetry is taken again", "receiver", p.name)
	}
	p.away = err != nil
}

// tellRefused says that something is refused, though the receiver answers; not again for a while.
func (p *pipe[T]) tellRefused(err error) {
	now := p.now()
	if p.refused != 0 && now-p.refused < refusedAgain {
		return
	}
	p.refused = max(now, 1)
	p.log.Warn("telemetry is not taken; data go on, and what is refused is thrown away and counted", "receiver", p.name, "error", err.Error())
}

// refusedError is an answer that no repeating mends.
type refusedError struct {
	n   int // items that are refused; 0: all
	err error
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// of is how many items of a batch are refused.
func (e *refusedError) of(batch int) int {
	if e.n > 0 {
		return min(e.n, batch)
	}
	return batch
}
