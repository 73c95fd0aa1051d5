package expr

import (
	"strings"

	exprlang "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
	"github.com/expr-lang/expr/vm"

	"github.com/ccatobs/cdt/engine/diag"
)

// The cost limits of an expression: what it may be long, and what it may use when it runs.
const (
	maxRunes  = 2000
	maxNodes  = 200
	maxMemory = 10_000 // expr's units: elements of lists made on the way
)

// Names are the locations and sets that at("…") and archived_all("…") may name.
type Names struct {
	Locations []string
	Sets      []string
}

// Where gives the place in a file of the rune at an offset (from 0) of a source text.
type Where func(offset int) diag.Place

// At is a [Where] for a text whose characters have no places of their own.
func At(p diag.Place) Where {
	return func(offset int) diag.Place {
		if p.Line != 0 {
			p := p
			p.Column += offset
			return p
		}
		return p
	}
}

// Compile reads, checks and compiles an expression. It adds every problem it
// finds to list and returns nil if there was one.
func Compile(kind Kind, source string, at Where, names Names, list *diag.List) *Program {
	c := &checker{kind: kind, names: names, at: at, list: list, windows: map[string]*Window{}, known: map[string]name{}}
	for _, n := range allNames() {
		c.known[n.path] = n
	}
	tree := c.parse(source)
	if tree == nil {
		return nil
	}
	c.result(tree)
	if c.failed {
		return nil
	}
	return c.program(source, tree)
}

// parse returns the syntax tree, or nil if there is none.
func (c *checker) parse(source string) ast.Node {
	if n := len([]rune(source)); n > maxRunes {
		c.errorf(0, diag.ExprTooLong, "split it into several stages or rules", "the expression has %d characters; %d are allowed", n, maxRunes)
		return nil
	}
	if strings.TrimSpace(source) == "" {
		c.errorf(0, diag.ExprSyntax, "leave the key out, or write true", "the expression is empty")
		return nil
	}
	if strings.Contains(source, "{{") {
		c.errorf(len([]rune(source[:strings.Index(source, "{{")])), diag.ExprNotAllowed, "write the names as they are: age >= days(14)", "expressions are no templates")
		return nil
	}
	if !c.tokens(source) {
		return nil
	}
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	tree, err := parser.ParseWithConfig(source, config)
	if err != nil {
		c.syntax(source, err)
		return nil
	}
	if left := maxNodes; !affordable(tree.Node, &left) {
		c.tooManyParts()
		return nil
	}
	return tree.Node
}

// affordable counts the parts as a walk meets them. The parser shares parts
// (`a < b < c`, `a ?: b`), so that a short text can be a walk without end.
func affordable(n ast.Node, left *int) bool {
	*left--
	if *left < 0 {
		return false
	}
	for _, child := range children(n) {
		if !affordable(child, left) {
			return false
		}
	}
	return true
}

func children(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.CallNode:
		return append([]ast.Node{n.Callee}, n.Arguments...)
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.ArrayNode:
		return n.Nodes
	}
	return nil // a leaf, or refused as a whole
}

// tokens refuses what leaves no trace in the tree.
func (c *checker) tokens(source string) bool {
	tokens, err := lexer.Lex(file.NewSource(source))
	if err != nil {
		c.syntax(source, err)
		return false
	}
	for _, t := range tokens {
		if t.Is(lexer.Operator, "|") {
			c.errorf(t.From, diag.ExprNotAllowed, "`or` is written ||", "pipes are not allowed")
			return false
		}
		if t.Is(lexer.Operator, "::") {
			c.errorf(t.From, diag.ExprNotAllowed, "", "`::` is not allowed")
			return false
		}
	}
	return true
}

// program compiles what the checker has found good.
func (c *checker) program(source string, tree ast.Node) *Program {
	p := &Program{kind: c.kind, source: source, tree: tree, reads: c.reads.sorted(c.kind), windows: c.windows, timed: c.timed, archived: c.archived}
	var err error
	if p.whole, err = c.machine(source, c.kind != Priority); err != nil {
		c.errorf(0, diag.ExprSyntax, "", "%v", err)
		return nil
	}
	for _, l := range c.leaves {
		code, err := c.machine(l.node.String(), l.boolean)
		if err != nil {
			c.errorf(l.from, diag.ExprSyntax, "", "%v", err)
			return nil
		}
		p.leaves = append(p.leaves, leaf{text: l.node.String(), reads: l.reads, boolean: l.boolean, code: code})
	}
	return p
}

func (c *checker) machine(source string, yieldsBool bool) (*vm.Program, error) {
	options := []exprlang.Option{exprlang.Env(scope{}), exprlang.DisableAllBuiltins(), exprlang.MaxNodes(2 * maxNodes), exprlang.Patch(units{})}
	if yieldsBool {
		options = append(options, exprlang.AsBool())
	} else {
		options = append(options, exprlang.AsInt())
	}
	return exprlang.Compile(source, options...)
}
