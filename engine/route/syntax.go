package route

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
)

// syntax reports that the text is no YAML, at the place where that became certain.
func (s *source) syntax(err error, list *diag.List) {
	message := reason(err)
	if strings.Contains(message, "exceeded max depth") {
		list.Errorf(s.whole(), codeTooDeep, "", "values are nested more than %d deep", maxDepth)
		return
	}
	p := max(s.shortest(err.Error())-1, 0)
	if strings.Contains(message, "expected whitespace or line break") {
		if at := s.back(p, '!'); s.rune(at) == '!' {
			list.Errorf(s.at(at), codeTag, "put the value in quotes", "in YAML a ! begins a tag, not a value")
			return
		}
	}
	if strings.Contains(message, "did not find expected ',' or") {
		s.flow(p, message, list)
		return
	}
	if at := s.back(p, '$'); s.rune(at) == '$' && s.rune(at+1) == '{' && s.insideFlow(at) {
		list.Errorf(s.at(at), codeUnquotedVar, `put it in quotes: "${…}"`, "${VAR} inside { } or [ ] has to stand in quotes")
		return
	}
	if strings.HasPrefix(message, "did not find expected key") {
		p = s.wordStart(p)
	}
	list.Errorf(s.at(p), codeSyntax, hintFor(message, s.rune(p)), "this is not YAML: %s", message)
}

// shortest is the number of runes of the shortest beginning of the text that
// the YAML parser refuses with the same words: it reads no further before it fails.
func (s *source) shortest(message string) int {
	low, high := 0, len(s.runes)
	for low < high {
		mid := (low + high) / 2
		if _, err := documents([]byte(string(s.runes[:mid])), 2); err != nil && err.Error() == message {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return high
}

// reason is the YAML parser's message without its own idea of the line.
func reason(err error) string {
	m := strings.TrimPrefix(err.Error(), "yaml: ")
	return regexp.MustCompile(`^line \d+: `).ReplaceAllString(m, "")
}

// back is the last place before p on its line where r stands, or the line's start.
func (s *source) back(p int, r rune) int {
	for p > 0 && s.rune(p) != r && s.rune(p-1) != '\n' {
		p--
	}
	return p
}

// wordStart moves back to the start of the word that was not expected.
func (s *source) wordStart(p int) int {
	for p > 0 && !strings.ContainsRune(" \n{[,", s.rune(p-1)) {
		p--
	}
	return p
}

// insideFlow reports whether a bracket is open at p on its line, outside quotes.
func (s *source) insideFlow(p int) bool {
	open, quote := brackets(s.runes[s.index(s.at(p).Line, 1):p])
	return quote == 0 && len(open) > 0
}

// hintFor says what most often is behind a message of the YAML parser.
func hintFor(message string, at rune) string {
	hints := []struct{ part, hint string }{
		{"mapping values are not allowed", `a value with ": " in it needs quotes; else look at the indentation`},
		{"cannot start any token", "put the value in quotes"},
		{"did not find expected key", "look at the indentation here and before; a value that begins with a quote ends with it"},
		{"did not find expected '-' indicator", "look at the indentation here and before"},
		{"did not find expected node content", "a value is missing, or needs quotes"},
		{"unexpected end of stream", "close the quote"},
		{"alphabetic or numeric", "put the value in quotes: & and * have a meaning of their own in YAML"},
		{"unknown anchor", "put the value in quotes, if no alias is meant"},
		{"unknown escape", `write \\ for a backslash, or use single quotes`},
		{"could not find expected ':'", `a key ends with ": "`},
	}
	if at == '\t' {
		return "indent with spaces, not with tabs"
	}
	for _, h := range hints {
		if strings.Contains(message, h.part) {
			return h.hint
		}
	}
	return ""
}

// flow reports what is wrong inside { } or [ ]. Here the end of a beginning is
// itself a mistake of the same words, so the brackets of each beginning are
// closed, and the last one that is right shows where it goes wrong.
func (s *source) flow(p int, message string, list *diag.List) {
	const farthest = 2000
	start := s.index(s.at(p).Line, 1)
	for start < p && s.rune(start) != '{' && s.rune(start) != '[' {
		start++
	}
	last := start
	for end := start + 1; end <= min(start+farthest, len(s.runes)); end++ {
		if closes(s.runes[start:end]) {
			last = end
		}
	}
	open, _ := brackets(s.runes[start:last])
	for last < len(s.runes) && isBlank(s.rune(last)) {
		last++
	}
	if s.rune(last) == '{' && s.rune(last-1) == '$' {
		list.Errorf(s.at(last-1), codeUnquotedVar, `put it in quotes: "${…}"`, "${VAR} inside { } or [ ] has to stand in quotes")
		return
	}
	hint := "put the value in quotes"
	if len(open) > 0 {
		b := start + open[len(open)-1]
		hint = fmt.Sprintf("close the %c of %d:%d, or put the value in quotes", s.rune(b), s.at(b).Line, s.at(b).Column)
	}
	list.Errorf(s.at(min(last, max(len(s.runes)-1, 0))), codeSyntax, hint, "this is not YAML: %s", message)
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
		case c == '{' || c == '[':
			open = append(open, i)
		case (c == '}' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	return open, quote
}
