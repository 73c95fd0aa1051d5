package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// claim claims a task, and those that are to be sent together with it. A task
// that cannot be claimed leaves its fellows to be done.
func (w *Worker) claim(ctx context.Context, id opsdb.ID) (all []*opsdb.Assignment, err error) {
	a, err := w.store.Claim(ctx, id, w.cfg.ID, w.cfg.Lease)
	switch {
	case err == nil:
		all = append(all, a)
		if !a.Task.Batched() {
			return all, nil
		}
	case !errors.Is(err, opsdb.ErrNotClaim) && !errors.Is(err, opsdb.ErrNotFound):
		return nil, fmt.Errorf("claim task %s: %w", id, err)
	}
	fellows, err := w.store.Fellows(ctx, id)
	if err != nil {
		w.cfg.Log.WarnContext(ctx, "fellows of a task not read; they are done later", "task", id, "error", err)
		return all, nil
	}
	return append(all, w.claimAll(ctx, fellows)...), nil
}

// claimAll claims what can be claimed, in their order.
func (w *Worker) claimAll(ctx context.Context, ids []opsdb.ID) (all []*opsdb.Assignment) {
	found, errs := make([]*opsdb.Assignment, len(ids)), make([]error, len(ids))
	var wait sync.WaitGroup
	for i, id := range ids {
		wait.Go(func() { found[i], errs[i] = w.store.Claim(ctx, id, w.cfg.ID, w.cfg.Lease) })
	}
	wait.Wait()
	for i := range ids {
		if errs[i] == nil {
			all = append(all, found[i])
		}
	}
	return all
}

// together runs the tasks of a batch: each has its own lease, watchdog and
// result, and all of them one run.
func (w *Worker) together(ctx context.Context, all []*opsdb.Assignment) error {
	p := &party{ctx: ctx, want: len(all), alive: len(all)}
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, a := range all {
		wait.Go(func() { errs[i] = w.runOne(ctx, a, p, func() {}) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// party is the one run of several tasks. It begins when all of them are there; one
// that has ended, or whose lease is lost, leaves it, and it ends early when all have left without an end.
type party struct {
	ctx   context.Context
	want  int
	beats atomic.Int64 // calls of Moved by any of them: while one moves none is stuck

	mu    sync.Mutex
	works []stages.Work
	ends  []end
	ended []chan struct{} // closed when the end of that one is known
	alive int
	stop  context.CancelFunc
}

// partyStage is the stage as one of the party runs it.
type partyStage struct {
	stages.Stage
	party *party
}

// Run implements [stages.Stage]: it waits for the run of all and returns the end of one.
func (s partyStage) Run(ctx context.Context, work stages.Work) (opsdb.Outcome, error) {
	p := s.party
	i, ended := p.join(s.Stage, work)
	select {
	case <-ended:
		return p.end(i)
	case <-ctx.Done():
	}
	if p.leave() {
		return opsdb.Outcome{}, context.Cause(ctx)
	}
	<-ended
	return p.end(i)
}

func (p *party) join(stage stages.Stage, work stages.Work) (int, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ended := make(chan struct{})
	p.works, p.ends, p.ended = append(p.works, work), append(p.ends, end{}), append(p.ended, ended)
	if len(p.works) == p.want {
		ctx, stop := context.WithCancel(p.ctx)
		p.stop = stop
		go p.begin(ctx, stage)
	}
	return len(p.works) - 1, ended
}

// tell says how one ended; what is told first holds.
func (p *party) tell(i int, e end) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended[i]:
		return false
	default:
	}
	p.ends[i] = e
	close(p.ended[i])
	return true
}

// early is the end of one while others go on: it leaves them.
func (p *party) early(i int, e stages.Ending) {
	if p.tell(i, end{e.Outcome, e.Err}) {
		p.mu.Lock()
		p.alive--
		p.mu.Unlock()
	}
}

func (p *party) end(i int) (opsdb.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ends[i].outcome, p.ends[i].err
}

// leave reports whether others go on; the last one ends the run.
func (p *party) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive--
	if p.alive > 0 && p.ctx.Err() == nil {
		return true
	}
	if p.stop == nil { // it never began
		return true
	}
	p.stop()
	return false
}

func (p *party) begin(ctx context.Context, stage stages.Stage) {
	defer p.stop()
	defer func() {
		if r := recover(); r != nil {
			for i := range p.works {
				p.tell(i, end{err: stages.Permanent(fmt.Errorf("panic in a batch of stage %s: %v\n%s", stage.Spec().Type, r, debug.Stack()))})
			}
		}
	}()
	b, ok := stage.(stages.Batcher)
	if !ok {
		for i, work := range p.works {
			out, err := stage.Run(ctx, work)
			p.tell(i, end{out, err})
		}
		return
	}
	for i, e := range b.RunBatch(ctx, p.works, p.early) {
		p.tell(i, end{e.Outcome, e.Err})
	}
}
