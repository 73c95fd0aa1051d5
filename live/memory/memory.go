// Package memory is live state within one process: for `dtctl serve` on an
// embedded OpsDB, and for tests. Nothing of it survives the process.
//
// It imports live and clock.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/live"
)

// Options are how it keeps. Zero fields take the value named.
type Options struct {
	TTL      time.Duration        // of presence and progress; live.TTL
	BlobKept time.Duration        // live.BlobKept
	Now      func() time.Duration // time passed; the system's monotonic clock
}

// Live keeps everything in maps.
type Live struct {
	*live.Hub
	opts Options

	mu      sync.Mutex
	workers map[string]kept[live.Worker]
	tasks   map[string]kept[live.Task]
	blobs   map[string]kept[[]byte]
	dropped int64
}

// kept is a value and when it was said.
type kept[T any] struct {
	value T
	at    time.Duration
}

var _ live.Live = (*Live)(nil)

// New returns an empty live state.
func New(o Options) *Live {
	o.TTL = cmp.Or(o.TTL, live.TTL)
	o.BlobKept = cmp.Or(o.BlobKept, live.BlobKept)
	if o.Now == nil {
		o.Now = clock.Monotonic()
	}
	return &Live{
		Hub: live.NewHub(), opts: o,
		workers: map[string]kept[live.Worker]{}, tasks: map[string]kept[live.Task]{}, blobs: map[string]kept[[]byte]{},
	}
}

// Present implements [live.Presence].
func (l *Live) Present(w live.Worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Sites = slices.Clone(w.Sites)
	l.workers[w.ID] = kept[live.Worker]{w, l.opts.Now()}
}

// Absent implements [live.Presence].
func (l *Live) Absent(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.workers, id)
}

// Workers implements [live.Presence].
func (l *Live) Workers(ctx context.Context) ([]live.Worker, error) {
	return list(ctx, l, l.workers, func(w *live.Worker, age time.Duration) string { w.Age = age; return w.ID })
}

// Tell implements [live.Progress].
func (l *Live) Tell(t live.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks[t.ID] = kept[live.Task]{t, l.opts.Now()}
}

// Ended implements [live.Progress].
func (l *Live) Ended(task string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tasks, task)
}

// Tasks implements [live.Progress].
func (l *Live) Tasks(ctx context.Context) ([]live.Task, error) {
	return list(ctx, l, l.tasks, func(t *live.Task, age time.Duration) string { t.Age = age; return t.ID })
}

// list returns what still speaks, by ID, and forgets the rest.
func list[T any](ctx context.Context, l *Live, all map[string]kept[T], aged func(*T, time.Duration) string) ([]T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, out := l.opts.Now(), []T{}
	for id, k := range all {
		if now-k.at >= l.opts.TTL {
			delete(all, id)
			continue
		}
		aged(&k.value, now-k.at)
		out = append(out, k.value)
	}
	id := func(v T) string { return aged(&v, 0) }
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	return out, nil
}

// Publish implements [live.Feed].
func (l *Live) Publish(e live.Event) {
	if !e.Fits() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropped++
		return
	}
	l.Hub.Publish(e)
}

// Put implements [live.Blobs].
func (l *Live) Put(name string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(data) > live.MaxBlob {
		l.dropped++
		return
	}
	l.blobs[name] = kept[[]byte]{bytes.Clone(data), l.opts.Now()}
}

// Get implements [live.Blobs].
func (l *Live) Get(ctx context.Context, name string) ([]byte, time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.blobs[name]
	age := l.opts.Now() - k.at
	if !ok || age >= l.opts.BlobKept {
		delete(l.blobs, name)
		return nil, 0, live.ErrNone
	}
	return bytes.Clone(k.value), age, nil
}

// Health implements [live.Live].
func (l *Live) Health() live.Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	return live.Health{Dropped: l.dropped}
}

// Close implements [live.Live].
func (l *Live) Close() error {
	l.Hub.Close()
	return nil
}
