package tables

import (
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Query reads all rows with the given row function.
func Query[T any](v View, scan func(Scanner) (T, error), sql string, args ...any) (out []T, err error) {
	err = v.Rows(func(r Scanner) error {
		x, err := scan(r)
		out = append(out, x)
		return err
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// One reads one row; opsdb.ErrNotFound if there is none.
func One[T any](v View, scan func(Scanner) (T, error), sql string, args ...any) (one T, err error) {
	all, err := Query(v, scan, sql, args...)
	if err != nil {
		return one, err
	}
	if len(all) == 0 {
		return one, opsdb.ErrNotFound
	}
	return all[0], nil
}

// Get reads the first row; false if there is none.
func Get(v View, dest []any, sql string, args ...any) (found bool, err error) {
	err = v.Rows(func(r Scanner) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	}, sql, args...)
	return found && err == nil, err
}

// Count reads one number; 0 if there is none.
func Count(v View, sql string, args ...any) (n int64, err error) {
	_, err = Get(v, []any{&n}, sql, args...)
	return n, err
}

// Yes reads one truth; false if there is none.
func Yes(v View, sql string, args ...any) (is bool, err error) {
	_, err = Get(v, []any{&is}, sql, args...)
	return is, err
}

// Earliest is the smallest time that any of the queries gives; zero if none does.
func Earliest(v View, queries ...string) (at time.Time, err error) {
	_, err = Get(v, []any{At(&at)}, `WITH x (at) AS (`+strings.Join(queries, ` UNION ALL `)+`) SELECT min(at) FROM x`)
	return at, err
}

// ScanRow reads one key.
func ScanRow(r Scanner) (row int64, err error) {
	err = r.Scan(&row)
	return row, err
}

// ScanID reads one id, or name.
func ScanID(r Scanner) (id opsdb.ID, err error) {
	err = r.Scan(&id)
	return id, err
}
