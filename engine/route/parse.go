package route

import (
	"bytes"
	"maps"
	"os"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// Options are what a parse needs to know beside the texts.
type Options struct {
	// Env looks up ${VAR}; os.LookupEnv if nil.
	Env func(name string) (value string, ok bool)
	// StageTypes are the types a stage may have.
	StageTypes []StageType
}

// Parse reads texts by file name as one set. The order of the files is that of
// their names. It always returns a set, with what could be read, and all
// problems; the set may be used only if the list has not failed.
func Parse(files map[string][]byte, o Options) (*Set, *diag.List) {
	set, list := &Set{}, &diag.List{}
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		set.Files = append(set.Files, File{name, bytes.Clone(files[name])})
		p := parser{set: set, types: o.StageTypes}
		p.file(name, files[name], o, list)
	}
	set.once(list)
	if len(set.Sites)+len(set.Links)+len(set.Sets)+len(set.Routes) == 0 && !list.Failed() {
		nothing(set.first(), list)
	}
	return set, list
}

func nothing(at diag.Place, list *diag.List) {
	list.Errorf(at, codeNothing, "write sites, links and routes into *.yaml files", "there are no routes here")
}

// first is the place to blame for what is nowhere.
func (s *Set) first() diag.Place {
	if len(s.Files) == 0 {
		return diag.Place{}
	}
	return diag.Place{File: s.Files[0].Name}
}

// parser reads one file into the set.
type parser struct {
	decoder
	set   *Set
	types []StageType
}

func (p *parser) file(name string, data []byte, o Options, list *diag.List) {
	src, ok := newSource(name, data, list)
	if !ok {
		return
	}
	root := src.tree(list)
	if root == nil || root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return
	}
	p.decoder = decoder{src: src, list: list, env: o.Env}
	top := p.object(root, topFields(), "a file of routes", src.whole())
	p.version(top)
	for _, e := range top.Entries("sites") {
		p.set.Sites = append(p.set.Sites, p.site(e))
	}
	for _, e := range top.Entries("links") {
		p.set.Links = append(p.set.Links, p.link(e))
	}
	for _, e := range top.Entries("sets") {
		p.set.Sets = append(p.set.Sets, &Named{e.Key.V, e.Key.At, p.words(e.node, Field{Name: "set " + e.Key.V})})
	}
	for _, e := range top.Entries("routes") {
		p.set.Routes = append(p.set.Routes, p.route(e))
	}
}

// version checks that a version, if written, stands first and is the one there is.
func (p *parser) version(top Fields) {
	const known = 1
	v := top.Int("version")
	if !top.Has("version") {
		return
	}
	if v.Set && v.V != known {
		p.list.Errorf(v.At, codeVersion, "write version: 1", "version %d of the language is not known", v.V)
	}
	if top.Keys[0].V != "version" {
		i := slices.IndexFunc(top.Keys, func(k Value[string]) bool { return k.V == "version" })
		p.list.Errorf(top.Keys[i].At, codeNotFirst, "move it to the top of the file", "version stands first, if it is written")
	}
}

func (p *parser) site(e Entry) *Site {
	f := e.Fields
	s := &Site{
		Name: e.Key.V, At: e.Key.At,
		Title: f.String("name"), State: f.String("state"),
		SendOnce: f.Bool("send_once"), SendAgainAfter: f.Duration("send_again_after"),
	}
	for _, l := range f.Entries("locations") {
		s.Locations = append(s.Locations, p.location(l))
	}
	return s
}

func (p *parser) location(e Entry) *Location {
	f := e.Fields
	l := &Location{
		Name: e.Key.V, At: e.Key.At,
		Title: f.String("name"), Type: f.String("type"),
		S3: f.Object("s3"), Tape: f.Object("tape"),
		Capacity: f.Size("capacity"), Reserve: f.Size("reserve"), Ahead: f.Size("ahead"),
		Backfill: f.Int("backfill"), AtOnce: f.Int("at_once"),
		Layout: f.Text("layout"), Ignore: f.List("ignore"),
		Final: Final{f.Object("final").String("by"), f.Object("final").Duration("after")},
	}
	p.storage(l, f)
	return l
}

// storage finds which of the storages is written; there has to be exactly one.
func (p *parser) storage(l *Location, f Fields) {
	for _, k := range f.Keys {
		if k.V != "disk" && k.V != "s3" && k.V != "tape" {
			continue
		}
		if l.Storage.Set {
			p.list.Errorf(k.At, codeStorage, "make it two locations", "location %s has %s already", l.Name, l.Storage.V)
			continue
		}
		l.Storage = Value[string]{k.V, k.At, true}
		l.Path = f.Object(k.V).String("path")
	}
	if !l.Storage.Set && f.Set {
		p.list.Errorf(l.At, codeStorage, "for example disk: {path: /data/"+l.Name+"}", "location %s needs disk, s3 or tape", l.Name)
	}
}

func (p *parser) link(e Entry) *Link {
	f := e.Fields
	l := &Link{
		At: f.At, From: f.String("from"), To: f.String("to"), Transport: f.String("transport"),
		Bandwidth: f.Size("bandwidth"), RTT: f.Duration("rtt"), AtOnce: f.Int("at_once"),
		Cost: f.Number("cost"), Driver: f.String("driver"), Share: f.Int("share"),
		Options: f.Object(f.String("transport").V),
	}
	for _, limit := range f.Entries("limits") {
		g := limit.Fields
		l.Limits = append(l.Limits, Limit{g.At, g.Text("window"), g.Size("rate")})
	}
	for _, k := range f.Keys {
		if known, _ := field(linkFields(), k.V); known.Type == Object && k.V != l.Transport.V && l.Transport.Set {
			p.list.Warnf(k.At, codeOtherLink, "leave them out, or name the transport they are for", "the link uses %s, so the settings of %s do nothing", l.Transport.V, k.V)
		}
	}
	return l
}

func (p *parser) route(e Entry) *Route {
	f := e.Fields
	r := &Route{
		Name: e.Key.V, At: e.Key.At,
		Description: f.String("description"), Formerly: f.List("formerly"), State: f.String("state"),
		Retention: p.retention(f.Object("retention")),
	}
	for _, s := range f.Entries("stages") {
		r.Stages = append(r.Stages, p.stage(s))
	}
	return r
}

func (p *parser) retention(f Fields) Retention {
	brake := f.Object("brake")
	r := Retention{
		At: f.At, Set: f.Set, Require: f.Int("require_archived"),
		Fresh: f.Duration("fresh"), Grace: f.Duration("grace"),
		Bytes: brake.Size("bytes"), Packages: brake.Int("packages"),
	}
	for _, e := range f.Entries("locations") {
		pressure := e.Fields.Object("pressure")
		rule := &Rule{
			Place: e.Key.V, At: e.Key.At, When: e.Fields.Text("delete_when"),
			Above: pressure.Int("above"), Until: pressure.Int("until"),
		}
		if pressure.Set {
			rule.Pressure = pressure.At
		}
		r.Rules = append(r.Rules, rule)
	}
	return r
}
