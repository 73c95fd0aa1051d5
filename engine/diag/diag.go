// Package diag is a problem in something a person wrote: where it is, what is
// wrong, and what to do. It imports nothing of ours.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is where in a file something stands. Line and Column count from 1;
// Column counts runes. Line 0 means the file as a whole.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Severity says whether a problem stops the route from being used.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Problem is one finding. Code is stable ("CDT0123") and documented.
type Problem struct {
	Place    Place    `json:"place"`
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s: %s %s: %s", p.Place, p.Severity, p.Code, p.Message)
	if p.Hint != "" {
		s += "\n    hint: " + p.Hint
	}
	return s
}

// List is all problems of a run. The zero value is empty and ready.
type List struct {
	problems []Problem
	known    map[Problem]bool
}

// Errorf adds an error.
func (l *List) Errorf(at Place, code, hint, format string, args ...any) {
	l.Add(Problem{at, Error, code, fmt.Sprintf(format, args...), hint})
}

// Warnf adds a warning.
func (l *List) Warnf(at Place, code, hint, format string, args ...any) {
	l.Add(Problem{at, Warning, code, fmt.Sprintf(format, args...), hint})
}

// Notef adds a note.
func (l *List) Notef(at Place, code, hint, format string, args ...any) {
	l.Add(Problem{at, Note, code, fmt.Sprintf(format, args...), hint})
}

// Add adds a problem as it is; the same problem twice counts once.
func (l *List) Add(p Problem) {
	if l.known[p] {
		return
	}
	if l.known == nil {
		l.known = map[Problem]bool{}
	}
	l.known[p] = true
	l.problems = append(l.problems, p)
}

// Problems returns all, ordered by file, line, column and code, whatever the
// order in which they were found.
func (l *List) Problems() []Problem {
	out := slices.Clone(l.problems)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// Failed reports whether any of the problems is an error.
func (l *List) Failed() bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Severity == Error })
}

// Err returns nil if no problem is an error, else an error that prints all of them.
func (l *List) Err() error {
	if !l.Failed() {
		return nil
	}
	return &ListError{l.Problems()}
}

// ListError is a [List] with at least one error in it, as an error.
type ListError struct{ Problems []Problem }

func (e *ListError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
