package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// conn is one connection with its prepared statements.
type conn struct {
	c       *sql.Conn
	stmts   map[string]*sql.Stmt
	rows    *atomic.Int64 // returned by its statements
	dialect *tables.Dialect
}

func newConn(ctx context.Context, db *sql.DB, rows *atomic.Int64) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{c, map[string]*sql.Stmt{}, rows, dialect()}, nil
}

// RowsRead is how many rows statements have returned since the store was
// opened; those that run all the time scan no others.
func (s *Store) RowsRead() int64 { return s.rows.Load() }

func (c *conn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := c.stmts[query]; ok {
		return st, nil
	}
	st, err := c.c.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	c.stmts[query] = st
	return st, nil
}

// close gives the connection back to the pool, which closes it.
func (c *conn) close() error {
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// view is a read of one snapshot.
type view struct {
	ctx context.Context // never cancelled inside: a statement is short, and cancel is looked at between them
	c   *conn
	now time.Time
}

// tx is a write transaction. Its methods count what they change; a
// transaction that changed nothing is rolled back without a trace.
type tx struct {
	view
	cancel  context.Context
	changes int64
	events  []opsdb.Event
	quiet   bool // its change is nothing the engine must look at
}

// write runs f in one transaction. On any error, and on cancel before the commit, nothing is written.
func (s *Store) write(ctx context.Context, name string, f func(*tx) error) error {
	c, err := s.take(ctx, s.writer)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t := &tx{view: view{context.WithoutCancel(ctx), c, clock.Trim(s.clock.Now())}, cancel: ctx}
	err = t.run(name, f)
	s.writer <- c
	if err != nil {
		return fmt.Errorf("%s: %w", name, explain(err))
	}
	if t.changes > 0 && !t.quiet {
		s.signal()
	}
	return nil
}

func (t *tx) run(name string, f func(*tx) error) (err error) {
	if _, err = t.c.c.ExecContext(t.ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	open := true
	defer func() {
		if open {
			_, e := t.c.c.ExecContext(t.ctx, "ROLLBACK")
			err = errors.Join(err, e)
		}
	}()
	if err = f(t); err != nil {
		return err
	}
	if err = t.flush(); err != nil || t.changes == 0 {
		return err
	}
	if err = t.cancel.Err(); err != nil {
		return err
	}
	effect.Point(t.ctx, "opsdb."+name+".before")
	if _, err = t.c.c.ExecContext(t.ctx, "COMMIT"); err != nil {
		return err
	}
	open = false
	effect.Point(t.ctx, "opsdb."+name+".after")
	return nil
}

// read runs f on one snapshot.
func (s *Store) read(ctx context.Context, name string, f func(*view) error) error {
	c, err := s.take(ctx, s.reader)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { s.reader <- c }()
	v := &view{context.WithoutCancel(ctx), c, clock.Trim(s.clock.Now())}
	if _, err := c.c.ExecContext(v.ctx, "BEGIN"); err != nil {
		return fmt.Errorf("%s: %w", name, explain(err))
	}
	err = f(v)
	if _, e := c.c.ExecContext(v.ctx, "ROLLBACK"); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, explain(err))
	}
	return nil
}

func (s *Store) take(ctx context.Context, from chan *conn) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-s.closing:
		return nil, errClosed
	default:
	}
	select {
	case c := <-from:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.closing:
		return nil, errClosed
	}
}

// exec runs a statement that changes facts.
func (t *tx) exec(query string, args ...any) error {
	_, err := t.execN(query, args...)
	return err
}

// execN is exec, and tells how many rows were changed.
func (t *tx) execN(query string, args ...any) (int64, error) {
	st, err := t.c.stmt(t.ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, bound(args)...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	t.changes += n
	return n, err
}

// insert runs an INSERT of one row and returns its key.
func (t *tx) insert(query string, args ...any) (int64, error) {
	st, err := t.c.stmt(t.ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, bound(args)...)
	if err != nil {
		return 0, err
	}
	t.changes++
	return res.LastInsertId()
}

// Rows implements [tables.View].
func (v *view) Rows(f func(scanner) error, query string, args ...any) error {
	st, err := v.c.stmt(v.ctx, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(v.ctx, bound(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := int64(0)
	for ; rows.Next(); n++ {
		if err := f(rows); err != nil {
			return err
		}
	}
	v.c.rows.Add(n)
	return rows.Err()
}

// query reads all rows with the given row function.
func query[T any](v *view, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	return tables.Query(v, scan, query, args...)
}

// one reads one row; opsdb.ErrNotFound if there is none.
func one[T any](v *view, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	return tables.One(v, scan, query, args...)
}

// get reads one row of plain columns; false if there is none.
func (v *view) get(dest []any, query string, args ...any) (bool, error) {
	return tables.Get(v, dest, query, args...)
}

func (v *view) count(query string, args ...any) (int64, error) {
	return tables.Count(v, query, args...)
}
