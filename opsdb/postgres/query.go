package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb/tables"
)

// row is a row of a result, its texts as they were before [clean].
type row struct{ pgx.Rows }

// Scan implements [tables.Scanner]; see direct.
func (r row) Scan(dest ...any) error {
	for i, d := range dest {
		dest[i] = direct(d)
	}
	if err := r.Rows.Scan(dest...); err != nil {
		return err
	}
	for _, d := range dest {
		switch x := d.(type) {
		case *string:
			plain(x)
		case **string:
			if *x != nil {
				plain(*x)
			}
		}
	}
	return nil
}

// Rows implements [tables.View]. What is queued goes with the query, in one round trip.
func (v *view) Rows(f func(scanner) error, sql string, args ...any) (err error) {
	if v.queued.Len() == 0 {
		rows, err := v.c.Query(v.ctx, sql, clean(args)...)
		if err != nil {
			return err
		}
		return v.walk(rows, f)
	}
	v.queued.Queue(sql, clean(args)...)
	results := v.send()
	defer func() { err = errors.Join(err, results.Close()) }()
	if err := results.first(); err != nil {
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	return v.walk(rows, f)
}

// walk gives rows to f.
func (v *view) walk(rows pgx.Rows, f func(scanner) error) error {
	defer rows.Close()
	r, n := scanner(row{rows}), int64(0)
	for ; rows.Next(); n++ {
		if err := f(r); err != nil {
			return err
		}
	}
	v.store.rows.Add(n)
	return rows.Err()
}

// query reads all rows with the given row function.
func query[T any](v *view, scan func(scanner) (T, error), sql string, args ...any) ([]T, error) {
	return tables.Query(v, scan, sql, args...)
}

// each queues a query whose rows are given to f with the next flush.
func (v *view) each(f func(scanner) error, sql string, args ...any) {
	ask(v, new([]none), func(r scanner) (none, error) { return none{}, f(r) }, sql, args...)
}

// none is for queries whose row function fills something itself.
type none struct{}

// get reads one row of plain columns; false if there is none.
func (v *view) get(dest []any, sql string, args ...any) (bool, error) {
	return tables.Get(v, dest, sql, args...)
}

func (v *view) count(sql string, args ...any) (int64, error) { return tables.Count(v, sql, args...) }

func (v *view) yes(sql string, args ...any) (bool, error) { return tables.Yes(v, sql, args...) }
