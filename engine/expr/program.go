package expr

import (
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// Program is a compiled expression. It is immutable and safe for concurrent use.
type Program struct {
	kind     Kind
	source   string
	tree     ast.Node // as parsed; never changed
	whole    *vm.Program
	leaves   []leaf
	timed    []timed
	windows  map[string]*Window
	reads    Reads
	archived int
}

// leaf is a part of the expression with a value of its own.
type leaf struct {
	text    string
	reads   []name
	boolean bool
	code    *vm.Program
}

// Term is one comparison of an expression, for `why`.
type Term struct {
	Text  string // as in the expression: "age >= days(14)"
	Value string // what it looks at, now: "age = 3d 4h"; "" if the text says it all
	Holds bool   // whether it is true; for a number in a priority: whether it is not 0
}

// String returns the expression as it was written; a nil program is "true".
func (p *Program) String() string {
	if p == nil {
		return "true"
	}
	return p.source
}

// Kind returns where the expression stands.
func (p *Program) Kind() Kind { return p.kind }

// Reads returns what the expression looks at.
func (p *Program) Reads() Reads { return p.reads }

// Floor is the largest number of archives the expression asks for with
// `archived >= n`; 0 if it does not. Retention only.
func (p *Program) Floor() int { return p.archived }

// Bool returns the value of an expression that is true or false. An error is
// a bug of the compiler, or the cost limit exceeded.
func (p *Program) Bool(e Env) (bool, error) {
	v, err := p.run(p.whole, &e)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("%s %q is no bool but %T", p.kind, p.source, v)
	}
	return b, nil
}

// Int returns the value of a priority.
func (p *Program) Int(e Env) (int, error) {
	v, err := p.run(p.whole, &e)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int)
	if !ok {
		return 0, fmt.Errorf("%s %q is no number but %T", p.kind, p.source, v)
	}
	return n, nil
}

func (p *Program) run(code *vm.Program, e *Env) (any, error) {
	if p.kind == When {
		e.Here = e.From
	}
	machine := vm.VM{MemoryBudget: maxMemory}
	v, err := machine.Run(code, p.scope(e))
	if err != nil {
		return nil, fmt.Errorf("evaluate %s %q: %w", p.kind, p.source, err)
	}
	return v, nil
}

// Next returns the earliest time after now at which the value can change
// though no fact does: a threshold of an age, of idle or of now, or the next
// edge of a cron. Ages count on from e at the speed of now. Zero: never.
func (p *Program) Next(e Env, now time.Time) time.Time {
	e.Now = now
	var next time.Time
	for _, t := range p.timed {
		next = earliest(next, t.next(&e, now))
	}
	for _, w := range p.windows {
		next = earliest(next, w.Next(now))
	}
	return next
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// Terms returns each comparison of the expression with what it looks at now.
// A term that cannot be evaluated does not hold.
func (p *Program) Terms(e Env) []Term {
	out := make([]Term, len(p.leaves))
	for i, l := range p.leaves {
		v, err := p.run(l.code, &e)
		out[i] = Term{Text: l.text, Value: l.values(&e, v), Holds: err == nil && v != false && v != 0}
	}
	return out
}

// values says what the names of a leaf are now.
func (l leaf) values(e *Env, result any) string {
	var parts []string
	for _, n := range l.reads {
		if part := n.path + " = " + Format(n.get(e)); n.typ != boolean && !contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if !l.boolean && len(l.reads) != 1 {
		parts = append(parts, Format(result))
	}
	return strings.Join(parts, ", ")
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
