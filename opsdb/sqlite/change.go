package sqlite

import (
	"context"
	"time"
)

// poll is how often the database is asked whether another process wrote to it.
const poll = 150 * time.Millisecond

// Changed implements opsdb.Store.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Now implements opsdb.Store.
func (s *Store) Now(context.Context) (time.Time, error) { return s.clock.Now(), nil }

func (s *Store) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// watch signals what other processes write. It asks on the writer's
// connection, whose data_version does not move by its own commits.
func (s *Store) watch() {
	defer s.done.Done()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			s.look()
		}
	}
}

func (s *Store) look() {
	c, err := s.take(context.Background(), s.writer)
	if err != nil {
		return
	}
	var version int64
	err = c.c.QueryRowContext(context.Background(), "PRAGMA data_version").Scan(&version)
	s.writer <- c
	if err == nil && s.foreign.Swap(version) != version {
		s.signal()
	}
}
