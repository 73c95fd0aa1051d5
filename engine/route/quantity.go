package route

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ccatobs/cdt/engine/diag"
)

// unit is one word behind an integer and what it multiplies it by.
type unit struct {
	name   string
	factor int64
}

// quantity is one of the grammars: an integer and a unit.
type quantity struct {
	what    string // as errors call it
	example string
	usual   string // the unit that is most often meant
	units   []unit
	most    int64 // of the result
}

func sizes() quantity {
	return quantity{"a size", "50GB", "GB", []unit{
		{"B", 1},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"PB", 1e15},
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"PiB", 1 << 50},
	}, math.MaxInt64}
}

// durations are in nanoseconds; a day is 24 hours.
func durations() quantity {
	return quantity{"a duration", "90d", "s", []unit{
		{"ms", int64(time.Millisecond)}, {"s", int64(time.Second)}, {"m", int64(time.Minute)},
		{"h", int64(time.Hour)}, {"d", 24 * int64(time.Hour)},
	}, math.MaxInt64}
}

// rates are in bit/s.
func rates() quantity {
	return quantity{"a rate", "1Gbit/s", "Mbit/s", []unit{
		{"bit/s", 1}, {"Kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}, {"Tbit/s", 1e12},
		{"B/s", 8}, {"KB/s", 8e3}, {"MB/s", 8e6}, {"GB/s", 8e9}, {"TB/s", 8e12},
		{"KiB/s", 8 << 10}, {"MiB/s", 8 << 20}, {"GiB/s", 8 << 30},
	}, math.MaxInt64}
}

func shares() quantity {
	return quantity{"a share", "80%", "%", []unit{{"%", 1}}, 100}
}

// misread is why a text is not the quantity it should be.
type misread struct{ code, hint, text string }

// parse reads an integer and a unit without anything between them.
func (q quantity) parse(s string) (int64, *misread) {
	trimmed := strings.TrimSpace(s)
	digits := strings.TrimLeft(trimmed, "+-")
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(digits)
	}
	number, word := digits[:end], digits[end:]
	switch {
	case number == "":
		return 0, &misread{codeNoQuantity, q.hint(), q.what + " is an integer and a unit, not " + strconv.Quote(s)}
	case strings.HasPrefix(trimmed, "-"):
		return 0, &misread{codeNegative, "leave out the minus", q.what + " is not negative"}
	case word == "":
		return 0, &misread{codeNoUnit, "for example " + number + q.usual + "; units are " + q.known(), q.what + " needs a unit"}
	case trimmed != s, digits != trimmed, word[0] == ' ', word[0] == '.', word[0] == '_', word[0] == ',', word[0] == 'e', q.several(word):
		return 0, &misread{codeNoQuantity, q.together(number, word), q.what + " is an integer and a unit, not " + strconv.Quote(s)}
	}
	i := slices.IndexFunc(q.units, func(u unit) bool { return u.name == word })
	if i < 0 {
		return 0, &misread{codeUnknownUnit, q.nearest(word), strconv.Quote(word) + " is no unit of " + q.what}
	}
	v, err := strconv.ParseInt(number, 10, 64)
	if err != nil || v > q.most/q.units[i].factor {
		return 0, &misread{codeOutOfRange, q.limit(), s + " is too much for " + q.what}
	}
	return v * q.units[i].factor, nil
}

// several reports a quantity of more than one integer, as 1h30m.
func (q quantity) several(word string) bool { return strings.ContainsAny(word, "0123456789") }

// together is the hint for what would be right without a blank.
func (q quantity) together(number, word string) string {
	if w := strings.TrimSpace(word); slices.ContainsFunc(q.units, func(u unit) bool { return u.name == w }) {
		return "write " + number + w
	}
	return q.hint() + "; instead of a fraction or several units take a smaller unit"
}

func (q quantity) hint() string { return "write it as " + q.example }

func (q quantity) limit() string {
	if q.most == 100 {
		return "0% to 100%"
	}
	return "write a smaller one, as " + q.example
}

func (q quantity) names() []string {
	out := make([]string, len(q.units))
	for i, u := range q.units {
		out[i] = u.name
	}
	return out
}

func (q quantity) known() string { return strings.Join(q.names(), ", ") }

// nearest is the hint with the unit that was meant: most often the case is
// wrong, or it is written out.
func (q quantity) nearest(word string) string {
	short := ""
	for _, u := range q.units {
		if strings.EqualFold(u.name, word) {
			return "did you mean " + u.name + "?"
		}
		if strings.HasPrefix(word, u.name) && len(u.name) > len(short) {
			short = u.name
		}
	}
	if n := diag.Nearest(word, q.names()); n != "" {
		short = n
	}
	if short != "" {
		return "did you mean " + short + "?"
	}
	return "units are " + q.known()
}
