package tables

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Time is a time as it is stored: whole microseconds, NULL for the zero time.
func Time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Blob is a path as it is stored; a nil slice would be NULL.
func Blob(s string) []byte { return append([]byte{}, s...) }

// JSON is a value as it is stored; for values that always encode.
func JSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
}

// At reads a time: a timestamp, or microseconds. NULL is the zero time.
func At(t *time.Time) sql.Scanner { return (*moment)(t) }

type moment time.Time

func (m *moment) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		*m = moment{}
	case time.Time:
		*m = moment(x.UTC())
	case int64:
		*m = moment(time.UnixMicro(x).UTC())
	default:
		return fmt.Errorf("%T is no time", v)
	}
	return nil
}

// Path reads what Blob wrote; NULL is no path.
func Path(s *string) sql.Scanner { return (*path)(s) }

type path string

func (p *path) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		*p = ""
	case []byte:
		*p = path(x)
	default:
		return fmt.Errorf("%T is no path", v)
	}
	return nil
}

// decode reads what JSON wrote into into; NULL and no text leave it as it is.
func decode(into any) sql.Scanner { return &decoded{into} }

type decoded struct{ into any }

func (d *decoded) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		if x == "" {
			return nil
		}
		return json.Unmarshal([]byte(x), d.into)
	}
	return fmt.Errorf("%T is no JSON text", v)
}

// number is how much a truth counts.
func number(is bool) int {
	if is {
		return 1
	}
	return 0
}
