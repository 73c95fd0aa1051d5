package route

import (
	"bytes"
	"sort"
	"unicode/utf8"

	"github.com/ccatobs/cdt/engine/diag"
)

// maxFile is the size of a file of routes; more is not written by hand.
const maxFile = 1 << 20

// source is one file as runes, so that places can be counted in them.
type source struct {
	name   string
	text   []byte // as the YAML parser sees it: no byte order mark, \n as line end
	runes  []rune
	starts []int // of each line, in runes
}

// newSource checks that data is text a person can have written and counts its lines.
func newSource(name string, data []byte, list *diag.List) (*source, bool) {
	s := &source{name: name}
	if len(data) > maxFile {
		list.Errorf(s.whole(), codeTooLarge, "split it: all files of a folder are one set", "the file has more than %d bytes", maxFile)
		return s, false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	s.text = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return s, s.count(list)
}

func (s *source) count(list *diag.List) bool {
	s.starts = []int{0}
	for rest := s.text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if what := forbidden(r, n); what != "" {
			list.Errorf(s.at(len(s.runes)), codeNotText, "write the file in UTF-8, without control characters", "%s is no text", what)
			return false
		}
		s.runes = append(s.runes, r)
		if r == '\n' {
			s.starts = append(s.starts, len(s.runes))
		}
		rest = rest[n:]
	}
	return true
}

// forbidden names a rune that must not stand in a file: what is no text, and
// what YAML takes as a line end but an editor does not.
func forbidden(r rune, n int) string {
	switch {
	case r == utf8.RuneError && n == 1:
		return "a byte that is not UTF-8"
	case r == 0:
		return "a NUL byte"
	case r == '\r':
		return "a carriage return without a line feed"
	case r == '\u0085' || r == '\u2028' || r == '\u2029':
		return "a Unicode line separator"
	case r == '\ufeff':
		return "a byte order mark inside the file"
	case r < ' ' && r != '\n' && r != '\t', r == 0x7f:
		return "a control character"
	}
	return ""
}

// whole is the place of the file as such.
func (s *source) whole() diag.Place { return diag.Place{File: s.name} }

// at is the place of the rune with this index.
func (s *source) at(index int) diag.Place {
	line := sort.SearchInts(s.starts, index+1)
	return diag.Place{File: s.name, Line: line, Column: index - s.starts[line-1] + 1}
}

// index is the rune that stands at a line and column, clamped to the text.
func (s *source) index(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(s.starts) {
		return len(s.runes)
	}
	return min(s.starts[line-1]+max(column, 1)-1, len(s.runes))
}

// rune is the rune at the index, or 0 outside the text.
func (s *source) rune(index int) rune {
	if index < 0 || index >= len(s.runes) {
		return 0
	}
	return s.runes[index]
}
