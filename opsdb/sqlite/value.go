package sqlite

import (
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// How values are stored; times become unix microseconds in [bound].
func us(t time.Time) any   { return tables.Time(t) }
func blob(s string) []byte { return tables.Blob(s) }
func text(v any) string    { return tables.JSON(v) }

// timeOf reads what us wrote.
func timeOf(v *int64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return time.UnixMicro(*v).UTC()
}

// marks are n parenthesised rows of k parameters: "(?,?),(?,?)".
func marks(n, k int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", k), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(row+",", n), ",")
}

// ids as a JSON array, for json_each.
func idList(ids []opsdb.ID) string {
	if ids == nil {
		ids = []opsdb.ID{}
	}
	return text(ids)
}
