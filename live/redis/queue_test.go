package redis

import (
	"strings"
	"testing"
)

func put(q *queue, keys ...string) {
	for _, key := range keys {
		q.put(&write{key: strings.TrimPrefix(key, "event")})
	}
}

func keys(list []*write) string {
	var out []string
	for _, w := range list {
		out = append(out, w.key)
	}
	return strings.Join(out, ",")
}

func TestQueueKeepsTheLastWordAndItsBound(t *testing.T) {
	t.Parallel()
	q := newQueue(3)
	put(q, "a", "event", "a", "b") // a is there already
	if q.len() != 3 || q.droppedSoFar() != 0 {
		t.Errorf("%d wait, %d dropped", q.len(), q.droppedSoFar())
	}
	put(q, "c") // the event goes first
	if got := keys(q.take(10)); got != "a,b,c" || q.droppedSoFar() != 1 {
		t.Errorf("%s wait, %d dropped", got, q.droppedSoFar())
	}
	put(q, "d", "e", "f", "g")
	if got := keys(q.take(10)); got != "e,f,g" || q.droppedSoFar() != 2 {
		t.Errorf("%s wait, %d dropped", got, q.droppedSoFar())
	}
}

func TestWhatCouldNotBeSentDoesNotReplaceWhatWasSaidSince(t *testing.T) {
	t.Parallel()
	q := newQueue(3)
	put(q, "a", "b")
	batch := q.take(2)
	fresh := &write{key: "a", ttl: 1}
	q.put(fresh)
	q.back(batch)
	all := q.take(10)
	if keys(all) != "b,a" || all[1] != fresh {
		t.Errorf("%s wait", keys(all))
	}
	put(q, "x", "y")
	q.back([]*write{{key: "p"}, {key: "q"}})
	if got := keys(q.take(10)); got != "q,x,y" || q.droppedSoFar() != 1 {
		t.Errorf("%s wait, %d dropped", got, q.droppedSoFar())
	}
	if len(q.byKey) != 0 {
		t.Errorf("an empty queue remembers %d keys", len(q.byKey))
	}
}
