package tables

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
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
func At(t *time.Time) sql.Scanner { return (*Moment)(t) }

// Moment is what At reads into. A driver that knows it may read it without a detour.
type Moment time.Time

// Scan implements [sql.Scanner].
func (m *Moment) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		*m = Moment{}
	case time.Time:
		*m = Moment(x.UTC())
	case int64:
		*m = Moment(time.UnixMicro(x).UTC())
	default:
		return fmt.Errorf("%T is no time", v)
	}
	return nil
}

// Path reads what Blob wrote; NULL is no path.
func Path(s *string) sql.Scanner { return (*Bytes)(s) }

// Bytes is what Path reads into, as a text.
type Bytes string

// Scan implements [sql.Scanner].
func (p *Bytes) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		*p = ""
	case []byte:
		*p = Bytes(x)
	default:
		return fmt.Errorf("%T is no path", v)
	}
	return nil
}

// decode reads what JSON wrote into into; NULL and no text leave it as it is.
func decode(into any) sql.Scanner { return &Decoded{into} }

// Decoded is what a JSON text is read into.
type Decoded struct{ into any }

// Scan implements [sql.Scanner].
func (d *Decoded) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return d.Text(x)
	}
	return fmt.Errorf("%T is no JSON text", v)
}

// Text reads a text. Lists of plain words, which most rows have, are taken apart here.
func (d *Decoded) Text(x string) error {
	if x == "" {
		return nil
	}
	if list, ok := d.into.(*[]string); ok {
		if words, plain := wordsOf(x); plain {
			*list = words
			return nil
		}
	}
	return json.Unmarshal([]byte(x), d.into)
}

// wordsOf reads a list of texts as JSON writes it, if nothing in them is escaped.
func wordsOf(x string) (words []string, plain bool) {
	if x == "[]" {
		return []string{}, true
	}
	if len(x) < 4 || !strings.HasPrefix(x, `["`) || !strings.HasSuffix(x, `"]`) || strings.IndexByte(x, '\\') >= 0 {
		return nil, false
	}
	words = strings.Split(x[2:len(x)-2], `","`)
	for _, w := range words {
		if strings.IndexByte(w, '"') >= 0 {
			return nil, false
		}
	}
	return words, true
}

// number is how much a truth counts.
func number(is bool) int {
	if is {
		return 1
	}
	return 0
}
