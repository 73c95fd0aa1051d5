package worker

import (
	"context"
	"sync"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// lookahead is how many tasks may be in hand for every one that runs.
const lookahead = 4

// slots bound what runs at once, in all and per stage type.
type slots struct {
	wg     sync.WaitGroup
	mu     sync.Mutex
	inHand chan struct{}
	total  chan struct{}
	types  map[string]chan struct{}
	tell   func(running int)
}

func (w *Worker) newSlots() *slots {
	s := &slots{
		inHand: make(chan struct{}, w.cfg.Total*lookahead),
		total:  make(chan struct{}, w.cfg.Total),
		types:  map[string]chan struct{}{},
		tell:   w.cfg.Running,
	}
	for typ, n := range w.cfg.PerType {
		s.types[typ] = make(chan struct{}, max(n, 1))
	}
	return s
}

// enter waits until one more task may be taken in hand.
func (s *slots) enter(ctx context.Context) bool { return acquire(ctx, s.inHand) }

func (s *slots) leave() { <-s.inHand }

// take waits for a slot of the task's type and then for one of all; free
// gives both back, and may be called twice. False: ctx was cancelled.
func (s *slots) take(ctx context.Context, w *Worker, id opsdb.ID) (free func(), ok bool) {
	typ := s.limitOf(ctx, w, id)
	if typ != nil && !acquire(ctx, typ) {
		return nil, false
	}
	release := func() {
		if typ != nil {
			<-typ
		}
	}
	if !acquire(ctx, s.total) {
		release()
		return nil, false
	}
	s.told()
	return sync.OnceFunc(func() { <-s.total; s.told(); release() }), true
}

// told tells how many tasks run, as it is at the moment of the last call.
func (s *slots) told() {
	if s.tell == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(len(s.total))
}

// limitOf is the limit of the task's stage type; nil if it has none. A task
// that cannot be read has none: its claim will say why.
func (s *slots) limitOf(ctx context.Context, w *Worker, id opsdb.ID) chan struct{} {
	if len(s.types) == 0 {
		return nil
	}
	t, err := w.store.Task(ctx, id)
	if err != nil {
		return nil
	}
	return s.types[t.Type]
}

// stop waits for what is in hand, at most for the grace.
func (s *slots) stop(grace time.Duration) {
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

func acquire(ctx context.Context, slot chan struct{}) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case slot <- struct{}{}:
		return true
	default:
	}
	select {
	case slot <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
