package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what stores tell each other on: facts have changed.
const channel = "cdt_changed"

// Changed implements opsdb.Store.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Now implements opsdb.Store.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	if s.clock != nil {
		return s.clock.Now(), nil
	}
	err = s.read(ctx, "Now", func(v *view) error {
		now = v.now
		return nil
	})
	return now, err
}

// Serve is for many processes here: nothing is taken, several engines may run at once.
func (s *Store) Serve(ctx context.Context) (release func(), err error) {
	return func() {}, ctx.Err()
}

func (s *Store) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// tell has the other processes told that facts have changed.
func (s *Store) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// announce tells other processes of commits, once for all that came meanwhile.
// It is no part of the commits: a NOTIFY inside of them would have every commit of
// the database wait for the one before it. What is not told the sweep finds.
func (s *Store) announce(ctx context.Context) {
	defer s.done.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.news:
			_ = s.notify(ctx)
		}
	}
}

func (s *Store) notify(ctx context.Context) error {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	var b pgx.Batch
	b.Queue(`SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`, channel, s.name)
	return c.SendBatch(ctx, &b).Close()
}

// listen hears of the commits of other processes, and signals now and then without having heard anything.
func (s *Store) listen(ctx context.Context) {
	defer s.done.Done()
	for ctx.Err() == nil {
		_ = s.hear(ctx)
		s.signal() // what was told meanwhile was not heard
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// hear listens until the connection breaks.
func (s *Store) hear(ctx context.Context) error {
	c, err := pgx.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	}()
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	s.signal()
	for {
		wait, cancel := context.WithTimeout(ctx, s.sweep)
		n, err := c.WaitForNotification(wait)
		quiet := err != nil && wait.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case quiet && c.Ping(ctx) == nil:
			s.signal()
		case err != nil:
			return err
		case n.Payload != s.name:
			s.signal()
		}
	}
}
