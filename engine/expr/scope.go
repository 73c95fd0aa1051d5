package expr

import (
	"reflect"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
)

// scope is [Env] as the virtual machine sees it. Sizes are plain numbers here:
// the checker has already seen to it that they meet sizes only.
type scope struct {
	Package     packageScope      `expr:"package"`
	Group       groupScope        `expr:"group"`
	Archived    int               `expr:"archived"`
	Copies      int               `expr:"copies"`
	Age         time.Duration     `expr:"age"`
	Requested   bool              `expr:"requested"`
	Released    bool              `expr:"released"`
	From        placeScope        `expr:"from"`
	To          placeScope        `expr:"to"`
	Here        placeScope        `expr:"here"`
	Link        linkScope         `expr:"link"`
	Now         time.Time         `expr:"now"`
	At          func(string) bool `expr:"at"`
	ArchivedAll func(string) bool `expr:"archived_all"`
	Cron        func(string) bool `expr:"cron"`
}

type packageScope struct {
	ID          string        `expr:"id"`
	Name        string        `expr:"name"`
	Number      int           `expr:"number"`
	Bytes       int           `expr:"bytes"`
	Files       int           `expr:"files"`
	Age         time.Duration `expr:"age"`
	ObservedAt  time.Time     `expr:"observed_at"`
	Instrument  string        `expr:"instrument"`
	Module      string        `expr:"module"`
	Program     string        `expr:"program"`
	Observation string        `expr:"observation"`
	Tags        []string      `expr:"tags"`
}

type groupScope struct {
	Bytes       int           `expr:"bytes"`
	Files       int           `expr:"files"`
	Age         time.Duration `expr:"age"`
	Idle        time.Duration `expr:"idle"`
	Finished    bool          `expr:"finished"`
	Instrument  string        `expr:"instrument"`
	Module      string        `expr:"module"`
	Program     string        `expr:"program"`
	Observation string        `expr:"observation"`
	Tags        []string      `expr:"tags"`
}

type placeScope struct {
	Used int    `expr:"used"`
	Free int    `expr:"free"`
	Site string `expr:"site"`
	Type string `expr:"type"`
}

type linkScope struct {
	Up      bool `expr:"up"`
	Backlog int  `expr:"backlog"`
}

func (p *Program) scope(e *Env) scope {
	g := e.Group
	return scope{
		Package: p.packageScope(e), Archived: e.Archived, Copies: e.Copies, Age: e.Age,
		Group:     groupScope{int(g.Bytes.B), g.Files, g.Age, g.Idle, g.Finished, g.Instrument, g.Module, g.Program, g.Observation, g.Tags},
		Requested: e.Requested, Released: e.Released, Now: e.Now,
		From: scopeOf(e.From), To: scopeOf(e.To), Here: scopeOf(e.Here),
		Link: linkScope{e.Link.Up, int(e.Link.Backlog.B)},
		At:   orFalse(e.At), ArchivedAll: orFalse(e.ArchivedAll),
		Cron: func(s string) bool { return p.windows[s].Open(e.Now) },
	}
}

func (p *Program) packageScope(e *Env) packageScope {
	k := e.Package
	return packageScope{k.ID, k.Name, k.Number, int(k.Bytes.B), k.Files, k.Age, k.ObservedAt, k.Instrument, k.Module, k.Program, k.Observation, k.Tags}
}

func scopeOf(p Place) placeScope { return placeScope{int(p.Used.B), int(p.Free.B), p.Site, p.Type} }

func orFalse(f func(string) bool) func(string) bool {
	if f == nil {
		return func(string) bool { return false }
	}
	return f
}

// units replaces days(14), GB(50) and so on by their values before an
// expression is compiled; the checker has seen to it that they are literals.
type units struct{}

// Visit implements ast.Visitor.
func (units) Visit(n *ast.Node) {
	call, ok := (*n).(*ast.CallNode)
	if !ok || len(call.Arguments) != 1 {
		return
	}
	value, isUnit := constant(call)
	if !isUnit {
		return
	}
	i := slices.IndexFunc(allFunctions(), func(f function) bool { return f.name == call.Callee.String() })
	if allFunctions()[i].typ == duration {
		ast.Patch(n, &ast.ConstantNode{Value: time.Duration(value)})
		(*n).SetType(reflect.TypeFor[time.Duration]())
		return
	}
	ast.Patch(n, &ast.IntegerNode{Value: int(value)})
	(*n).SetType(reflect.TypeFor[int]())
}
