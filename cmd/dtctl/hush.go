package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/ccatobs/cdt/opsdb/postgres"
)

// whileAway is a log that leaves out what every part of a process says when
// the database is away: patience says it once. What is said of a task stays, for it names the task.
type whileAway struct {
	slog.Handler
	p *patience
}

// Handle implements [slog.Handler].
func (h whileAway) Handle(ctx context.Context, r slog.Record) error {
	if err := awayIn(r); err != nil && r.Message != "task" && h.p.attended() {
		h.p.gone(ctx, err)
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h whileAway) WithAttrs(attrs []slog.Attr) slog.Handler {
	return whileAway{h.Handler.WithAttrs(attrs), h.p}
}

// WithGroup implements [slog.Handler].
func (h whileAway) WithGroup(name string) slog.Handler {
	return whileAway{h.Handler.WithGroup(name), h.p}
}

func (p *patience) attended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.store != nil
}

// awayIn is the error in a record that says that the database is away; nil if there is none.
func awayIn(r slog.Record) (away error) {
	r.Attrs(func(a slog.Attr) bool {
		if err, is := a.Value.Any().(error); is && postgres.Away(err) {
			away = err
		}
		return away == nil
	})
	return away
}

// queueLog is a log of the queue, which is talkative: what is below a warning
// is left out, and what it says of lost connections, for the store says that too.
type queueLog struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h queueLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle implements [slog.Handler].
func (h queueLog) Handle(ctx context.Context, r slog.Record) error {
	lost := strings.Contains(r.Message, "Too many errors; giving up") // it follows others, which say of what
	r.Attrs(func(a slog.Attr) bool {
		lost = lost || lostConnection(a.Value.Resolve().String())
		return !lost
	})
	if lost {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h queueLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return queueLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h queueLog) WithGroup(name string) slog.Handler { return queueLog{h.Handler.WithGroup(name)} }

// lostConnection reports whether a text, which is all the queue gives, tells of a connection that is lost or not made.
func lostConnection(text string) bool {
	for _, part := range []string{"failed to connect to `", "SQLSTATE 57P0", "conn closed", "unexpected EOF", "closed network connection", "broken pipe", "connection reset", "context deadline exceeded", "i/o timeout"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
