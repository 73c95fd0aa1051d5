package live

import (
	"context"
	"sync"
)

// Hub hands events to the subscribers of one process. Adapters build their
// feed on it. Its methods may be called from several goroutines and never wait
// for a subscriber.
type Hub struct {
	mu     sync.Mutex
	subs   map[*Subscription]struct{}
	closed bool
}

// NewHub returns a hub without subscribers.
func NewHub() *Hub { return &Hub{subs: map[*Subscription]struct{}{}} }

// Subscribe adds a subscriber; see [Feed].
func (h *Hub) Subscribe(buffer int) *Subscription {
	s := &Subscription{hub: h, waiting: make([]Item, 0, max(buffer, 1)), bell: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed = h.closed; s.closed {
		s.ring()
		return s
	}
	h.subs[s] = struct{}{}
	return s
}

// Publish hands e to all subscribers.
func (h *Hub) Publish(e Event) { h.offer(Item{Event: e}) }

// Gap tells all subscribers that the feed was cut.
func (h *Hub) Gap() { h.offer(Item{Gap: true}) }

// Pass hands all subscribers an item that may come after lost ones.
func (h *Hub) Pass(i Item) { h.offer(i) }

func (h *Hub) offer(i Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		s.offer(i)
	}
}

// Close ends all subscriptions. What waits in them can still be read.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		s.end()
	}
	clear(h.subs)
}

// Subscription is one listener's queue. One goroutine at a time may call Next.
type Subscription struct {
	hub  *Hub
	bell chan struct{} // rung when something waits, or at the end

	mu      sync.Mutex
	waiting []Item // capacity is the bound
	missed  int    // dropped in front of waiting[0]
	gap     bool   // among what was dropped there
	closed  bool
}

// Next waits for the next item. After Close it returns what still waits and
// then [ErrClosed]; if ctx ends, its error.
func (s *Subscription) Next(ctx context.Context) (Item, error) {
	for {
		if i, ok, err := s.take(); ok {
			return i, err
		}
		select {
		case <-s.bell:
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
	}
}

// take returns the oldest item, or the end.
func (s *Subscription) take() (i Item, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		if s.closed {
			s.ring() // for the next call
			return Item{}, true, ErrClosed
		}
		return Item{}, false, nil
	}
	i = s.waiting[0]
	i.Missed += s.missed
	i.Gap = i.Gap || s.gap
	s.waiting = s.waiting[:copy(s.waiting, s.waiting[1:])]
	s.missed, s.gap = 0, false
	return i, true, nil
}

// offer adds an item and drops the oldest if there is no room.
func (s *Subscription) offer(i Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.waiting); n == cap(s.waiting) {
		s.drop(s.waiting[0])
		s.waiting = s.waiting[:copy(s.waiting, s.waiting[1:])]
	}
	s.waiting = append(s.waiting, i)
	s.ring()
}

func (s *Subscription) drop(i Item) {
	s.missed += i.Missed
	if i.Kind != "" {
		s.missed++
	}
	s.gap = s.gap || i.Gap
}

// Close ends the subscription. It may be called twice.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.subs, s)
	s.end()
}

func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.ring()
}

func (s *Subscription) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
