package route

import (
	"strings"
	"unicode/utf8"

	"github.com/ccatobs/cdt/engine/diag"
)

// expand replaces ${VAR} and ${VAR:-default} in a value. What a variable brings
// is not looked at again; its characters have the place of its $. Not ok means
// that the value is not known, and has been complained about.
func (d *decoder) expand(t Text) (out Text, expanded, ok bool) {
	if !strings.Contains(t.V, "${") {
		return t, false, true
	}
	in := []rune(t.V)
	out = Text{At: t.At, Set: t.Set, src: t.src}
	var v []rune
	emit := func(r rune, origin int) {
		v = append(v, r)
		if len(t.from) > 0 {
			out.from = append(out.from, t.from[origin])
		}
	}
	for i := 0; i < len(in); {
		if in[i] != '$' || i+1 >= len(in) || in[i+1] != '{' {
			emit(in[i], i)
			i++
			continue
		}
		end := i + 2
		for end < len(in) && in[end] != '}' {
			end++
		}
		if end == len(in) {
			d.list.Errorf(t.PlaceOf(i), codeOddVariable, "close it: ${VAR} or ${VAR:-default}", "${ is not closed")
			return t, true, false
		}
		value, offset, ok := d.variable(string(in[i+2:end]), t.PlaceOf(i))
		if !ok {
			return t, true, false
		}
		for j, r := range []rune(value) {
			origin := i
			if offset > 0 {
				origin = i + len("${") + offset + j
			}
			emit(r, origin)
		}
		i = end + 1
	}
	out.V = string(v)
	return out, true, true
}

// variable returns the value of what stands between the braces; offset is where
// in it a default begins, if it is the default.
func (d *decoder) variable(inner string, at diag.Place) (value string, offset int, ok bool) {
	name, fallback, has := strings.Cut(inner, ":-")
	if !isVariable(name) {
		d.list.Errorf(at, codeOddVariable, "a name has letters, digits and _, as ${DATA_ROOT} or ${DATA_ROOT:-/data}", "${%s} names no variable", inner)
		return "", 0, false
	}
	if v, set := d.env(name); set && (v != "" || !has) {
		if !utf8.ValidString(v) {
			d.list.Errorf(at, codeOddVariable, "set it to text", "the environment variable %s is not UTF-8", name)
			return "", 0, false
		}
		return v, 0, true
	}
	if has {
		return fallback, len(name) + len(":-"), true
	}
	d.list.Errorf(at, codeNoVariable, "set it, or give a default: ${"+name+":-default}", "the environment variable %s is not set", name)
	return "", 0, false
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
