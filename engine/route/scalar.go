package route

import (
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// textOf returns the value of a scalar with the place of each of its
// characters: the raw text is read a second time, by the rules of its style. If
// that does not give the value the YAML parser found, all of it is at its start.
func (s *source) textOf(n *yaml.Node) Text {
	start := s.skipProperties(s.index(n.Line, n.Column))
	t := Text{V: n.Value, At: s.at(start), Set: true}
	want := []rune(n.Value)
	r := &reader{s: s, p: start, want: len(want)}
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		r.double()
	case n.Style&yaml.SingleQuotedStyle != 0:
		r.single()
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		r.block(want)
	default:
		r.plain()
	}
	if len(want) == 0 || !slices.Equal(r.out, want) {
		return t
	}
	t.src, t.from = s, r.from
	t.At = t.PlaceOf(0)
	return t
}

// skipProperties passes an anchor (&name) in front of a value.
func (s *source) skipProperties(p int) int {
	if s.rune(p) != '&' {
		return p
	}
	for r := s.rune(p); r != 0 && r != ' ' && r != '\n'; r = s.rune(p) {
		p++
	}
	for s.rune(p) == ' ' || s.rune(p) == '\n' {
		p++
	}
	return p
}

// reader reads a raw scalar at p into out, noting from where each rune came,
// until it has as many as wanted.
type reader struct {
	s    *source
	p    int
	want int
	out  []rune
	from []int32
}

func (r *reader) more() bool { return len(r.out) < r.want && r.p < len(r.s.runes) }

func (r *reader) emit(c rune, from int) {
	r.out = append(r.out, c)
	r.from = append(r.from, int32(from)) // a source has at most maxFile runes
}

// take emits the rune at p as it is.
func (r *reader) take() {
	r.emit(r.s.rune(r.p), r.p)
	r.p++
}

// blank takes white space; if it holds line ends, these fold: one is a space,
// each further one a line end. Escaped line ends (in double quotes) vanish.
func (r *reader) blank() {
	start, ends, first := r.p, 0, r.p
	for c := r.s.rune(r.p); c == ' ' || c == '\t' || c == '\n'; c = r.s.rune(r.p) {
		if c == '\n' {
			if ends == 0 {
				first = r.p
			}
			ends++
		}
		r.p++
	}
	switch {
	case ends == 0:
		for i := start; i < r.p; i++ {
			r.emit(r.s.rune(i), i)
		}
	case ends == 1:
		r.emit(' ', first)
	default:
		for range ends - 1 {
			r.emit('\n', first)
		}
	}
}

func isBlank(c rune) bool { return c == ' ' || c == '\t' || c == '\n' }

func (r *reader) plain() {
	for r.more() {
		if isBlank(r.s.rune(r.p)) {
			r.blank()
		} else {
			r.take()
		}
	}
}

func (r *reader) single() {
	r.p++
	for r.more() {
		switch c := r.s.rune(r.p); {
		case isBlank(c):
			r.blank()
		case c == '\'' && r.s.rune(r.p+1) == '\'':
			r.take()
			r.p++
		default:
			r.take()
		}
	}
}

func (r *reader) double() {
	r.p++
	for r.more() {
		switch c := r.s.rune(r.p); {
		case isBlank(c):
			r.blank()
		case c == '\\':
			r.escape()
		default:
			r.take()
		}
	}
}

// escape reads a backslash and what follows it.
func (r *reader) escape() {
	start := r.p
	c := r.s.rune(r.p + 1)
	r.p += 2
	switch c {
	case '\n':
		r.escapedEnd()
	case 'x', 'u', 'U':
		digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[c]
		end := min(r.p+digits, len(r.s.runes))
		v, _ := strconv.ParseUint(string(r.s.runes[r.p:end]), 16, 32)
		r.p = end
		r.emit(rune(v), start)
	default:
		r.emit(escaped(c), start)
	}
}

// escapedEnd passes the blanks after an escaped line end; empty lines after it count.
func (r *reader) escapedEnd() {
	for c := r.s.rune(r.p); isBlank(c); c = r.s.rune(r.p) {
		if c == '\n' {
			r.emit('\n', r.p)
		}
		r.p++
	}
}

// escaped is the character that a backslash and c stand for in YAML 1.1.
func escaped(c rune) rune {
	names := map[rune]rune{
		'0': 0, 'a': 7, 'b': 8, 't': 9, 'n': 10, 'v': 11, 'f': 12, 'r': 13, 'e': 27,
		'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
	}
	if v, ok := names[c]; ok {
		return v
	}
	return c
}
