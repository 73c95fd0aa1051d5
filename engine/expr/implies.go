package expr

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Implies reports whether p is certain to hold only where q holds too. It
// looks at the form alone and is careful: false means "not proved". A nil
// program always holds. The sets that archived_all names are taken to be the same.
func (p *Program) Implies(q *Program) bool {
	switch {
	case q == nil:
		return true
	case p == nil:
		return implies(&ast.BoolNode{Value: true}, q.tree)
	}
	return implies(p.tree, q.tree)
}

func implies(p, q ast.Node) bool {
	if p.String() == q.String() || isBool(p, false) || isBool(q, true) {
		return true
	}
	if l, r, ok := joined(q, "&&", "and"); ok {
		return implies(p, l) && implies(p, r)
	}
	if l, r, ok := joined(p, "||", "or"); ok {
		return implies(l, q) && implies(r, q)
	}
	if l, r, ok := joined(p, "&&", "and"); ok && (implies(l, q) || implies(r, q)) {
		return true
	}
	if l, r, ok := joined(q, "||", "or"); ok && (implies(p, l) || implies(p, r)) {
		return true
	}
	return stricter(p, q)
}

func isBool(n ast.Node, value bool) bool {
	b, ok := n.(*ast.BoolNode)
	return ok && b.Value == value
}

func joined(n ast.Node, operators ...string) (l, r ast.Node, ok bool) {
	b, ok := n.(*ast.BinaryNode)
	if !ok || !slices.Contains(operators, b.Operator) {
		return nil, nil, false
	}
	return b.Left, b.Right, true
}

// stricter compares two comparisons of one thing with constants: age >= days(20) is stricter than age >= days(14).
func stricter(p, q ast.Node) bool {
	a, okA := p.(*ast.BinaryNode)
	b, okB := q.(*ast.BinaryNode)
	if !okA || !okB || a.Left.String() != b.Left.String() {
		return false
	}
	m, okM := constant(a.Right)
	n, okN := constant(b.Right)
	if !okM || !okN {
		return false
	}
	switch {
	case upward(a.Operator) && upward(b.Operator):
		return m > n || m == n && (a.Operator == ">" || b.Operator == ">=")
	case downward(a.Operator) && downward(b.Operator):
		return m < n || m == n && (a.Operator == "<" || b.Operator == "<=")
	}
	return false
}

func upward(operator string) bool   { return operator == ">" || operator == ">=" }
func downward(operator string) bool { return operator == "<" || operator == "<=" }

// constant is the value of a number, or of days(14), GB(50) in their smallest unit.
func constant(n ast.Node) (int64, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return int64(n.Value), true
	case *ast.CallNode:
		arg, ok := n.Arguments[0].(*ast.IntegerNode)
		if !ok {
			return 0, false
		}
		for _, f := range allFunctions() {
			if f.unit > 0 && f.name == n.Callee.String() {
				return int64(arg.Value) * f.unit, true
			}
		}
	}
	return 0, false
}
