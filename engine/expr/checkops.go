package expr

import (
	"math"
	"math/bits"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/ccatobs/cdt/engine/diag"
)

// maxFactor bounds the numbers in a priority, so that no product can overflow.
const maxFactor = 1_000_000

func (c *checker) unary(n *ast.UnaryNode) operand {
	switch n.Operator {
	case "!", "not":
		return c.negation(n)
	case "-":
		c.within++
		o := c.operand(n.Node)
		c.within--
		if o.typ != bad && o.typ != number {
			return c.errorf(n.Location().From, diag.ExprType, "", "only a number can be negative, and this is %s", o.typ)
		}
		if c.kind == Delete && o.name != nil && o.name.path == "archived" {
			return c.errorf(o.from, diag.ExprArchived, "for example: archived >= 2", "in retention archived is compared as it is")
		}
		return operand{typ: o.typ, constant: o.constant, literal: o.literal, value: -o.value, from: n.Location().From}
	}
	return c.errorf(n.Location().From, diag.ExprNotAllowed, "", "%s is not allowed here", n.Operator)
}

func (c *checker) binary(n *ast.BinaryNode) operand {
	switch n.Operator {
	case "&&", "and", "||", "or":
		return c.boolean(n)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.comparison(n)
	case "in":
		return c.membership(n)
	case "startsWith", "endsWith", "contains":
		return c.textual(n)
	case "+", "-", "*":
		return c.arithmetic(n)
	}
	return c.foreign(n)
}

// sides checks both sides of an operator.
func (c *checker) sides(n *ast.BinaryNode) (l, r operand, ok bool) {
	c.within++
	l, r = c.operand(n.Left), c.operand(n.Right)
	c.within--
	return l, r, l.typ != bad && r.typ != bad
}

func (c *checker) comparison(n *ast.BinaryNode) operand {
	if n.Operator == "==" || n.Operator == "!=" {
		c.opposed++
		defer func() { c.opposed-- }()
	}
	l, r, ok := c.sides(n)
	if !ok {
		return operand{}
	}
	if !c.comparable(n, l, r) || !c.factAgainstConstant(n.Operator, l, r) || !c.archivedFloor(n.Operator, l, r) {
		return operand{}
	}
	if (l.typ == duration || l.typ == moment) && !l.constant || (r.typ == duration || r.typ == moment) && !r.constant {
		c.timed = append(c.timed, timed{n, c.known})
	}
	return operand{typ: boolean, from: l.from}
}

// comparable sees to it that two sides have one type, and one that the operator knows.
func (c *checker) comparable(n *ast.BinaryNode, l, r operand) bool {
	op := n.Operator
	equality := op == "==" || op == "!="
	switch {
	case l.list || r.list || l.typ == texts || r.typ == texts:
		c.errorf(l.from, diag.ExprType, `write: "…" in `+"package.tags", "lists are not compared")
	case l.typ != r.typ:
		c.mismatch(l, r)
	case l.constant && r.constant:
		c.errorf(l.from, diag.ExprConstant, "compare with something that changes, as age or group.bytes", "both sides are constants: this never changes")
	case !equality && (l.typ == boolean || l.typ == text):
		c.errorf(n.Location().From, diag.ExprType, "write == or !=", "%s cannot be compared with %s", l.typ, op)
	case equality && (l.typ == duration || l.typ == moment):
		c.errorf(n.Location().From, diag.ExprType, "write >= or <", "times and durations pass: %s holds for an instant only", op)
	default:
		return true
	}
	return false
}

// mismatch reports a comparison of two types, at the bare number if there is one.
func (c *checker) mismatch(l, r operand) {
	odd, other := r, l
	if l.literal && !r.literal {
		odd, other = l, r
	}
	hint := ""
	if odd.literal {
		switch other.typ {
		case size:
			hint = "give it a unit, for example GB(50)"
		case duration:
			hint = "give it a unit, for example days(14)"
		case moment:
			hint = "compare the time that has passed: now - package.observed_at >= days(14)"
		}
	}
	what := odd.typ.String()
	if odd.literal {
		what = "a bare number"
	}
	c.errorf(odd.from, diag.ExprType, hint, "%s is compared with %s", other.typ, what)
}

// factAgainstConstant keeps facts of locations and links to comparisons with constants.
func (c *checker) factAgainstConstant(op string, l, r operand) bool {
	for _, pair := range [][2]operand{{l, r}, {r, l}} {
		if n := pair[0].name; n != nil && n.fact() && !pair[1].constant {
			c.errorf(pair[1].from, diag.ExprFact, "the engine waits for the moment at which it crosses a fixed mark", "%s is compared with constants only", n.path)
			return false
		}
	}
	return true
}

// archivedFloor keeps retention to floors: more archive copies never make a copy less deletable.
func (c *checker) archivedFloor(op string, l, r operand) bool {
	if c.kind != Delete {
		return true
	}
	for _, o := range []operand{l, r} {
		if o.name == nil || o.name.path != "archived" {
			continue
		}
		switch {
		case o.from == r.from || (op != ">=" && op != ">") || !r.constant:
			c.errorf(o.from, diag.ExprArchived, "for example: archived >= 2", "in retention archived is compared with >= or > and a number")
			return false
		case c.opposed > 0:
			c.errorf(o.from, diag.ExprArchived, "say what must be true for a copy to go, without turning it round", "in retention archived must not be denied")
			return false
		}
		floor := r.value
		if op == ">" {
			floor++
		}
		c.archived = max(c.archived, int(min(floor, math.MaxInt32)))
	}
	return true
}

func (c *checker) membership(n *ast.BinaryNode) operand {
	l, r, ok := c.sides(n)
	switch {
	case !ok:
		return operand{}
	case !r.list && r.typ != texts:
		return c.errorf(r.from, diag.ExprType, `for example: package.program in ["Cal", "ENG"], or "cal" in package.tags`, "`in` looks into a list, and this is %s", r.typ)
	case l.list || l.typ == texts || (r.list && l.typ != r.typ) || (!r.list && l.typ != text):
		return c.errorf(l.from, diag.ExprType, "", "%s cannot be in this list", l.typ)
	case l.constant && r.constant:
		return c.errorf(l.from, diag.ExprConstant, "compare with something that changes, as age or group.bytes", "both sides are constants: this never changes")
	case c.kind == Delete && l.name != nil && l.name.path == "archived":
		return c.errorf(l.from, diag.ExprArchived, "for example: archived >= 2", "in retention archived is compared with >= or > and nothing else")
	}
	return operand{typ: boolean, from: l.from}
}

func (c *checker) textual(n *ast.BinaryNode) operand {
	l, r, ok := c.sides(n)
	switch {
	case !ok:
		return operand{}
	case l.list || l.typ == texts:
		return c.errorf(l.from, diag.ExprType, `write: "…" in package.tags`, "%s looks into a text, not into a list", n.Operator)
	case l.typ != text || r.typ != text || r.list:
		return c.errorf(l.from, diag.ExprType, "", "%s takes two texts", n.Operator)
	case l.constant || !r.constant:
		return c.errorf(r.from, diag.ExprLiteral, `for example: package.instrument startsWith "prime"`, "%s compares a name with a text as it is written", n.Operator)
	}
	return operand{typ: boolean, from: l.from}
}

// arithmetic allows what makes sense: numbers, constants of one unit, and times.
func (c *checker) arithmetic(n *ast.BinaryNode) operand {
	l, r, ok := c.sides(n)
	if !ok {
		return operand{}
	}
	out := operand{typ: l.typ, constant: l.constant && r.constant, from: l.from}
	op := n.Operator
	for _, o := range []operand{l, r} {
		if o.name != nil && (o.name.fact() || c.kind == Delete && o.name.path == "archived") {
			return c.errorf(o.from, diag.ExprFact, "", "%s is compared as it is, without arithmetic", o.name.path)
		}
	}
	switch {
	case l.list || r.list:
		return c.errorf(l.from, diag.ExprType, "", "%s does not work on lists", op)
	case l.typ == number && r.typ == number:
		return c.numbers(n, l, r, out)
	case l.typ == r.typ && (l.typ == duration || l.typ == size) && op != "*" && out.constant:
		return c.folded(n, l, r, out)
	case l.typ == moment && r.typ == moment && op == "-":
		out.typ = duration
		return out
	case l.typ == moment && r.typ == duration && r.constant && op != "*":
		return out
	}
	return c.errorf(n.Location().From, diag.ExprArithmetic, arithmeticHint(l, r), "%s %s %s has no meaning here", l.typ, op, r.typ)
}

func arithmeticHint(l, r operand) string {
	if slices.Contains([]typ{duration, size}, l.typ) || slices.Contains([]typ{duration, size}, r.typ) {
		return "move it to the constant on the other side"
	}
	return ""
}

// numbers allows sums of numbers and products with one small literal.
func (c *checker) numbers(n *ast.BinaryNode, l, r, out operand) operand {
	if out.constant {
		return c.folded(n, l, r, out)
	}
	for _, o := range []operand{l, r} {
		if o.constant && (o.value > maxFactor || o.value < -maxFactor) {
			return c.errorf(o.from, diag.ExprOverflow, "", "numbers in a sum or product go up to %d", maxFactor)
		}
	}
	if n.Operator == "*" && !(l.constant && r.name != nil || r.constant && l.name != nil) {
		return c.errorf(n.Location().From, diag.ExprArithmetic, "for example: package.files * 2", "a product is a name times a number as it is written")
	}
	return out
}

// folded is the value of an operator on two constants.
func (c *checker) folded(n *ast.BinaryNode, l, r, out operand) operand {
	var fits bool
	switch n.Operator {
	case "+":
		out.value = l.value + r.value
		fits = (out.value > l.value) == (r.value > 0)
	case "-":
		out.value = l.value - r.value
		fits = (out.value < l.value) == (r.value > 0)
	default:
		out.value = l.value * r.value
		high, low := bits.Mul64(magnitude(l.value), magnitude(r.value))
		fits = high == 0 && low <= math.MaxInt64
	}
	if !fits {
		return c.errorf(n.Location().From, diag.ExprOverflow, "", "the result is more than CDT can count")
	}
	if out.typ != number && out.value < 0 {
		return c.errorf(n.Location().From, diag.ExprOverflow, "", "the result is negative")
	}
	out.literal = out.typ == number
	return out
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// foreign refuses everything that expr-lang knows and this language does not.
func (c *checker) foreign(n ast.Node) operand {
	at := start(n)
	switch n := n.(type) {
	case *ast.NilNode:
		return c.errorf(at, diag.ExprNotAllowed, "every name has a value; compare texts with \"\"", "nil is not allowed")
	case *ast.FloatNode:
		return c.errorf(at, diag.ExprNotAllowed, "use a smaller unit: hours(36) for a day and a half", "only whole numbers are allowed")
	case *ast.BuiltinNode:
		return c.errorf(at, diag.ExprUnknown, diag.DidYouMean(n.Name, c.functions()), "unknown function %q", n.Name)
	case *ast.VariableDeclaratorNode:
		return c.errorf(at, diag.ExprNotAllowed, "write the value where it is used", "let is not allowed")
	case *ast.SequenceNode:
		return c.errorf(at, diag.ExprNotAllowed, "an expression is one value", "several expressions are not allowed")
	case *ast.ChainNode:
		return c.errorf(at, diag.ExprNotAllowed, "write a plain dot", "?. is not allowed")
	case *ast.BinaryNode:
		hints := map[string]string{
			"matches": "use startsWith, endsWith, contains or in", "..": "use >= and <=", "??": "every name has a value",
			"/": "multiply the other side instead", "%": "", "**": "", "^": "",
		}
		return c.errorf(n.Location().From, diag.ExprNotAllowed, hints[n.Operator], "%s is not allowed", n.Operator)
	}
	return c.errorf(at, diag.ExprNotAllowed, "", "this is not part of the language of expressions")
}
