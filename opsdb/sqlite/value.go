package sqlite

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// us is a time as it is stored: unix microseconds, NULL for the zero time.
func us(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// timeOf reads what us wrote.
func timeOf(v *int64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return time.UnixMicro(*v).UTC()
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// blob is a path as it is stored; a nil slice would be NULL.
func blob(s string) []byte { return append([]byte{}, s...) }

// text is a value as JSON; for values that always encode.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
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
