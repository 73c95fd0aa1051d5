package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// messageVersion is the version of the format that sinks send.
const messageVersion = 1

// Message is what a sink sends: at most a hundred notices, oldest first.
type Message struct {
	Version int      `json:"version"`
	Text    string   `json:"text"` // all of it for people; chat services show this field
	Notices []Notice `json:"notices"`
	More    int      `json:"more,omitempty"`    // how many follow in further messages
	Dropped int      `json:"dropped,omitempty"` // how many were lost because they could not be delivered
}

const (
	most  = 100 // notices of a message
	lines = 20  // of its text
)

// snapshot is the state as it stands.
func (n *Notifier) snapshot() state {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.clone()
}

// commit keeps what a look found, and then wakes the sinks. Sinks may have
// delivered since before was taken: what waits is theirs.
func (n *Notifier) commit(ctx context.Context, before, next state) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	// A notice is named when it is said; what is over is told under that name.
	for _, s := range next.said {
		if _, open := next.Open[s.Key]; open && s.State == Open {
			next.Open[s.Key] = s
		}
	}
	next.Waiting, next.Dropped = n.state.clone().Waiting, n.state.clone().Dropped
	before.Waiting, before.Dropped = next.Waiting, next.Dropped
	said := len(next.said) > 0
	if !said && next.same(before) {
		return nil
	}
	next.queue(n.cfg.Sinks)
	if err := next.save(ctx, n.cfg.State); err != nil {
		return err
	}
	n.state = next
	for _, bell := range n.bells {
		ring(bell)
	}
	return nil
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// Deliver sends what waits to every sink and returns when all of it was taken,
// or with the first error. It is the step of a driver with a clock of its own; [Notifier.Run] does it by itself.
func (n *Notifier) Deliver(ctx context.Context) error {
	for _, s := range n.cfg.Sinks {
		for sent := true; sent; {
			var err error
			if sent, err = n.sendNext(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver brings what waits to one sink until ctx ends, with growing pauses while it fails.
func (n *Notifier) deliver(ctx context.Context, s Sink) {
	var pause time.Duration
	for ctx.Err() == nil {
		sent, err := n.sendNext(ctx, s)
		switch {
		case err != nil && ctx.Err() == nil:
			if pause == 0 {
				n.cfg.Log.WarnContext(ctx, "people cannot be told", "sink", s.Name(), "error", err)
			}
			pause = min(max(2*pause, n.cfg.Retry), 100*n.cfg.Retry)
			wait(ctx, pause/2+rand.N(pause/2+1))
		case sent:
			if pause > 0 {
				n.cfg.Log.InfoContext(ctx, "people can be told again", "sink", s.Name())
			}
			pause = 0
		default:
			select {
			case <-n.bells[s.Name()]:
			case <-ctx.Done():
			}
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// sendNext sends the oldest notices that wait for a sink, and forgets them
// once they were taken. A crash in between sends them again, with the same keys.
func (n *Notifier) sendNext(ctx context.Context, s Sink) (sent bool, err error) {
	m, taken := n.next(s)
	if len(m.Notices) == 0 {
		return false, nil
	}
	limited, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	if err := s.Send(limited, m); err != nil {
		return false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	name := s.Name()
	// While it was sent, more may have come, and the oldest may have made room for it.
	gone := n.state.Dropped[name] - taken
	n.state.Waiting[name] = n.state.Waiting[name][max(0, len(m.Notices)-gone):]
	n.state.Dropped[name] = max(0, gone-len(m.Notices))
	return true, n.state.save(ctx, n.cfg.State)
}

// next is the next message for a sink, and how many were dropped before it.
func (n *Notifier) next(s Sink) (m Message, dropped int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.state.Waiting[s.Name()]
	m = Message{Version: messageVersion, Dropped: n.state.Dropped[s.Name()]}
	m.Notices = append(m.Notices, list[:min(most, len(list))]...)
	m.More = len(list) - len(m.Notices)
	m.Text = text(m)
	return m, m.Dropped
}

// text says it all in some lines.
func text(m Message) string {
	var out []string
	for i, s := range m.Notices {
		if i == lines {
			out = append(out, fmt.Sprintf("… and %d more", len(m.Notices)-lines+m.More))
			break
		}
		line := strings.Join(strings.Fields(s.Text), " ")
		switch {
		case s.State == Over:
			line = "over: " + line
		case s.Hint != "":
			line += " — " + s.Hint
		}
		out = append(out, line)
	}
	if m.Dropped > 0 {
		out = append(out, fmt.Sprintf("%d earlier ones could not be told and are lost", m.Dropped))
	}
	return strings.Join(out, "\n")
}
