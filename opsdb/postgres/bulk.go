package postgres

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// few rows are inserted one by one, in one round trip; more are copied.
const few = 32

// fill adds n rows to a table.
func (t *tx) fill(table string, columns []string, n int, row func(i int) []any) error {
	if n <= few {
		marks := make([]string, len(columns))
		for i := range marks {
			marks[i] = "$" + strconv.Itoa(i+1)
		}
		for i := range n {
			if err := t.exec(`INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, row(i)...); err != nil {
				return err
			}
		}
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	copied, err := t.c.CopyFrom(t.ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return clean(row(i)), nil }))
	t.changes += copied
	return err
}
