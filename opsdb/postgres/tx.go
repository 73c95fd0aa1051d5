package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// view is a read of one snapshot, or the reading half of a transaction.
type view struct {
	ctx    context.Context
	c      *pgx.Conn
	now    time.Time
	fixed  time.Time  // the clock that was handed in; zero: the database's counts
	queued *pgx.Batch // statements not sent yet; they go with the next query
	store  *Store
}

// tx is a write transaction. A statement whose result is of no interest is
// queued and sent with the next query or the commit, in one round trip.
type tx struct {
	view
	changes int64
	events  []opsdb.Event
	quiet   bool         // its change is nothing the engine must look at
	late    bool         // nobody waits for the news of it
	told    bool         // the news of it is part of it
	wakes   bool         // it noted causes that have come about
	filed   []opsdb.File // for the first time
	// expected takes the copies that tasks will bring, to be written with others; nil: they are written one by one.
	expected *[]opsdb.Copy
}

// Ends of a transaction.
const (
	attempts   = 8                // of a transaction that lost against another
	commitTime = 30 * time.Second // a commit is not given up when its caller is
)

// beginning is how a transaction begins.
type beginning int

const (
	straight beginning = iota
	// along sends the beginning with the first statements, which are asked for and
	// flushed: before that, the time is not known, and no query but these may be made.
	along
	// timeless is along, and the time is not asked for: a statement of the transaction does, or nobody needs it.
	timeless
	// soon is along, and what it writes is no promise to anybody: its commit does not wait for the disk. A later one that does takes it
	// along, and if the database dies before that, the facts it followed from lead to it again.
	soon
)

// notAwaited has the commit of a transaction not wait for the disk.
const notAwaited = `set_config('synchronous_commit', 'off', true)`

// write runs f in one transaction, again if it lost against another one. On
// any error, and on cancel before the commit, nothing is written.
func (s *Store) write(ctx context.Context, name string, f func(*tx) error) error {
	return s.writeHow(ctx, straight, name, f)
}

func (s *Store) writeHow(ctx context.Context, how beginning, name string, f func(*tx) error) error {
	var err error
	for n := 1; ; n++ {
		if err = s.attempt(ctx, how, name, f); err == nil || n == attempts || ctx.Err() != nil || !lost(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, explain(err))
	}
	return nil
}

// lost reports whether a transaction failed only because of another one, or before it began.
func lost(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "40001", "40P01", "23505": // serialization, deadlock, the same row made twice
			return true
		}
		return false
	}
	return pgconn.SafeToRetry(err)
}

func (s *Store) attempt(ctx context.Context, how beginning, name string, f func(*tx) error) error {
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if c != nil {
			c.Release() // with a transaction open, the pool closes the connection
		}
	}()
	t := &tx{view: view{ctx: ctx, c: c.Conn(), store: s}}
	first := `clock_timestamp(), ''`
	switch how {
	case soon:
		first = `clock_timestamp(), ` + notAwaited
	case timeless:
		first = ""
	}
	t.begin("begin", first, s.clock)
	if how == straight {
		err = t.flush()
	}
	if err == nil {
		err = f(t)
	}
	if err == nil && t.changes > 0 {
		err = t.commit(name)
	} else {
		err = errors.Join(err, t.rollback())
	}
	if err != nil || t.changes == 0 {
		return err
	}
	if t.wakes {
		c.Release()
		c = nil
		_ = s.serveWakes(ctx) // at once if it can be; Dirty does it in any case
	}
	if !t.quiet {
		s.remember(t.hint())
		s.signal()
		if !t.told {
			s.tell()
		}
	}
	return nil
}

func (s *Store) take(ctx context.Context) (*pgxpool.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-s.closing:
		return nil, errClosed
	default:
	}
	return s.pool.Acquire(ctx)
}

// begin has the transaction opened and the database's clock read, unless
// another one was handed in; first are the clock and what is set for the transaction, or nothing.
func (v *view) begin(how, first string, c clock.Clock) {
	v.queued = &pgx.Batch{}
	v.queued.Queue(how)
	if first != "" {
		v.queued.Queue(`SELECT ` + first).QueryRow(func(row pgx.Row) error { return row.Scan(v.clock(), nil) })
	}
	if c != nil {
		v.now = clock.Trim(c.Now())
		v.fixed = v.now
	}
}

// clock is what the time of the transaction is scanned into, which stays as it was if a clock was handed in.
func (v *view) clock() any { return &theirTime{v} }

type theirTime struct{ v *view }

// Scan implements [sql.Scanner].
func (t *theirTime) Scan(value any) error {
	now, ok := value.(time.Time)
	if !ok {
		return fmt.Errorf("%T is no time", value)
	}
	if t.v.fixed.IsZero() {
		t.v.now = clock.Trim(now)
	}
	return nil
}

// end has a read ended with the next flush.
func (v *view) end() { v.queued.Queue("commit") }

// now in a statement that is sent with the beginning: the clock that was handed
// in, as its first argument, or the database's.
const nowIs1 = `coalesce($1::timestamptz, now())`

func (v *view) handed() any { return us(v.fixed) }

func (t *tx) commit(name string) error {
	if err := t.ctx.Err(); err != nil {
		return errors.Join(err, t.rollback())
	}
	t.queueEvents()
	if !t.quiet && !t.late && t.store.mayTell() {
		t.queue(notify, channel, t.news())
		t.told = true
	}
	effect.Point(t.ctx, "opsdb."+name+".before")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), commitTime)
	defer cancel()
	t.queued.Queue("commit")
	err := t.c.SendBatch(ctx, t.queued).Close()
	t.queued = &pgx.Batch{}
	if err != nil {
		return errors.Join(err, t.rollback())
	}
	effect.Point(t.ctx, "opsdb."+name+".after")
	return nil
}

// rollback ends the transaction; if that cannot be said any more, the connection goes.
func (v *view) rollback() error {
	if v.c.IsClosed() || v.c.PgConn().IsBusy() || v.c.PgConn().TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), commitTime)
	defer cancel()
	_, err := v.c.Exec(ctx, "rollback")
	if err != nil {
		_ = v.c.Close(ctx)
	}
	return nil //nolint:nilerr // what was not committed is not there
}

// read runs f on one snapshot.
func (s *Store) read(ctx context.Context, name string, f func(*view) error) error {
	return s.readHow(ctx, straight, name, f)
}

func (s *Store) readHow(ctx context.Context, how beginning, name string, f func(*view) error) error {
	err := s.look(ctx, how, f)
	if err != nil && lost(err) && ctx.Err() == nil {
		err = s.look(ctx, how, f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, explain(err))
	}
	return nil
}

// RowsRead is how many rows statements have returned since the store was
// opened; those that run all the time scan no others.
func (s *Store) RowsRead() int64 { return s.rows.Load() }

func (s *Store) look(ctx context.Context, how beginning, f func(*view) error) error {
	c, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	v := &view{ctx: ctx, c: c.Conn(), store: s}
	first := `clock_timestamp(), ''`
	if how == timeless {
		first = ""
	}
	v.begin("begin isolation level repeatable read read only", first, s.clock)
	if how == straight {
		err = v.flush()
	}
	if err == nil {
		err = f(v)
	}
	return errors.Join(err, v.rollback())
}

// exec queues a statement that changes facts.
func (t *tx) exec(sql string, args ...any) error {
	t.queued.Queue(sql, clean(args)...)
	t.changes++
	return nil
}

// queue has a statement sent with the next one that changes nothing: it takes locks.
func (t *tx) queue(sql string, args ...any) { t.queued.Queue(sql, clean(args)...) }

// execN runs a statement at once and tells how many rows were changed.
func (t *tx) execN(sql string, args ...any) (int64, error) {
	t.queued.Queue(sql, clean(args)...)
	results := t.send()
	if err := results.first(); err != nil {
		return 0, errors.Join(err, results.Close())
	}
	tag, err := results.Exec()
	if err := errors.Join(err, results.Close()); err != nil {
		return 0, err
	}
	t.changes += tag.RowsAffected()
	return tag.RowsAffected(), nil
}

// sent are the results of a batch whose last one its caller reads.
type sent struct {
	pgx.BatchResults
	before []*pgx.QueuedQuery
}

// first reads the results before the last one: what was asked for by [ask] gets its answers, wherever it goes along.
func (s sent) first() (err error) {
	for _, q := range s.before {
		if q.Fn != nil {
			err = q.Fn(s.BatchResults)
		} else {
			_, err = s.Exec()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *view) send() sent {
	b := v.queued
	v.queued = &pgx.Batch{}
	return sent{v.c.SendBatch(v.ctx, b), b.QueuedQueries[:b.Len()-1]}
}

// flush sends what is queued.
func (v *view) flush() error {
	if v.queued.Len() == 0 {
		return nil
	}
	b := v.queued
	v.queued = &pgx.Batch{}
	return v.c.SendBatch(v.ctx, b).Close()
}
