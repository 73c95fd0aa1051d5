package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what stores tell each other on: facts have changed.
const channel = "cdt_changed"

// Changed implements opsdb.Store. Who never asks hears nothing, and costs the others nothing.
func (s *Store) Changed() <-chan struct{} {
	s.ear.Do(func() {
		s.done.Add(1)
		go s.listen(s.life)
	})
	return s.changed
}

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

const notify = `SELECT pg_notify($1, $2)`

// calm is how long nothing must have been told for the news of a commit to be part of it.
const calm = 10 * time.Millisecond

// mayTell reports whether the news of a commit may be part of it, so that it is
// there as soon as the fact. A NOTIFY inside of a commit has it wait for every other
// commit with one: where many facts come at once, [Store.announce] tells of them.
func (s *Store) mayTell() bool {
	now, last := int64(s.passed())+1, s.lastTold.Load()
	return (last == 0 || now-last > int64(calm)) && s.lastTold.CompareAndSwap(last, now)
}

// announce tells other processes of commits, once for all that came meanwhile,
// apart from the commits. What is not told the sweep finds.
func (s *Store) announce(ctx context.Context) {
	defer s.done.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.news:
			_ = s.notify(ctx)
			s.lastTold.Store(int64(s.passed()) + 1)
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
		case s.heard(n.Payload):
			s.signal()
		}
	}
}
