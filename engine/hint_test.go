package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// hinting is a store that tells what changed, and says how often an engine did only that.
type hinting struct {
	untold
	wake  chan struct{}
	hints chan opsdb.File
	way   error // what its short way ends with
	short atomic.Int64
	looks atomic.Int64
}

func (h *hinting) Changed() <-chan struct{} { return h.wake }

func (h *hinting) Hints() []opsdb.File {
	select {
	case f := <-h.hints:
		return []opsdb.File{f}
	default:
		return nil
	}
}

func (h *hinting) Short(_ context.Context, _ int64, todo opsdb.Todo, _ int, _ func(opsdb.Short) error) error {
	if len(todo.Unrouted) == 1 && todo.Unrouted[0].Path == "hinted" {
		h.short.Add(1)
		return h.way
	}
	return opsdb.ErrChanged
}

func (h *hinting) Todo(ctx context.Context, limit int) (opsdb.Todo, error) {
	h.looks.Add(1)
	return h.untold.Todo(ctx, limit)
}

// TestHints: an engine that is told of a file does that and no more, but looks what else there is before it is
// told again; and it looks at once if what it was told leads nowhere.
func TestHints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		way          error
		short, looks int64 // after three hints
	}{
		"they lead on":    {nil, 2, 1},
		"they are not so": {opsdb.ErrChanged, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, ccat("cologne", "cornell"))
			h := &hinting{untold: untold{p.store, make(chan struct{})}, wake: make(chan struct{}), hints: make(chan opsdb.File, 1), way: c.way}
			p.running(h, time.Hour)
			<-h.idle // the engine's first look
			asleep := func() int64 {
				p.t.Helper()
				looks := int64(-1)
				until(t, "the engine rests", func() bool { // nobody tells it anything, so it looks no more
					before := looks
					looks = h.looks.Load()
					return looks == before
				})
				return looks
			}
			from := asleep()
			for range 3 {
				h.hints <- opsdb.File{ID: opsdb.NewID(), Path: "hinted"}
				h.wake <- struct{}{}
				until(t, "the hint is taken", func() bool { return len(h.hints) == 0 })
			}
			until(t, "all was done", func() bool { return h.short.Load() == c.short && h.looks.Load()-from == c.looks })
		})
	}
}
