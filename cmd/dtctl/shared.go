package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

// isShared reports whether a database is one that many processes serve.
func isShared(db string) bool {
	return strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://")
}

// database refuses what is neither an address of PostgreSQL nor the name of a file: a list of keywords would become the
// name of a file, with its password. It is not repeated.
func database(db string) error {
	keywords := slices.ContainsFunc(strings.Fields(db), func(word string) bool {
		key, _, is := strings.Cut(word, "=")
		return is && slices.Contains([]string{"host", "hostaddr", "port", "user", "dbname", "password", "service"}, key)
	})
	if !isShared(db) && (keywords || strings.Contains(db, "://")) {
		return misuse("write it as postgres://user@host:5432/name; the password may also come from PGPASSWORD or ~/.pgpass", "--db is neither an address of PostgreSQL nor the name of a file")
	}
	return nil
}

// openShared opens a PostgreSQL database for the verbs of people.
func openShared(ctx context.Context, url string, how schema) (*postgres.Store, error) {
	s, err := postgres.Open(ctx, url, postgres.Options{Name: "dtctl", Connections: 2, Keep: bool(how)})
	return s, sharedHint(err)
}

// sharedHint says what to do about a database that does not let us in.
func sharedHint(err error) error {
	switch {
	case errors.Is(err, postgres.ErrOlder):
		return hint(err, "run `dtctl migrate` of this version as the owner of the database, when nothing older serves it any more")
	case errors.Is(err, postgres.ErrUnreachable):
		return hint(err, "start it, or correct --db")
	case errors.Is(err, postgres.ErrRefused):
		return hint(err, "correct the user, the password or the name in --db (the password may also come from PGPASSWORD or ~/.pgpass), or have its administrator grant what is missing: cdt_engine, cdt_worker, cdt_api or cdt_reader")
	}
	return err
}

// shared is a process's part in a database that many processes serve.
type shared struct {
	store *postgres.Store
	queue *river.Queue // of a worker
	house *river.House // of an engine
	clock *node.StoreClock
}

// join opens the database and what the roles need of the queue.
func join(ctx context.Context, url, name string, roles node.Roles, inHand int, log *slog.Logger) (s *shared, err error) {
	s = &shared{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.leave())
		}
	}()
	in, err := river.NewInserter()
	if err != nil {
		return s, err
	}
	enqueue := func(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error { return in.Enqueue(ctx, tx, tasks) }
	store, err := postgres.Open(ctx, url, postgres.Options{Enqueue: enqueue, Name: "cdt " + name})
	if err != nil {
		return s, sharedHint(err)
	}
	s.store = store
	if err := entitled(ctx, url, roles); err != nil {
		return s, err
	}
	if err := river.Migrate(ctx, url); err != nil {
		return s, hint(fmt.Errorf("prepare the queue in %s: %w", config.Address(url), err), "run `dtctl migrate` of this version as the owner of the database")
	}
	if s.clock, err = node.NewStoreClock(ctx, store); err != nil {
		return s, err
	}
	quiet := slog.New(queueLog{log.Handler()})
	if roles.Has(node.RoleWorker) {
		if s.queue, err = river.Open(ctx, url, river.Options{ID: name, InHand: inHand, Log: quiet}); err != nil {
			return s, err
		}
	}
	if roles.Has(node.RoleEngine) {
		if s.house, err = river.KeepHouse(ctx, url, name, quiet); err != nil {
			return s, err
		}
	}
	return s, nil
}

// leave closes what was opened.
func (s *shared) leave() error {
	var errs []error
	if s.queue != nil {
		errs = append(errs, s.queue.Close())
	}
	if s.house != nil {
		errs = append(errs, s.house.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// offered is for tasks that the store offers in their own transaction.
func offered(context.Context, []opsdb.Task) error { return nil }

// brought is the queue of a worker whose store offers the next piece itself.
type brought struct{ *river.Queue }

// Enqueue implements [jobs.Queue].
func (brought) Enqueue(ctx context.Context, tasks []opsdb.Task) error { return offered(ctx, tasks) }

// configure adds the shared parts to the making of a node.
func (s *shared) configure(c *node.Config) {
	c.Store, c.Clock, c.Shared, c.Enqueue = s.store, s.clock, true, offered
	if s.queue != nil {
		c.Queue = brought{s.queue}
	}
	if s.house != nil {
		c.House = s.house
	}
}
