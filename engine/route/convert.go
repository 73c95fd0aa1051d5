package route

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// convert reads the text of a single value by the field's type. What cannot be
// read is complained about and leaves the default.
func (d *decoder) convert(out *Fields, f Field, t Text, n *yaml.Node, expanded bool) {
	switch f.Type {
	case Bool, Int, Number:
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && !expanded {
			d.list.Errorf(t.At, codeWrongType, "leave the quotes away", "%s is %s, not a text", f.Name, article(f.Type))
			return
		}
	case String, Choice, Window:
		if !d.isText(t, n, expanded, f.Name) {
			return
		}
	case Expression: // true and 10 are expressions
		if !d.isText(t, n, true, f.Name) {
			return
		}
	}
	if v := d.read(f, t); v != nil {
		out.values[f.Name] = v
	}
}

// isText complains about a number, a date or true where a text should stand, and about an empty text.
func (d *decoder) isText(t Text, n *yaml.Node, expanded bool, what string) bool {
	switch {
	case n.Tag != "!!str" && !expanded:
		d.list.Errorf(t.At, codeWrongType, "put it in quotes, if it is meant: \""+t.V+"\"", "%s is a text, not %s", what, yamlType(n.Tag))
	case strings.TrimSpace(t.V) == "":
		d.list.Errorf(t.At, codeNoValue, "give it one, or leave the key out", "%s has no value", what)
	default:
		return true
	}
	return false
}

func yamlType(tag string) string {
	switch tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "something else"
}

func article(t FieldType) string {
	switch t {
	case Bool:
		return "true or false"
	case Int:
		return "an integer"
	}
	return "a number"
}

// read returns the value of a text by the field's type, or nil after a complaint.
func (d *decoder) read(f Field, t Text) any {
	switch f.Type {
	case String, Window, Expression:
		return t
	case Choice:
		return d.choice(f, t)
	case Bool:
		return d.bool(f, t)
	case Int:
		return d.int(f, t)
	case Number:
		return d.number(f, t)
	case Size:
		return quantityValue(d, sizes(), t, func(v int64) int64 { return v })
	case Rate:
		return quantityValue(d, rates(), t, func(v int64) int64 { return v })
	case Duration:
		return quantityValue(d, durations(), t, func(v int64) time.Duration { return time.Duration(v) })
	case Share:
		return quantityValue(d, shares(), t, func(v int64) int { return int(v) })
	}
	return nil
}

func quantityValue[T any](d *decoder, q quantity, t Text, as func(int64) T) any {
	v, wrong := q.parse(t.V)
	if wrong != nil {
		d.list.Errorf(t.At, wrong.code, wrong.hint, "%s", wrong.text)
		return nil
	}
	return Value[T]{as(v), t.At, t.Set}
}

func (d *decoder) choice(f Field, t Text) any {
	for _, o := range f.Options {
		if o == t.V {
			if slices.Contains(f.LaterOptions, o) {
				d.list.Notef(t.At, codeLater, "", "%s: %s is not carried out by this version", f.Name, o)
			}
			return t
		}
	}
	d.list.Errorf(t.At, codeNoChoice, diag.DidYouMean(t.V, f.Options), "%s is one of %s, not %s", f.Name, strings.Join(f.Options, ", "), display(t.V))
	return nil
}

func (d *decoder) bool(f Field, t Text) any {
	switch t.V {
	case "true", "false":
		return Value[bool]{t.V == "true", t.At, t.Set}
	}
	d.list.Errorf(t.At, codeWrongType, "write true or false", "%s is true or false, not %s", f.Name, display(t.V))
	return nil
}

func (d *decoder) int(f Field, t Text) any {
	v, err := strconv.ParseInt(t.V, 10, 32)
	switch digits := strings.TrimPrefix(t.V, "-"); {
	case digits == "" || strings.Trim(digits, "0123456789") != "":
		d.list.Errorf(t.At, codeWrongType, "write an integer, as 4", "%s is an integer, not %s", f.Name, display(t.V))
	case digits != t.V:
		d.list.Errorf(t.At, codeNegative, "leave out the minus", "%s is not negative", f.Name)
	case err != nil:
		d.list.Errorf(t.At, codeOutOfRange, "at most 2147483647", "%s is too much for %s", display(t.V), f.Name)
	case v < int64(f.Min):
		d.list.Errorf(t.At, codeOutOfRange, "write "+strconv.Itoa(f.Min)+" or more", "%s is at least %d", f.Name, f.Min)
	default:
		return Value[int]{int(v), t.At, t.Set}
	}
	return nil
}

func (d *decoder) number(f Field, t Text) any {
	v, err := strconv.ParseFloat(t.V, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || math.IsInf(v, 0):
		d.list.Errorf(t.At, codeOutOfRange, "write a smaller number", "%s is too much for %s", display(t.V), f.Name)
	case err != nil || math.IsNaN(v) || strings.ContainsAny(t.V, "xXpP_"):
		d.list.Errorf(t.At, codeWrongType, "write a number, as 1.5", "%s is a number, not %s", f.Name, display(t.V))
	case v < 0:
		d.list.Errorf(t.At, codeNegative, "leave out the minus", "%s is not negative", f.Name)
	default:
		return Value[float64]{v, t.At, t.Set}
	}
	return nil
}

// defaults puts the default of a field into out.
func (d *decoder) defaults(out *Fields, f Field) {
	at := out.At
	switch f.Type {
	case Object:
		inner := Fields{At: at, values: map[string]any{}}
		for _, g := range f.Fields {
			d.defaults(&inner, g)
		}
		out.values[f.Name] = inner
	case Places, Names:
		if f.Default != "" {
			out.values[f.Name] = defaultWords(f.Default, at)
		}
	default:
		if f.Default == "" {
			return
		}
		if v := d.read(f, Text{V: f.Default, At: at}); v != nil {
			out.values[f.Name] = v
		}
	}
}

// defaultWords reads a default as it would be written: a, or [a, b].
func defaultWords(s string, at diag.Place) List {
	out := List{At: at}
	for _, w := range defaultWordsOf(s) {
		out.V = append(out.V, Value[string]{V: w, At: at})
	}
	return out
}

func defaultWordsOf(s string) []string {
	var out []string
	for w := range strings.SplitSeq(strings.Trim(s, "[]"), ",") {
		out = append(out, strings.Trim(strings.TrimSpace(w), `"'`))
	}
	return out
}
