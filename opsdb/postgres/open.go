package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

var errClosed = errors.New("the database is closed")

// Options are what Open may be told. The zero value is good.
type Options struct {
	// Clock is the store's clock; nil: the database's.
	Clock clock.Clock
	// Enqueue brings tasks that are to be done at their sites. It is called
	// inside of the transaction that schedules them, and may be called again with
	// the same tasks if that loses against another one; an error undoes both.
	Enqueue func(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error
	// Epoch of a database that is made now; default: random.
	Epoch string
	// Connections is how many may be open at once, besides the one that listens; default: 8.
	Connections int
	// Sweep is after how much silence Changed says something nevertheless; default: 30 s.
	Sweep time.Duration
	// Name says who is connected, for people who look at the database; default: "cdt".
	Name string
	// Keep leaves the schema as it is, for those who look: an older one, or none, is ErrOlder for its owner as well.
	Keep bool
	// with is a store of this process that hears of what this one changes, at once.
	with *Store
	// trace is told of every statement.
	trace pgx.QueryTracer
	// passed is the process's own clock; nil: that of the machine.
	passed func() time.Duration
}

// Store is an opsdb.Store in a PostgreSQL database. Several processes may have the same one open.
type Store struct {
	tables.Store // the acts that are the same in every database

	clock    clock.Clock
	enqueue  func(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error
	config   *pgx.ConnConfig
	pool     *pgxpool.Pool
	name     string // of this store among those that have the database open
	sweep    time.Duration
	wakes    bool // this user may mark packages dirty
	changed  chan struct{}
	news     chan struct{}
	closing  chan struct{}
	stop     context.CancelFunc
	rows     atomic.Int64 // returned by statements
	dialect  *tables.Dialect
	passed   func() time.Duration
	lastTold atomic.Int64 // of passed, when other processes were last told of a change; 0: never
	ear      sync.Once
	life     context.Context // until Close
	done     sync.WaitGroup
	once     sync.Once
	hints    struct {
		sync.Mutex
		files []opsdb.File
	}
	guesses struct {
		sync.Mutex
		last  *guess
		wrong time.Duration // when one was wrong; 0: none was
	}
	claims   *together[claiming, *opsdb.Assignment]
	finishes *together[finishing, opsdb.Task]
}

var _ opsdb.Store = (*Store)(nil)

// Open connects to the database at url, a URL or a string of keywords. An
// empty database, or one with an older schema, is made or migrated if the user owns it and Keep does not forbid it;
// otherwise the error wraps ErrOlder. It wraps opsdb.ErrNewer if the schema
// is newer than this program, and ErrRefused or ErrUnreachable if nobody lets us in. No error tells a password.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	config, err := configure(url, opts)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s, err := open(ctx, config, opts)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", address(config.ConnConfig), explain(err))
	}
	return s, nil
}

// configure reads the url. What pgx says of one it cannot read may hold the password.
func configure(url string, opts Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	c := config.ConnConfig
	c.Tracer = opts.trace
	if opts.Name == "" {
		opts.Name = "cdt"
	}
	for key, value := range map[string]string{
		"application_name": opts.Name,
		"timezone":         "UTC",
		// Whoever stops in the middle of a transaction does not hold up the others for ever.
		"idle_in_transaction_session_timeout": "60s",
		// Plans that change neither with what is asked for nor with statistics of yesterday: nothing that runs all the time may scan.
		"plan_cache_mode":  "force_generic_plan",
		"enable_seqscan":   "off",
		"random_page_cost": "1.1",
		// What is looked up by a list is hardly ever asked for twice: keeping it aside costs more than looking again.
		"enable_memoize": "off",
		// What is short is not made shorter by starting helpers for it.
		"max_parallel_workers_per_gather": "0",
		"jit":                             "off",
		"tcp_keepalives_idle":             "15",
		"tcp_keepalives_interval":         "5",
		"tcp_keepalives_count":            "3",
	} {
		if c.RuntimeParams[key] == "" {
			c.RuntimeParams[key] = value
		}
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 15 * time.Second
	}
	c.DialFunc = (&net.Dialer{KeepAlive: 15 * time.Second, Control: lively}).DialContext
	config.MaxConns = 8
	if opts.Connections > 0 {
		config.MaxConns = int32(opts.Connections)
	}
	config.MaxConnIdleTime = 5 * time.Minute
	return config, nil
}

func open(ctx context.Context, config *pgxpool.Config, opts Options) (*Store, error) {
	if err := migrate(ctx, config.ConnConfig, !opts.Keep); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{clock: opts.Clock, enqueue: opts.Enqueue, config: config.ConnConfig, pool: pool, name: string(opsdb.NewID()), sweep: opts.Sweep, stop: stop, life: background, passed: opts.passed, dialect: dialect(),
		changed: make(chan struct{}, 1), news: make(chan struct{}, 1), closing: make(chan struct{})}
	if s.passed == nil {
		s.passed = clock.Monotonic()
	}
	s.Store = tables.Over(
		func(ctx context.Context, name string, f func(tables.View) error) error {
			return s.read(ctx, name, func(v *view) error { return f(v) })
		},
		func(ctx context.Context, name string, f func(tables.Tx) error) error {
			return s.write(ctx, name, func(t *tx) error { return f(t) })
		})
	s.claims = &together[claiming, *opsdb.Assignment]{do: s.claim}
	s.finishes = &together[finishing, opsdb.Task]{do: s.finish}
	if s.sweep <= 0 {
		s.sweep = 30 * time.Second
	}
	if opts.with != nil {
		s.name, s.changed = opts.with.name, opts.with.changed
	}
	if err := s.found(ctx, opts.Epoch); err != nil {
		stop()
		pool.Close()
		return nil, err
	}
	s.done.Add(1)
	go s.announce(background)
	return s, nil
}

// found gives a new database its epoch and its clock.
func (s *Store) found(ctx context.Context, epoch string) error {
	old := false
	err := s.read(ctx, "Open", func(v *view) (err error) {
		if s.wakes, err = v.yes(`SELECT has_table_privilege('wakeup', 'DELETE')`); err != nil {
			return err
		}
		old, err = v.yes(`SELECT EXISTS (SELECT 1 FROM opsdb) AND EXISTS (SELECT 1 FROM observed_clock) AND EXISTS (SELECT 1 FROM chain_head)`)
		return err
	})
	if err != nil || old {
		return err
	}
	return s.write(ctx, "Open", func(t *tx) error {
		t.quiet = true
		if epoch == "" {
			epoch = opsdb.NewID().Short() + opsdb.NewID().Short()
		}
		return errors.Join(
			t.exec(`INSERT INTO opsdb (one, epoch, made_at) VALUES (1, $1, $2) ON CONFLICT DO NOTHING`, epoch, us(t.now)),
			t.exec(`INSERT INTO observed_clock (one, observed, ticked) VALUES (1, $1, $1) ON CONFLICT DO NOTHING`, us(t.now)),
			t.exec(`INSERT INTO chain_head (one) VALUES (1) ON CONFLICT DO NOTHING`))
	})
}

// Close ends what waits and closes the connections.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		s.stop()
		s.done.Wait()
		s.pool.Close()
	})
	return nil
}
