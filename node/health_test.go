package node

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// stuck is a store with nothing to do, whose first answer of a pass can be kept back, and which can be away.
type stuck struct {
	opsdb.Store
	held, away atomic.Bool
}

func (s *stuck) Todo(ctx context.Context, _ int) (opsdb.Todo, error) {
	if s.held.Load() {
		<-ctx.Done()
	}
	return opsdb.Todo{World: opsdb.World{Revision: 1}}, ctx.Err()
}

func (s *stuck) Now(context.Context) (time.Time, error) {
	if s.away.Load() {
		return time.Time{}, errors.New("connection refused")
	}
	return time.Time{}, nil
}

func (*stuck) Queue(context.Context, int) ([]opsdb.OpenMove, opsdb.World, error) {
	return nil, opsdb.World{}, nil
}
func (*stuck) World(context.Context) (opsdb.World, error)       { return opsdb.World{Revision: 1}, nil }
func (*stuck) Tick(context.Context, time.Duration, bool) error  { return nil }
func (*stuck) Press(context.Context, []opsdb.Mark) (int, error) { return 0, nil }
func (*stuck) Chain(context.Context) (int, error)               { return 0, nil }
func (*stuck) NextWake(context.Context) (time.Time, error)      { return time.Time{}, nil }
func (*stuck) Changed() <-chan struct{}                         { return nil }
func (*stuck) Expire(context.Context, time.Time, time.Duration) ([]opsdb.Task, error) {
	return nil, nil
}

// An engine that completes nothing though its database answers is not alive; one whose database is away is, and not ready.
func TestHealthOfAnEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{}
		e := engine.New(engine.Config{Store: s, Clock: clock.System{}})
		n := &Node{cfg: Config{Store: s}, Engine: e}
		is := func(when string, alive, ready bool) {
			t.Helper()
			if h := n.Health(t.Context()); h.Alive != alive || h.Ready != ready {
				t.Errorf("%s: %+v", when, h)
			}
		}
		is("before the first pass", true, false)
		e.Follow(&graph.Graph{}, 1)
		time.Sleep(time.Second) // of the bubble
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- e.Run(ctx) }()
		synctest.Wait()
		is("after a pass", true, true)
		time.Sleep(time.Hour)
		is("after an hour of sweeps", true, true)
		s.held.Store(true)
		time.Sleep(3 * time.Minute)
		is("a pass that takes long", true, false)
		time.Sleep(stuckAfter)
		is("a pass that never ends", false, false)
		s.away.Store(true)
		is("a database that is away", true, false)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
