package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// inside is the transaction that is open on a connection, for somebody who
// writes into it: it is not theirs to begin or end.
type inside struct{ c *pgx.Conn }

var _ pgx.Tx = inside{}

var errNotYours = errors.New("the transaction is another's to begin and end")

// Begin implements [pgx.Tx].
func (i inside) Begin(context.Context) (pgx.Tx, error) { return nil, errNotYours }

// Commit implements [pgx.Tx].
func (i inside) Commit(context.Context) error { return errNotYours }

// Rollback implements [pgx.Tx].
func (i inside) Rollback(context.Context) error { return errNotYours }

// LargeObjects implements [pgx.Tx].
func (i inside) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn implements [pgx.Tx].
func (i inside) Conn() *pgx.Conn { return i.c }

// CopyFrom implements [pgx.Tx].
func (i inside) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return i.c.CopyFrom(ctx, table, columns, rows)
}

// SendBatch implements [pgx.Tx].
func (i inside) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return i.c.SendBatch(ctx, b)
}

// Prepare implements [pgx.Tx].
func (i inside) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return i.c.Prepare(ctx, name, sql)
}

// Exec implements [pgx.Tx].
func (i inside) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return i.c.Exec(ctx, sql, args...)
}

// Query implements [pgx.Tx].
func (i inside) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return i.c.Query(ctx, sql, args...)
}

// QueryRow implements [pgx.Tx].
func (i inside) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return i.c.QueryRow(ctx, sql, args...)
}
