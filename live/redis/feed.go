package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ccatobs/cdt/live"
)

// eventWorth is how long an unsent event is worth sending: after a longer gap views read their state anew.
const eventWorth = 30 * time.Second

// patience is after how many time limits of silence the feed's connection is asked whether it lives.
const patience = 5

// message is an event on its way to other processes.
type message struct {
	Origin string     `json:"origin"` // the process
	Number int64      `json:"number"` // counts up within it
	Event  live.Event `json:"event"`
}

// Publish implements [live.Feed].
func (l *Live) Publish(e live.Event) {
	if !e.Fits() {
		l.queue.lost(1)
		return
	}
	l.hub.Publish(e)
	data, err := json.Marshal(message{Origin: l.origin, Number: l.number.Add(1), Event: e})
	if err != nil {
		l.queue.lost(1)
		return
	}
	l.queue.put(&write{said: l.now(), ttl: eventWorth, do: func(ctx context.Context, p redis.Pipeliner, _ time.Duration) {
		p.Publish(ctx, l.channel(), data)
	}})
}

// Subscribe implements [live.Feed].
func (l *Live) Subscribe(buffer int) *live.Subscription { return l.hub.Subscribe(buffer) }

func (l *Live) channel() string { return l.opts.Prefix + ":events" }

// listen brings the events of other processes to the hub, until ctx ends.
func (l *Live) listen(ctx context.Context) {
	pause := newPause(l.opts.Retry)
	ear := ear{live: l, last: map[string]int64{}}
	for ctx.Err() == nil {
		err := ear.hear(ctx, pause.reset)
		if ctx.Err() != nil {
			return
		}
		l.state.away(err)
		l.queue.ring() // the sender finds out when it is back
		ear.cut = true
		pause.wait(ctx)
	}
}

// ear is the receiving end of the feed.
type ear struct {
	live *Live
	last map[string]int64 // number of the last event heard, by origin
	cut  bool             // the connection was lost since the subscribers were told
}

// hear listens on one connection until it fails.
func (e *ear) hear(ctx context.Context, heard func()) error {
	sub := e.live.client.Subscribe(ctx, e.live.channel())
	defer func() { _ = sub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // a read does not look at ctx
	asked, limit := true, e.live.opts.Timeout                  // subscribing asks
	for {
		got, err := sub.ReceiveTimeout(ctx, limit)
		switch {
		case err == nil:
			heard()
			e.take(got)
			asked, limit = false, patience*e.live.opts.Timeout
		case asked || !timedOut(err):
			return fmt.Errorf("listen to events: %w", err)
		default:
			if err := sub.Ping(ctx); err != nil {
				return fmt.Errorf("listen to events: %w", err)
			}
			asked, limit = true, e.live.opts.Timeout
		}
	}
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func (e *ear) take(got any) {
	switch got := got.(type) {
	case *redis.Subscription:
		if e.cut {
			e.live.hub.Gap()
		}
		e.cut = false
	case *redis.Message:
		var m message
		if json.Unmarshal([]byte(got.Payload), &m) == nil && m.Origin != e.live.origin {
			e.pass(m)
		}
	}
}

// origins bounds what is remembered of other processes.
const origins = 1024

// pass hands an event on, once, with how many of its origin were lost before it.
func (e *ear) pass(m message) {
	last, known := e.last[m.Origin]
	if known && m.Number <= last {
		return // sent again after an answer that did not come
	}
	if len(e.last) >= origins && !known {
		clear(e.last)
	}
	e.last[m.Origin] = m.Number
	missed := 0
	if known {
		missed = int(m.Number - last - 1)
	}
	e.live.hub.Pass(live.Item{Event: m.Event, Missed: missed})
}
