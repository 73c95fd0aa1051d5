package route

import (
	"fmt"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
)

// flow reports what is wrong inside { } or [ ]. Here the end of a beginning is
// itself a mistake of the same words, so the brackets of each beginning are
// closed, and the last one that is right shows where it goes wrong.
func (s *source) flow(start, p int, message string, list *diag.List) {
	last := s.lastRight(start, p)
	if s.rune(last) == '{' && s.rune(last-1) == '$' {
		list.Errorf(s.at(last-1), codeUnquotedVar, `put it in quotes: "${…}"`, "${VAR} inside { } or [ ] has to stand in quotes")
		return
	}
	hint := "put the value in quotes"
	if open, _ := brackets(s.runes[start:last]); len(open) > 0 {
		b := start + open[len(open)-1]
		hint = fmt.Sprintf("close the %c of %d:%d, or put the value in quotes", s.rune(b), s.at(b).Line, s.at(b).Column)
	}
	list.Errorf(s.at(min(last, max(len(s.runes)-1, 0))), codeSyntax, hint, "this is not YAML: %s", message)
}

// outermost is the place of the first bracket that is open at p: looked for from
// the line before it that is not indented, or from some lines like it further up.
func (s *source) outermost(p int) (start int, open bool) {
	const up = 4
	line := s.at(p).Line
	for range up {
		for line > 1 && strings.ContainsRune(" \t\n#}]", s.rune(s.index(line, 1))) {
			line--
		}
		start := s.index(line, 1)
		if open, _ := brackets(s.runes[start:min(p+1, len(s.runes))]); len(open) > 0 {
			return start + open[0], true
		}
		line = max(line-1, 1)
	}
	return 0, false
}

// lastRight is the end of the longest beginning of the value at start that is
// right, not far from p, and of what is blank behind it.
func (s *source) lastRight(start, p int) int {
	const before, behind, farthest = 100, 600, 4000
	if p-start > farthest {
		return p
	}
	last := p
	for end := max(start+1, p-before); end <= min(p+behind, len(s.runes)); end++ {
		if closes(s.runes[start:end]) {
			last = end
		}
	}
	for last < len(s.runes) && isBlank(s.rune(last)) {
		last++
	}
	return last
}

// closes reports whether a beginning of a value is right once its quote and brackets are closed.
func closes(v []rune) bool {
	open, quote := brackets(v)
	text := string(v)
	if quote != 0 {
		text += string(quote)
	}
	for i := len(open) - 1; i >= 0; i-- {
		text += map[rune]string{'{': "}", '[': "]"}[v[open[i]]]
	}
	_, err := documents([]byte(text), 2)
	return err == nil
}

// brackets returns the indices of the brackets that are open at the end of a
// value, and the quote that is.
func brackets(v []rune) (open []int, quote rune) {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.ContainsRune(" \n{[,", v[i-1])):
			quote = c
		case c == '#' && (i == 0 || isBlank(v[i-1])):
			for i < len(v) && v[i] != '\n' {
				i++
			}
		case c == '{' || c == '[':
			open = append(open, i)
		case (c == '}' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	return open, quote
}
