package postgres

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// How values are stored.
func us(t time.Time) any   { return tables.Time(t) }
func blob(s string) []byte { return tables.Blob(s) }
func text(v any) string    { return tables.JSON(v) }

// stored is a time as it is read again once us has written it.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// timeOf reads what us wrote.
func timeOf(v *time.Time) time.Time {
	if v == nil {
		return time.Time{}
	}
	return v.UTC()
}

// idList is ids as an array of the database.
func idList(ids []opsdb.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// escaped begins a text that PostgreSQL would refuse and that is therefore
// kept percent-escaped. Names of observations may come from names of folders,
// which may hold any bytes.
const escaped = "\uE0CD"

// clean makes every text of a statement's arguments one that PostgreSQL takes.
func clean(args []any) []any {
	for i, a := range args {
		switch x := a.(type) {
		case string:
			if !taken(x) {
				args[i] = escape(x)
			}
		case []opsdb.ID:
			args[i] = idList(x)
		case []string:
			for k, s := range x {
				if !taken(s) {
					x[k] = escape(s)
				}
			}
		}
	}
	return args
}

func taken(s string) bool {
	return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) && !strings.HasPrefix(s, escaped)
}

func escape(s string) string { return escaped + opsdb.ShowPath(s) }

// plain reads what escape wrote.
func plain(texts ...*string) {
	for _, s := range texts {
		shown, ok := strings.CutPrefix(*s, escaped)
		if !ok {
			continue
		}
		if raw, err := opsdb.ParsePath(shown); err == nil {
			*s = raw
		}
	}
}
