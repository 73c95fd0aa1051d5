package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNotDatabase says that the file is something else than an OpsDB.
var ErrNotDatabase = errors.New("the file is not a CDT database")

var errClosed = errors.New("the database is closed")

// readers is how many reads may go on at once beside the writer.
const readers = 4

// Options are what Open may be told. The zero value is good.
type Options struct {
	Clock clock.Clock // the store's clock; default: the system's
	Epoch string      // of a database that is made now; default: random
	Keep  bool        // the schema is left as it is, for those who look: an older one, or none, is opsdb.ErrOlder
}

// Store is an opsdb.Store in one SQLite file.
type Store struct {
	tables.Store // the acts that are the same in every database

	path    string
	clock   clock.Clock
	db      *sql.DB
	writer  chan *conn
	reader  chan *conn
	readers int // connections opened
	writers int
	changed chan struct{}
	closing chan struct{}
	done    sync.WaitGroup
	once    sync.Once
	foreign atomic.Int64 // data_version last seen: what other processes wrote
	rows    atomic.Int64 // returned by statements
}

var _ opsdb.Store = (*Store)(nil)

// Open opens the database at path, making or migrating it as needed. The
// folder must exist. The error wraps opsdb.ErrNewer if the schema is newer
// than this program, opsdb.ErrOlder if it is older and to be kept, and ErrNotDatabase if the file is something else.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	s, err := open(ctx, path, opts)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return s, nil
}

func open(ctx context.Context, path string, opts Options) (*Store, error) {
	if opts.Clock == nil {
		opts.Clock = clock.System{}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := usable(abs); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(abs))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers + 2) // one for a migration under way
	s := &Store{path: abs, clock: opts.Clock, db: db, writer: make(chan *conn, 1), reader: make(chan *conn, readers),
		changed: make(chan struct{}, 1), closing: make(chan struct{})}
	s.Store = tables.Over(
		func(ctx context.Context, name string, f func(tables.View) error) error {
			return s.read(ctx, name, func(v *view) error { return f(v) })
		},
		func(ctx context.Context, name string, f func(tables.Tx) error) error {
			return s.write(ctx, name, func(t *tx) error { return f(t) })
		})
	if err := s.prepare(ctx, opts); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.done.Add(1)
	go s.watch()
	return s, nil
}

// usable finds out what is wrong with the path in words of the file system.
func usable(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(filepath.Dir(path))
		return err
	}
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is no regular file", ErrNotDatabase)
	}
	return err
}

func dsn(path string) string {
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"recursive_triggers(OFF)", "cache_size(-65536)", "temp_store(MEMORY)",
	}}
	u := url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}
	return u.String()
}

// prepare migrates the schema, gives a new database its epoch and opens the connections.
func (s *Store) prepare(ctx context.Context, opts Options) error {
	if err := s.migrate(ctx, opts.Keep); err != nil {
		return err
	}
	for range readers {
		c, err := newConn(ctx, s.db, &s.rows)
		if err != nil {
			return err
		}
		s.reader <- c
		s.readers++
	}
	w, err := newConn(ctx, s.db, &s.rows)
	if err != nil {
		return err
	}
	s.writer <- w
	s.writers++
	return s.write(ctx, "Open", func(t *tx) error {
		epoch := opts.Epoch
		if epoch == "" {
			epoch = opsdb.NewID().Short() + opsdb.NewID().Short()
		}
		return t.exec(`INSERT INTO opsdb (one, epoch, made_at, observed, ticked) VALUES (1, ?1, ?2, ?2, ?2) ON CONFLICT DO NOTHING`,
			epoch, us(t.now))
	})
}

// migrate brings the schema up to date, one process at a time: two that make
// the same new database must not both make its tables.
func (s *Store) migrate(ctx context.Context, keep bool) error {
	done, first := migrate(ctx, s.db, false)
	if done && first == nil || errors.Is(first, opsdb.ErrNewer) {
		return first
	}
	if keep {
		return cmp.Or(first, opsdb.ErrOlder)
	}
	f, err := os.OpenFile(s.path+".migrate", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return cmp.Or(first, err)
	}
	defer func() { _ = f.Close() }() // ends the lock
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the migration: %w", err)
	}
	_, err = migrate(ctx, s.db, true)
	return err
}

// migrate looks at the schema and, if it may, brings it up to date; done says that it is.
func migrate(ctx context.Context, db *sql.DB, may bool) (done bool, err error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return false, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub, goose.WithTableName("schema_version"), goose.WithAllowOutofOrder(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return false, err
	}
	if err := ours(ctx, db); err != nil {
		return false, err
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return false, err
	}
	if current > target {
		return false, fmt.Errorf("%w: schema %d, known up to %d", opsdb.ErrNewer, current, target)
	}
	if current == target || !may {
		return current == target, nil
	}
	_, err = p.Up(ctx)
	return err == nil, err
}

// ours refuses a SQLite file that holds tables but is no OpsDB, before anything is written to it.
func ours(ctx context.Context, db *sql.DB) error {
	var tables, mine int
	err := db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name = 'schema_version') FROM sqlite_schema WHERE type = 'table'`).Scan(&tables, &mine)
	if err != nil {
		return err
	}
	if tables > 0 && mine == 0 {
		return fmt.Errorf("%w: it has tables of another program", ErrNotDatabase)
	}
	return nil
}

// explain adds a hint to what SQLite says.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w (%w)", ErrNotDatabase, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk of the database is full: %w", err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("the folder of the database cannot be written to: %w", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the database is damaged: %w", err)
	}
	return err
}

// Close waits for what is under way and closes the file.
func (s *Store) Close() error {
	var errs []error
	s.once.Do(func() {
		close(s.closing)
		s.done.Wait()
		for range s.readers {
			errs = append(errs, (<-s.reader).close())
		}
		for range s.writers {
			errs = append(errs, (<-s.writer).close())
		}
		errs = append(errs, s.db.Close())
	})
	return errors.Join(errs...)
}
