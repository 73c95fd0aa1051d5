package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// state is whether Redis answers, and what the log was told of it: once that
// it is away, and once that it is back, after it has answered for a while.
type state struct {
	log *slog.Logger

	mu   sync.Mutex
	text string // why it is away; "" if it is not
	said bool   // the log's last word was that it is away
}

func newState(o Options) *state { return &state{log: o.Log} }

func (s *state) now() (away bool, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text != "", s.text
}

func (s *state) away(err error) {
	if errors.Is(err, redis.ErrClosed) || errors.Is(err, context.Canceled) {
		return // this process is ending
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = plain(err)
	if !s.said {
		s.said = true
		s.log.Warn("Redis is away: live views show less until it is back; nothing else depends on it", "error", s.text)
	}
}

func (s *state) back() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = ""
}

// unsettled reports whether Redis answers and the log does not know yet.
func (s *state) unsettled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said && s.text == ""
}

func (s *state) settle(dropped int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said && s.text == "" {
		s.said = false
		s.log.Info("Redis is back", "dropped_since_start", dropped)
	}
}

// plain says what went wrong without internals of the library.
func plain(err error) string {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return "it does not answer in time"
	}
	return err.Error()
}
