package expr

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/ccatobs/cdt/engine/diag"
)

// checker walks the syntax tree before anything is compiled: what is not
// allowed here is not in the language, whatever expr-lang can do. On its way it
// collects what the expression reads and when it can change by itself.
type checker struct {
	kind    Kind
	names   Names
	at      Where
	list    *diag.List
	known   map[string]name
	failed  bool
	opposed int // inside `!`, a condition, or a comparison of booleans
	within  int // inside an operator whose value `why` shows as a whole

	reads    readSet
	leaves   []leafNode
	timed    []timed
	windows  map[string]*Window
	archived int
}

// leafNode is a part of the expression that `why` shows on a line of its own.
type leafNode struct {
	node    ast.Node
	from    int
	boolean bool
	reads   []name
}

// operand is what the checker knows about a part of the expression.
type operand struct {
	typ      typ
	constant bool
	literal  bool  // a number as written
	value    int64 // of a constant number, size (bytes) or duration (ns)
	name     *name // the part is this name and nothing else
	list     bool  // a list of literals
	from     int   // offset of its first character
}

func (c *checker) errorf(from int, code, hint, format string, args ...any) operand {
	c.failed = true
	c.list.Errorf(c.at(from), code, hint, format, args...)
	return operand{}
}

// result checks the whole expression against what its kind yields.
func (c *checker) result(tree ast.Node) {
	if c.kind == Priority {
		if o := c.numeric(tree); o.typ != bad && o.typ != number {
			c.errorf(o.from, diag.ExprType, "for example: package.program == \"Cal\" ? 10 : 0", "a priority must be a number, not %s", o.typ)
		}
		return
	}
	if o := c.boolean(tree); o.typ != bad && o.typ != boolean {
		c.errorf(o.from, diag.ExprType, comparisonHint(o), "%s must be true or false, not %s", c.kind, o.typ)
	}
}

func comparisonHint(o operand) string {
	switch {
	case o.name == nil:
		return ""
	case o.typ == duration:
		return "compare it: " + o.name.path + " >= days(14)"
	case o.typ == size:
		return "compare it: " + o.name.path + " >= GB(50)"
	case o.typ == number:
		return "compare it: " + o.name.path + " >= 2"
	case o.typ == text:
		return "compare it: " + o.name.path + ` == "…"`
	}
	return ""
}

// boolean checks a part that should be true or false and remembers its terms.
func (c *checker) boolean(n ast.Node) operand {
	switch n := n.(type) {
	case *ast.BinaryNode:
		if slices.Contains([]string{"&&", "and", "||", "or"}, n.Operator) {
			l, r := c.boolean(n.Left), c.boolean(n.Right)
			return c.bothBoolean(n.Operator, l, r)
		}
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			return c.negation(n)
		}
	case *ast.ConditionalNode:
		return c.conditional(n, c.boolean)
	}
	return c.leaf(n, c.operand)
}

// numeric checks a part that should be a number.
func (c *checker) numeric(n ast.Node) operand {
	if n, ok := n.(*ast.ConditionalNode); ok {
		return c.conditional(n, c.numeric)
	}
	return c.leaf(n, c.operand)
}

// leaf checks a part and remembers it as a term, unless it is a constant.
func (c *checker) leaf(n ast.Node, check func(ast.Node) operand) operand {
	before := len(c.reads.names)
	o := check(n)
	if o.typ != bad && !o.constant && c.within == 0 {
		c.leaves = append(c.leaves, leafNode{n, o.from, o.typ == boolean, slices.Clone(c.reads.names[before:])})
	}
	return o
}

func (c *checker) bothBoolean(operator string, l, r operand) operand {
	out := operand{typ: boolean, from: l.from}
	for _, o := range []operand{l, r} {
		switch o.typ {
		case boolean:
		case bad:
			out.typ = bad
		default:
			out = c.errorf(o.from, diag.ExprType, comparisonHint(o), "%s joins what is true or false, and this is %s", operator, o.typ)
		}
	}
	return out
}

func (c *checker) negation(n *ast.UnaryNode) operand {
	c.opposed++
	o := c.boolean(n.Node)
	c.opposed--
	from := min(n.Location().From, start(n.Node))
	if o.typ != bad && o.typ != boolean {
		hint := comparisonHint(o)
		if hint == "" || n.Operator == "!" {
			hint = "put what it denies into brackets: " + n.Operator + "(…)"
		}
		return c.errorf(o.from, diag.ExprType, hint, "%s denies what is true or false, and this is %s", n.Operator, o.typ)
	}
	return operand{typ: o.typ, constant: o.constant, from: from}
}

func (c *checker) conditional(n *ast.ConditionalNode, branch func(ast.Node) operand) operand {
	if !n.Ternary {
		return c.errorf(start(n.Cond), diag.ExprNotAllowed, "write: condition ? one : other", "if … else … is not allowed")
	}
	c.opposed++
	cond := c.boolean(n.Cond)
	c.opposed--
	a, b := branch(n.Exp1), branch(n.Exp2)
	switch {
	case cond.typ == bad || a.typ == bad || b.typ == bad:
		return operand{}
	case cond.typ != boolean:
		return c.errorf(cond.from, diag.ExprType, comparisonHint(cond), "a condition must be true or false, not %s", cond.typ)
	case a.typ != b.typ:
		return c.errorf(b.from, diag.ExprType, "", "one outcome is %s, the other is %s", a.typ, b.typ)
	case a.typ != boolean && a.typ != number:
		return c.errorf(a.from, diag.ExprNotAllowed, "choose between numbers, or between what is true or false", "a condition cannot choose between two values of this type: %s", a.typ)
	}
	return operand{typ: a.typ, from: cond.from}
}

// operand checks a part that stands in a comparison, a sum or a call.
func (c *checker) operand(n ast.Node) operand {
	from := start(n)
	switch n := n.(type) {
	case *ast.IntegerNode:
		return operand{typ: number, constant: true, literal: true, value: int64(n.Value), from: from}
	case *ast.BoolNode:
		return operand{typ: boolean, constant: true, from: from}
	case *ast.StringNode:
		return operand{typ: text, constant: true, from: from}
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.ConditionalNode:
		return c.errorf(from, diag.ExprNotAllowed, "compare inside the outcomes instead", "a condition cannot stand inside a comparison or a sum")
	}
	return c.foreign(n)
}

// array is a list of literals, the right side of `in`.
func (c *checker) array(n *ast.ArrayNode) operand {
	if len(n.Nodes) == 0 {
		return c.errorf(start(n), diag.ExprNotAllowed, "", "the list is empty")
	}
	var first operand
	for i, e := range n.Nodes {
		o := c.operand(e)
		switch {
		case o.typ == bad:
			return o
		case !o.constant || (o.typ != text && o.typ != number):
			return c.errorf(o.from, diag.ExprNotAllowed, `for example: package.program in ["Cal", "ENG"]`, "a list holds texts or numbers as they are written, nothing else")
		case i == 0:
			first = o
		case o.typ != first.typ:
			return c.errorf(o.from, diag.ExprType, "", "the list begins with %s, and this is %s", first.typ, o.typ)
		}
	}
	return operand{typ: first.typ, constant: true, list: true, from: n.Location().From}
}

// start is the offset of the first character of a part.
func start(n ast.Node) int {
	switch n := n.(type) {
	case *ast.BinaryNode:
		return start(n.Left)
	case *ast.MemberNode:
		return start(n.Node)
	case *ast.ConditionalNode:
		return start(n.Cond)
	case *ast.ChainNode:
		return start(n.Node)
	case *ast.SliceNode:
		return start(n.Node)
	case *ast.CallNode:
		if m, ok := n.Callee.(*ast.MemberNode); ok {
			return start(m)
		}
	case *ast.SequenceNode:
		return start(n.Nodes[0])
	case *ast.UnaryNode:
		if strings.HasPrefix(n.Operator, "not") {
			return min(n.Location().From, start(n.Node))
		}
	}
	return n.Location().From
}
