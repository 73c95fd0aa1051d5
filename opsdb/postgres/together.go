package postgres

import (
	"context"
	"sync"
	"time"
)

// together does calls that come while others are under way in one transaction
// for all of them: alone a call waits for nobody, and many cost little more than
// one. What comes meanwhile waits for the lot that is under way, so that the next
// is large, unless that one is held up: then another goes beside it. Those whom a lot
// has answered often come back at once, with the end of what they were given: after a large lot the next
// waits a moment for them.
type together[In, Out any] struct {
	// do answers calls, each by itself: what is wrong with one is no matter of the others.
	do func(ctx context.Context, in []In) ([]Out, []error)

	mu      sync.Mutex
	waiting []*call[In, Out]
	running int
	hurry   *time.Timer   // starts another lot; set while calls wait for one
	last    int           // calls in the last lot
	enough  chan struct{} // closed when as many wait as may go together; nil: no lot gathers
}

// call is one of those who wait.
type call[In, Out any] struct {
	in   In
	ctx  context.Context
	lot  *lot // set when it is taken
	out  Out
	err  error
	done chan struct{}
}

// lot is calls that are done together; it ends early when nobody waits for it any more.
type lot struct {
	alive int
	stop  context.CancelFunc
}

// At most so many calls go together, and so many lots at once; a lot that takes
// longer than heldUp is no longer waited for.
const (
	mostTogether = 256
	lotsAtOnce   = 2
	heldUp       = 50 * time.Millisecond
	// After a lot of this many the next one gathers, this long at most.
	large   = 16
	company = 6 * time.Millisecond
)

// call returns what do answers. When ctx ends, it is not waited for, unless nobody else does either.
func (g *together[In, Out]) call(ctx context.Context, in In) (Out, error) {
	c := &call[In, Out]{in: in, ctx: ctx, done: make(chan struct{})}
	if ctx.Err() != nil {
		return c.out, ctx.Err()
	}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if g.enough != nil && len(g.waiting) >= mostTogether {
		close(g.enough)
		g.enough = nil
	}
	switch {
	case g.running == 0 || len(g.waiting) >= mostTogether:
		g.start()
	case g.hurry == nil:
		g.hurry = time.AfterFunc(heldUp, g.hurryUp)
	}
	g.mu.Unlock()
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
	}
	if g.leave(c) {
		var nothing Out
		return nothing, ctx.Err()
	}
	<-c.done
	return c.out, c.err
}

// start begins another run, if one more may be.
func (g *together[In, Out]) start() {
	if g.running < lotsAtOnce {
		g.running++
		go g.run()
	}
}

// hurryUp is for calls that have waited long for a lot they are not in.
func (g *together[In, Out]) hurryUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hurry = nil
	if len(g.waiting) > 0 {
		g.start()
	}
}

// leave takes a call out; false if it is the last of its lot, which ends now.
func (g *together[In, Out]) leave(c *call[In, Out]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.lot == nil {
		return true // run leaves out who is gone
	}
	c.lot.alive--
	if c.lot.alive > 0 {
		return true
	}
	c.lot.stop()
	return false
}

// run does what waits, until nothing does.
func (g *together[In, Out]) run() {
	for {
		g.gather()
		calls, ctx, stop := g.take()
		if len(calls) == 0 {
			return
		}
		in := make([]In, len(calls))
		for i, c := range calls {
			in[i] = c.in
		}
		out, errs := g.do(ctx, in)
		stop()
		for i, c := range calls {
			c.out, c.err = out[i], errs[i]
			close(c.done)
		}
	}
}

// gather waits a moment for company, if there was much.
func (g *together[In, Out]) gather() {
	g.mu.Lock()
	if g.last < large || len(g.waiting) == 0 || len(g.waiting) >= mostTogether || g.enough != nil {
		g.mu.Unlock()
		return
	}
	enough := make(chan struct{})
	g.enough = enough
	g.mu.Unlock()
	limit := time.NewTimer(company)
	defer limit.Stop()
	select {
	case <-enough:
		return
	case <-limit.C:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.enough == enough {
		g.enough = nil
	}
}

// take makes a lot of what waits; without any, the run is over.
func (g *together[In, Out]) take() (calls []*call[In, Out], ctx context.Context, stop context.CancelFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := &lot{}
	for len(g.waiting) > 0 && len(calls) < mostTogether {
		c := g.waiting[0]
		g.waiting = g.waiting[1:]
		if c.ctx.Err() != nil {
			continue
		}
		if len(calls) == 0 {
			ctx, stop = context.WithCancel(context.WithoutCancel(c.ctx))
		}
		c.lot, l.stop = l, stop
		calls = append(calls, c)
	}
	l.alive = len(calls)
	if len(g.waiting) == 0 && g.hurry != nil {
		g.hurry.Stop()
		g.hurry = nil
	}
	if len(calls) == 0 {
		g.running--
	} else {
		g.last = max(len(calls), g.last/2)
	}
	return calls, ctx, stop
}
