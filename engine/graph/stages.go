package graph

import (
	"slices"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// routes makes the routes with their stages, as yet without places.
func (c *compiler) routes() {
	for _, in := range c.in.Routes {
		if slices.ContainsFunc(c.g.Routes, func(r *Route) bool { return r.Name == in.Name }) {
			continue
		}
		r := &Route{Name: in.Name, Description: in.Description.V, Formerly: in.Formerly.Names(), State: in.State.V, At: in.At}
		if r.State == "active" {
			r.State = ""
		}
		c.from[r] = in
		c.g.Routes = append(c.g.Routes, r)
		for _, s := range in.Stages {
			c.stage(r, s)
		}
	}
}

func (c *compiler) stage(r *Route, in *route.Stage) {
	i := slices.IndexFunc(c.specs, func(s stages.Spec) bool { return s.Type == in.Type.V && !s.Compiled })
	if i < 0 {
		c.doubt = true // the parser has reported the type
		return
	}
	s := &Stage{Route: r, Name: in.Name, Type: in.Type.V, Formerly: in.Formerly.Names(), Wanted: in.Wanted.V, Wants: in.Wanted.V || c.specs[i].Wants, Choose: in.Choose.V,
		AtOnce: in.AtOnce.V, Attempts: in.Attempts.V, At: in.At}
	if s.Attempts == 0 {
		s.Attempts = 8
	}
	r.Stages = append(r.Stages, s)
	c.about[s] = &about{in: in, spec: c.specs[i]}
}

// formerNames sees to it that a name means one route, and one stage of it.
func (c *compiler) formerNames() {
	taken := map[string]string{}
	for _, r := range c.g.Routes {
		taken[r.Name] = r.Name
	}
	for _, r := range c.g.Routes {
		c.former(c.from[r].Formerly, r.Name, taken, "route")
		names := map[string]string{}
		for _, s := range r.Stages {
			names[s.Name] = s.Name
		}
		for _, s := range r.Stages {
			c.former(c.about[s].in.Formerly, s.Name, names, "stage")
		}
	}
}

func (c *compiler) former(list route.List, name string, taken map[string]string, what string) {
	for _, v := range list.V {
		if other, ok := taken[v.V]; ok {
			c.list.Errorf(v.At, diag.FormerTaken, "in formerly stand names that are no longer in use", "%q names the %s %s already", v.V, what, other)
			continue
		}
		taken[v.V] = name
	}
}

// places resolves where each stage reads and writes, and checks the types of these places.
func (c *compiler) places() {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			a := c.about[s]
			if a.works() {
				a.from = c.placesOf(s, a.in.Here, "works at", a.spec.ToTypes)
				a.to = a.from
				continue
			}
			a.from = c.placesOf(s, a.in.From, "reads from", a.spec.FromTypes)
			a.to = c.placesOf(s, a.in.To, "writes to", a.spec.ToTypes)
		}
	}
}

// works reports whether the type works at places (`at`) instead of moving between them.
func (a *about) works() bool { return len(a.spec.FromTypes) == 0 }

func (c *compiler) placesOf(s *Stage, list route.List, does string, types []opsdb.LocationType) []*Location {
	var out []*Location
	for _, v := range list.V {
		for _, l := range c.resolve(route.List{V: []route.Value[string]{v}}) {
			if l.Type == "" || slices.Contains(types, l.Type) {
				out = add(out, l)
				continue
			}
			c.doubt = true
			c.list.Errorf(v.At, diag.WrongPlace, c.otherType(l, does), "a stage of type %s %s %s, and %s is %s", s.Type, does, or(types), l.Name, l.Type)
		}
	}
	c.doubt = c.doubt || len(list.V) == 0
	return out
}

// otherType names a stage type that could do what this one cannot.
func (c *compiler) otherType(l *Location, does string) string {
	for _, spec := range c.specs {
		if does == "writes to" && !spec.Compiled && len(spec.FromTypes) > 0 && slices.Contains(spec.ToTypes, l.Type) {
			return "a stage of type " + spec.Type + " writes there"
		}
		if does == "reads from" && slices.Contains(spec.FromTypes, l.Type) {
			return "a stage of type " + spec.Type + " reads there"
		}
	}
	return ""
}

func or(types []opsdb.LocationType) string {
	out := ""
	for i, t := range types {
		switch {
		case i > 0 && i == len(types)-1:
			out += " or "
		case i > 0:
			out += ", "
		}
		out += string(t)
	}
	return out
}
