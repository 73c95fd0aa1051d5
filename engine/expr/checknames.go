package expr

import (
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/ccatobs/cdt/engine/diag"
)

func (c *checker) identifier(n *ast.IdentifierNode) operand {
	return c.name(n.Value, start(n), start(n))
}

func (c *checker) member(n *ast.MemberNode) operand {
	base, ok := n.Node.(*ast.IdentifierNode)
	property, dotted := n.Property.(*ast.StringNode)
	if !ok || !dotted || n.Optional {
		return c.errorf(start(n), diag.ExprNotAllowed, "write package.name", "only the fields of a name can be read")
	}
	return c.name(base.Value+"."+property.Value, start(base), property.Location().From)
}

// name looks up a path like "package.age"; field is where its last part stands.
func (c *checker) name(path string, from, field int) operand {
	n, ok := c.known[path]
	if !ok {
		return c.unknown(path, from, field)
	}
	if !slices.Contains(n.kinds, c.kind) {
		return c.errorf(from, diag.ExprNotHere, c.elsewhere(path), "%s cannot be used in %s", path, c.kind)
	}
	c.reads.names = append(c.reads.names, n)
	if n.path == "archived" && c.kind == Delete && c.within == 0 {
		return c.errorf(from, diag.ExprArchived, "for example: archived >= 2", "in retention archived is compared with >= or > and nothing else")
	}
	return operand{typ: n.typ, name: &n, from: from}
}

func (c *checker) elsewhere(path string) string {
	head, _, _ := strings.Cut(path, ".")
	switch {
	case c.kind == Delete && (head == "from" || head == "to" || head == "link"):
		return "in retention the location is called here"
	case head == "age" && c.kind == Close:
		return "did you mean group.age or group.idle?"
	case head == "package" && (c.kind == Select || c.kind == Close):
		return "did you mean " + strings.Replace(path, "package", "group", 1) + "?"
	case head == "group" && c.kind == Select:
		return "select looks at group.{instrument,module,program,observation,tags}"
	case head == "group":
		return "did you mean " + strings.Replace(path, "group", "package", 1) + "?"
	}
	return "names for " + string(c.kind) + ": " + strings.Join(c.heads(), ", ")
}

// unknown reports a name that is not in the language, as nearly as it can be told.
func (c *checker) unknown(path string, from, field int) operand {
	head, last, dotted := strings.Cut(path, ".")
	if f := slices.IndexFunc(allFunctions(), func(f function) bool { return f.name == path }); f >= 0 {
		return c.errorf(from, diag.ExprCall, "write "+path+"(…)", "%s is a function", path)
	}
	fields := c.fields(head)
	switch {
	case dotted && len(fields) > 0:
		return c.errorf(field, diag.ExprUnknown, diag.DidYouMean(last, fields), "%s has no field %q", head, last)
	case dotted && c.known[head].typ != bad:
		return c.errorf(field, diag.ExprUnknown, "", "%s has no fields", head)
	case len(fields) > 0:
		return c.errorf(from, diag.ExprUnknown, "fields: "+strings.Join(fields, ", "), "%s is no value; name one of its fields", head)
	}
	hint := "names: " + strings.Join(c.heads(), ", ") + `; a text stands in quotes: "` + head + `"`
	if near := diag.Nearest(head, c.words()); near != "" {
		hint = "did you mean " + near + "?"
	}
	return c.errorf(from, diag.ExprUnknown, hint, "unknown name %q", head)
}

// fields are the fields of a name like `package`, in the order of the table.
func (c *checker) fields(head string) []string {
	var out []string
	for _, n := range allNames() {
		if h, f, ok := strings.Cut(n.path, "."); ok && h == head {
			out = append(out, f)
		}
	}
	return out
}

// heads are the first words of all names that may stand in this kind.
func (c *checker) heads() []string {
	var out []string
	for _, n := range allNames() {
		if head, _, _ := strings.Cut(n.path, "."); slices.Contains(n.kinds, c.kind) && !slices.Contains(out, head) {
			out = append(out, head)
		}
	}
	return out
}

// words are all words that may begin a name or a call in this kind.
func (c *checker) words() []string {
	out := c.heads()
	for _, f := range allFunctions() {
		if slices.Contains(f.kinds, c.kind) {
			out = append(out, f.name)
		}
	}
	return append(out, "true", "false")
}

func (c *checker) call(n *ast.CallNode) operand {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.errorf(start(n), diag.ExprNotAllowed, "", "methods cannot be called")
	}
	from := start(n)
	all := allFunctions()
	i := slices.IndexFunc(all, func(f function) bool { return f.name == callee.Value })
	switch {
	case i < 0 && c.known[callee.Value].typ != bad:
		return c.errorf(from, diag.ExprCall, "write "+callee.Value, "%s is no function", callee.Value)
	case i < 0:
		return c.errorf(from, diag.ExprUnknown, diag.DidYouMean(callee.Value, c.functions()), "unknown function %q", callee.Value)
	case !slices.Contains(all[i].kinds, c.kind):
		return c.errorf(from, diag.ExprNotHere, "", "%s cannot be used in %s", callee.Value, c.kind)
	case len(n.Arguments) != 1:
		return c.errorf(from, diag.ExprCall, "for example: "+all[i].example(), "%s takes one argument, not %d", callee.Value, len(n.Arguments))
	}
	if all[i].arg == text {
		return c.named(all[i], n.Arguments[0], from)
	}
	return c.unit(all[i], n.Arguments[0], from)
}

func (c *checker) functions() []string {
	var out []string
	for _, f := range allFunctions() {
		if slices.Contains(f.kinds, c.kind) {
			out = append(out, f.name)
		}
	}
	return out
}

func (f function) example() string {
	switch f.name {
	case "at":
		return `at("cologne.lta")`
	case "archived_all":
		return `archived_all("archives")`
	case "cron":
		return `cron("* 20-23 * * *")`
	}
	return f.name + "(10)"
}

// unit is days(14), GB(50): a whole number as written, times a unit.
func (c *checker) unit(f function, arg ast.Node, from int) operand {
	n, ok := arg.(*ast.IntegerNode)
	if !ok || n.Value < 0 {
		return c.errorf(start(arg), diag.ExprLiteral, "for example: "+f.example(), "%s takes a whole number as it is written", f.name)
	}
	if int64(n.Value) > math.MaxInt64/f.unit {
		return c.errorf(start(arg), diag.ExprOverflow, "write a smaller number", "%s(%d) is more than CDT can count", f.name, n.Value)
	}
	return operand{typ: f.typ, constant: true, value: int64(n.Value) * f.unit, from: from}
}

// named is at("…"), archived_all("…") or cron("…").
func (c *checker) named(f function, arg ast.Node, from int) operand {
	s, ok := arg.(*ast.StringNode)
	if !ok {
		return c.errorf(start(arg), diag.ExprLiteral, "for example: "+f.example(), "%s takes a text as it is written", f.name)
	}
	inside := start(arg) + 1
	switch f.name {
	case "at":
		if !slices.Contains(c.names.Locations, s.Value) {
			return c.errorf(inside, diag.ExprUnknown, diag.DidYouMean(s.Value, c.names.Locations), "unknown location %q", s.Value)
		}
		c.reads.locations = append(c.reads.locations, s.Value)
	case "archived_all":
		if !slices.Contains(c.names.Sets, s.Value) {
			return c.errorf(inside, diag.ExprUnknown, diag.DidYouMean(s.Value, c.names.Sets), "unknown set %q", s.Value)
		}
		c.reads.sets = append(c.reads.sets, s.Value)
	case "cron":
		w, err := ParseWindow(s.Value)
		if err != nil {
			return c.errorf(inside, diag.ExprCron, `for example: cron("* 20-23 * * *")`, "%v", err)
		}
		c.windows[s.Value] = w
		c.reads.cron = true
	}
	return operand{typ: boolean, from: from}
}
