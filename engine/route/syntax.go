package route

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
)

// maxSearched is the size of a file up to which the exact place of a mistake is
// searched for, in a second at most.
const maxSearched = 128 << 10

// syntax reports that the text is no YAML, at the place where that became certain.
func (s *source) syntax(err error, list *diag.List) {
	message := reason(err)
	if strings.Contains(message, "exceeded max depth") {
		list.Errorf(s.whole(), codeTooDeep, "write it flatter", "values are nested more than %d deep", maxDepth)
		return
	}
	if len(s.text) > maxSearched {
		list.Errorf(s.at(s.index(max(s.lineOf(err.Error()), 1), 1)), codeSyntax, hintFor(message, 0), "this is not YAML, near this line: %s", message)
		return
	}
	p := max(s.shortest(err.Error())-1, 0)
	if strings.Contains(message, "expected whitespace or line break") {
		if at := s.back(p, '!'); s.rune(at) == '!' {
			list.Errorf(s.at(at), codeTag, "put the value in quotes", "in YAML a ! begins a tag, not a value")
			return
		}
	}
	if start, open := s.outermost(p); open && ofBrackets(message) {
		s.flow(start, p, message, list)
		return
	}
	switch {
	case strings.HasPrefix(message, "did not find expected key"):
		p = s.wordStart(p)
	case strings.HasPrefix(message, "unknown anchor"):
		p = s.back(p, '*')
	}
	list.Errorf(s.at(p), codeSyntax, hintFor(message, s.rune(p)), "this is not YAML: %s", message)
}

// ofBrackets reports whether a message may be about the end of the text alone.
func ofBrackets(message string) bool {
	return strings.Contains(message, "expected ',' or") || strings.Contains(message, "expected node content")
}

// shortest is the number of runes of the shortest beginning of the text that
// the YAML parser refuses with the same words: it reads no further before it
// fails. The line in its message, which is not exact, narrows the search.
func (s *source) shortest(message string) int {
	low, high := 0, len(s.runes)
	if line := s.lineOf(message); line > 0 {
		if end := s.index(line+3, 1); s.refused(end, message) {
			high = end
		}
		if start := s.index(line-2, 1); !s.refused(start, message) {
			low = start
		}
	}
	for low < high {
		if mid := (low + high) / 2; s.refused(mid, message) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return high
}

// refused reports whether the first runes of the text are refused with these words.
func (s *source) refused(runes int, message string) bool {
	_, err := documents([]byte(string(s.runes[:runes])), 2)
	return err != nil && err.Error() == message
}

func (s *source) lineOf(message string) int {
	var line int
	if _, err := fmt.Sscanf(message, "yaml: line %d:", &line); err != nil {
		return 0
	}
	return line
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
	for p > 0 && !strings.ContainsRune(" \n{[,'\"", s.rune(p-1)) {
		p--
	}
	return p
}

// hintFor says what most often is behind a message of the YAML parser.
func hintFor(message string, at rune) string {
	hints := []struct{ part, hint string }{
		{"mapping values are not allowed", `a value with ": " in it needs quotes; or the line before lacks its ":"; or the indentation is wrong`},
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
