package redis

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// write is something to be sent.
type write struct {
	key  string        // a later write of this key takes its place; "" for an event
	said time.Duration // when
	ttl  time.Duration // how long it is worth sending
	do   func(ctx context.Context, p redis.Pipeliner, left time.Duration)
}

// queue holds writes until they are sent: bounded, in order, one a key. Nobody
// waits for room in it: the oldest event makes place, or else the oldest write.
type queue struct {
	bell chan struct{} // rung when something was put

	mu      sync.Mutex
	bound   int
	waiting []*write
	byKey   map[string]*write
	dropped int64
}

func newQueue(bound int) *queue {
	return &queue{bell: make(chan struct{}, 1), bound: bound, byKey: map[string]*write{}}
}

func (q *queue) put(w *write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if before := q.byKey[w.key]; before != nil {
		*before = *w
		return
	}
	if len(q.waiting) >= q.bound {
		q.makeRoom()
	}
	q.waiting = append(q.waiting, w)
	if w.key != "" {
		q.byKey[w.key] = w
	}
	q.ring()
}

func (q *queue) makeRoom() {
	oldest := 0
	for i, w := range q.waiting {
		if w.key == "" {
			oldest = i
			break
		}
	}
	delete(q.byKey, q.waiting[oldest].key)
	q.waiting = append(q.waiting[:oldest], q.waiting[oldest+1:]...)
	q.dropped++
}

// take removes at most n writes, oldest first.
func (q *queue) take(n int) []*write {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.waiting))
	out := make([]*write, n)
	copy(out, q.waiting)
	q.waiting = q.waiting[:copy(q.waiting, q.waiting[n:])]
	for _, w := range out {
		delete(q.byKey, w.key)
	}
	return out
}

// back puts what could not be sent in front again, but not what was said anew since.
func (q *queue) back(list []*write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var front []*write
	for _, w := range list {
		if w.key != "" {
			if q.byKey[w.key] != nil {
				continue
			}
			q.byKey[w.key] = w
		}
		front = append(front, w)
	}
	q.waiting = append(front, q.waiting...)
	for len(q.waiting) > q.bound {
		q.makeRoom()
	}
}

func (q *queue) lost(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += int64(n)
}

func (q *queue) droppedSoFar() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}
