package postgres

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// few rows are inserted by one statement; more are copied.
const few = 32

// fill adds n rows to a table.
func (t *tx) fill(table string, columns []string, n int, row func(i int) []any) error {
	if n == 0 {
		return nil
	}
	if n <= few {
		var rows []string
		var values []any
		for i := range n {
			marks := make([]string, len(columns))
			for k := range marks {
				marks[k] = "$" + strconv.Itoa(len(values)+k+1)
			}
			rows, values = append(rows, `(`+strings.Join(marks, ", ")+`)`), append(values, row(i)...)
		}
		return t.exec(`INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES `+strings.Join(rows, ", "), values...)
	}
	if err := t.flush(); err != nil {
		return err
	}
	copied, err := t.c.CopyFrom(t.ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return clean(row(i)), nil }))
	t.changes += copied
	return err
}
