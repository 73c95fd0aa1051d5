package route

import (
	"regexp"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
)

// syntax reports that the text is no YAML, at the place where that became
// certain: the end of the shortest beginning of the text that the YAML parser
// refuses with the same words.
func (s *source) syntax(err error, list *diag.List) {
	message := reason(err)
	if strings.Contains(message, "exceeded max depth") {
		list.Errorf(s.whole(), codeTooDeep, "", "values are nested more than %d deep", maxDepth)
		return
	}
	p := max(s.shortest(err.Error())-1, 0)
	if at, ok := s.variableBefore(p); ok {
		list.Errorf(s.at(at), codeUnquotedVar, `put it in quotes: "${…}"`, "${VAR} inside { } or [ ] has to stand in quotes")
		return
	}
	list.Errorf(s.at(s.wordStart(p, message)), codeSyntax, hintFor(message, s.rune(p)), "this is not YAML: %s", message)
}

// shortest is the number of runes of the shortest beginning that gives the same error.
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

// variableBefore finds an unquoted ${ that ends at p, or has it inside.
func (s *source) variableBefore(p int) (int, bool) {
	for i := min(p+1, len(s.runes)-1); i >= 0 && i > p-80 && s.rune(i) != '\n'; i-- {
		if s.rune(i) == '$' && s.rune(i+1) == '{' {
			return i, s.insideFlow(i)
		}
	}
	return 0, false
}

// insideFlow reports whether a bracket is open at p on its line, outside quotes.
func (s *source) insideFlow(p int) bool {
	depth, quote := 0, rune(0)
	for i := s.index(s.at(p).Line, 1); i < p; i++ {
		switch c := s.rune(i); {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	return quote == 0 && depth > 0
}

// wordStart moves back to the start of the word that was not expected.
func (s *source) wordStart(p int, message string) int {
	if !strings.HasPrefix(message, "did not find expected key") {
		return p
	}
	for p > 0 && !strings.ContainsRune(" \n{[,", s.rune(p-1)) {
		p--
	}
	return p
}

// hintFor says what most often is behind a message of the YAML parser.
func hintFor(message string, at rune) string {
	hints := []struct{ part, hint string }{
		{"mapping values are not allowed", `a value with ": " in it needs quotes; else look at the indentation`},
		{"cannot start any token", "put the value in quotes"},
		{"did not find expected key", "look at the indentation here and before; a value that begins with a quote ends with it"},
		{"expected ',' or ']'", "close the [ or quote the value"},
		{"expected ',' or '}'", "close the { or quote the value"},
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
