package expr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/file"

	"github.com/ccatobs/cdt/engine/diag"
)

// syntax reports what the parser could not read, with the most likely meaning as hint.
func (c *checker) syntax(source string, err error) {
	offset, message := 0, err.Error()
	var at *file.Error
	if errors.As(err, &at) {
		offset, message = at.From, at.Message
	}
	runes := []rune(source)
	offset = min(offset, len(runes))
	switch {
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		c.tooManyParts()
	case strings.HasPrefix(message, "bad number syntax"):
		from := numberStart(runes, offset)
		c.errorf(from, diag.ExprSyntax, unitHint(string(runes[from:])), "this is no number")
	case strings.Contains(message, "value out of range"), strings.Contains(message, "literal is too large"):
		c.errorf(numberStart(runes, offset), diag.ExprOverflow, "write a smaller number", "the number is more than CDT can count")
	case strings.HasPrefix(message, "unexpected token EOF"), strings.HasPrefix(message, "unexpected end"):
		c.errorf(offset, diag.ExprSyntax, "something is missing at its end: an operand or a bracket", "the expression ends too early")
	default:
		c.errorf(offset, diag.ExprSyntax, operatorHint(string(runes[max(0, offset-1):])), "%s", readable(message))
	}
}

func (c *checker) tooManyParts() {
	c.errorf(0, diag.ExprTooLong, "split it into several stages or rules", "the expression has more than %d parts", maxNodes)
}

// readable puts a parser's message into words: Operator("=") is just "=".
func readable(message string) string {
	return regexp.MustCompile(`[A-Z][a-z]+\((".*")\)`).ReplaceAllString(message, "$1")
}

// numberStart goes back from an offset to the beginning of the number before it.
func numberStart(source []rune, offset int) int {
	at := offset
	for at > 0 && !isDigit(source[at-1]) {
		at--
	}
	for at > 0 && isDigit(source[at-1]) {
		at--
	}
	return at
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' || r == '_' || r == '.' }

// unitHint turns 14d into days(14) and 50GB into GB(50).
func unitHint(s string) string {
	m := regexp.MustCompile(`^([0-9]+)([A-Za-z]+)`).FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	unit := map[string]string{"d": "days", "h": "hours", "m": "minutes", "min": "minutes", "s": "seconds"}[m[2]]
	for _, f := range allFunctions() {
		if f.name == m[2] {
			unit = f.name
		}
	}
	if unit == "" {
		return ""
	}
	return fmt.Sprintf("write %s(%s)", unit, m[1])
}

// operatorHint is what an operator that is none was probably meant to be.
func operatorHint(s string) string {
	for _, h := range [][2]string{
		{"=>", "write >="}, {"=<", "write <="}, {"&", "`and` is written &&"},
		{"AND", "write and"}, {"OR", "write or"}, {"NOT", "write not"}, {"=", "equality is written =="},
	} {
		if strings.HasPrefix(strings.TrimSpace(s), h[0]) || len(s) > 1 && strings.HasPrefix(s[1:], h[0]) {
			return h[1]
		}
	}
	return ""
}
