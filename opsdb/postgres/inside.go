package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// inside is the transaction that is open on a connection, for somebody who
// writes into it: it is not theirs to begin or end. A batch of it goes with what the transaction sends next, or with its
// commit, which then fails if the batch does: what it returns is not to be read.
type inside struct{ t *tx }

var _ pgx.Tx = inside{}

var (
	errNotYours = errors.New("the transaction is another's to begin and end")
	errNotSent  = errors.New("the batch goes with what is sent next: its results are not there yet")
)

// Begin implements [pgx.Tx].
func (i inside) Begin(context.Context) (pgx.Tx, error) { return nil, errNotYours }

// Commit implements [pgx.Tx].
func (i inside) Commit(context.Context) error { return errNotYours }

// Rollback implements [pgx.Tx].
func (i inside) Rollback(context.Context) error { return errNotYours }

// LargeObjects implements [pgx.Tx].
func (i inside) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn implements [pgx.Tx].
func (i inside) Conn() *pgx.Conn { return i.t.c }

// CopyFrom implements [pgx.Tx].
func (i inside) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := i.t.flush(); err != nil {
		return 0, err
	}
	return i.t.c.CopyFrom(ctx, table, columns, rows)
}

// SendBatch implements [pgx.Tx].
func (i inside) SendBatch(_ context.Context, b *pgx.Batch) pgx.BatchResults {
	i.t.queued.QueuedQueries = append(i.t.queued.QueuedQueries, b.QueuedQueries...)
	return later{}
}

// later are the results of a batch that is not sent yet.
type later struct{}

// Exec implements [pgx.BatchResults].
func (later) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, errNotSent }

// Query implements [pgx.BatchResults].
func (later) Query() (pgx.Rows, error) { return nil, errNotSent }

// QueryRow implements [pgx.BatchResults].
func (later) QueryRow() pgx.Row { return later{} }

// Scan implements [pgx.Row].
func (later) Scan(...any) error { return errNotSent }

// Tx implements [pgx.BatchResults].
func (later) Tx() pgx.Tx { return nil }

// Close implements [pgx.BatchResults].
func (later) Close() error { return nil }

// Prepare implements [pgx.Tx].
func (i inside) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return i.t.c.Prepare(ctx, name, sql)
}

// Exec implements [pgx.Tx].
func (i inside) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := i.t.flush(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return i.t.c.Exec(ctx, sql, args...)
}

// Query implements [pgx.Tx].
func (i inside) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := i.t.flush(); err != nil {
		return nil, err
	}
	return i.t.c.Query(ctx, sql, args...)
}

// QueryRow implements [pgx.Tx].
func (i inside) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := i.t.flush(); err != nil {
		return failed{err}
	}
	return i.t.c.QueryRow(ctx, sql, args...)
}

// failed is a row that cannot be read.
type failed struct{ err error }

// Scan implements [pgx.Row].
func (f failed) Scan(...any) error { return f.err }
