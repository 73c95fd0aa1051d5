package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
)

// scanner is what a row function reads from.
type scanner interface{ Scan(dest ...any) error }

// query reads all rows with the given row function.
func query[T any](v *view, scan func(scanner) (T, error), sql string, args ...any) (out []T, err error) {
	if v.queued.Len() == 0 {
		rows, err := v.c.Query(v.ctx, sql, clean(args)...)
		if err != nil {
			return nil, err
		}
		return collect(v, rows, scan)
	}
	v.queued.Queue(sql, clean(args)...)
	results := v.send()
	defer func() { err = errors.Join(err, results.Close()) }()
	for range results.before {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	return collect(v, rows, scan)
}

func collect[T any](v *view, rows pgx.Rows, scan func(scanner) (T, error)) (out []T, err error) {
	defer rows.Close()
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	v.rows.Add(int64(len(out)))
	return out, rows.Err()
}

// one reads one row; opsdb.ErrNotFound if there is none.
func one[T any](v *view, scan func(scanner) (T, error), sql string, args ...any) (T, error) {
	all, err := query(v, scan, sql, args...)
	var zero T
	if err != nil {
		return zero, err
	}
	if len(all) == 0 {
		return zero, opsdb.ErrNotFound
	}
	return all[0], nil
}

// each queues a query whose rows are given to f with the next flush.
func (v *view) each(f func(scanner) error, sql string, args ...any) {
	ask(v, new([]none), func(r scanner) (none, error) { return none{}, f(r) }, sql, args...)
}

// none is for queries whose row function fills something itself.
type none struct{}

// get reads one row of plain columns; false if there is none.
func (v *view) get(dest []any, sql string, args ...any) (bool, error) {
	rows, err := query(v, func(r scanner) (none, error) { return none{}, r.Scan(dest...) }, sql, args...)
	return len(rows) > 0, err
}

func (v *view) count(sql string, args ...any) (n int64, err error) {
	_, err = v.get([]any{&n}, sql, args...)
	return n, err
}

func (v *view) yes(sql string, args ...any) (is bool, err error) {
	_, err = v.get([]any{&is}, sql, args...)
	return is, err
}

func scanID(r scanner) (id opsdb.ID, err error) {
	err = r.Scan(&id)
	return id, err
}
