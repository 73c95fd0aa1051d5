package graph

import (
	"encoding/hex"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// Options say what this version can carry out. A nil list means that nothing
// is known about it, and no note is made.
type Options struct {
	Transports []string // words of `transport`
	Storages   []string // disk, s3, tape
}

// pass is one step of [Compile]. Passes do not stop each other: all problems
// of a run are reported at once.
type pass struct {
	name string
	run  func(*compiler)
}

// passes are the steps of [Compile], in order. Each may rely on those before it.
func passes() []pass {
	return []pass{
		{"sites and their locations", (*compiler).sitesAndLocations},
		{"one root for one location", (*compiler).distinctRoots},
		{"links", (*compiler).links},
		{"sets", (*compiler).sets},
		{"routes and their stages", (*compiler).routes},
		{"former names", (*compiler).formerNames},
		{"places of the stages", (*compiler).places},
		{"moves", (*compiler).moves},
		{"sources", (*compiler).sources},
		{"order of the stages", (*compiler).order},
		{"expressions and windows", (*compiler).expressions},
		{"settings by stage type", (*compiler).settings},
		{"wanted places and their ways", (*compiler).wanted},
		{"retention", (*compiler).retention},
		{"safety", (*compiler).safety},
		{"defaults of buffers", (*compiler).buffers},
		{"drivers", (*compiler).drivers},
	}
}

// Compile resolves, orders and proves a set of routes. It returns nil if there
// is an error in the list. The set may be one whose parse has failed: what can
// be said about the rest is said.
func Compile(set *route.Set, specs []stages.Spec, o Options) (*Graph, *diag.List) {
	c := newCompiler(set, specs, o)
	for _, p := range passes() {
		p.run(c)
	}
	if c.list.Failed() {
		return nil, c.list
	}
	return c.g, c.list
}

// compiler is the state that the passes share.
type compiler struct {
	in    *route.Set
	specs []stages.Spec
	o     Options
	list  *diag.List
	g     *Graph
	sites map[string]*Site
	named map[string]*route.Named // sets
	about map[*Stage]*about
	from  map[*Route]*route.Route
	stops []stop
	// doubt: something on which moves depend is not known, and was reported.
	// Nothing is concluded from a missing move then.
	doubt bool
	// gap: a missing move or way was reported; what follows from it is not reported too.
	gap bool
}

// about is what the compiler knows of a stage beside the graph.
type about struct {
	in       *route.Stage
	spec     stages.Spec
	from, to []*Location
}

// stop is a pair that is no move because of a storage that is read and written only within its site.
type stop struct {
	stage    *Stage
	from, to *Location
	at       diag.Place
	within   *Location // whose storage it is
}

func newCompiler(set *route.Set, specs []stages.Spec, o Options) *compiler {
	digest := set.Digest()
	return &compiler{
		in: set, specs: specs, o: o, list: &diag.List{},
		g:     &Graph{Digest: opsdb.Digest(hex.EncodeToString(digest[:])), Locations: map[string]*Location{}, Links: map[string]*Link{}, Sets: map[string][]*Location{}},
		sites: map[string]*Site{}, named: map[string]*route.Named{}, about: map[*Stage]*about{}, from: map[*Route]*route.Route{},
	}
}

// settled reports whether conclusions can be drawn from the moves there are.
func (c *compiler) settled() bool { return !c.doubt && !c.gap }

// names are what expressions may name.
func (c *compiler) names() expr.Names {
	return expr.Names{Locations: c.locationNames(), Sets: c.setNames()}
}

// StageTypes are the types of a registry as the parser takes them.
func StageTypes(specs []stages.Spec) []route.StageType {
	var out []route.StageType
	for _, s := range specs {
		if !s.Compiled {
			out = append(out, route.StageType{Name: s.Type, Help: s.Help, Fields: fieldsOf(s.Takes())})
		}
	}
	return out
}

func fieldsOf(in []stages.Field) []route.Field {
	var out []route.Field
	for _, f := range in {
		r := route.Field{Name: f.Name, Type: route.FieldType(f.Type), Required: f.Required, Default: f.Default, Options: f.Options,
			Kind: f.Kind, Fields: fieldsOf(f.Fields), Help: f.Help, Example: f.Example, Later: f.Later, LaterOptions: f.LaterOptions}
		if f.Type == stages.Int {
			r.Min = 1
		}
		out = append(out, r)
	}
	return out
}
