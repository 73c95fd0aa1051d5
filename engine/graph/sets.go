package graph

import (
	"maps"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
)

// sets resolves the sets; a set may name other sets.
func (c *compiler) sets() {
	for _, s := range c.in.Sets {
		if c.named[s.Name] == nil {
			c.named[s.Name] = s
		}
	}
	for _, name := range c.setNames() {
		c.distinct(c.named[name])
		c.members(c.named[name], nil)
	}
}

// distinct reports a name that stands twice in one set.
func (c *compiler) distinct(s *route.Named) {
	for i, v := range s.List.V {
		for _, before := range s.List.V[:i] {
			if before.V == v.V {
				c.list.Errorf(v.At, diag.TwiceInSet, "leave one of them out", "%s stands twice in the set %s", v.V, s.Name)
				break
			}
		}
	}
}

// members resolves a set once; within are the sets that name it, from the outside in.
func (c *compiler) members(s *route.Named, within []string) []*Location {
	if done, ok := c.g.Sets[s.Name]; ok {
		return done
	}
	within = append(slices.Clone(within), s.Name)
	out := []*Location{}
	for _, v := range s.List.V {
		inner := c.named[v.V]
		switch {
		case c.g.Locations[v.V] != nil:
			out = add(out, c.g.Locations[v.V])
		case inner == nil:
			c.unknownPlace(v)
		case slices.Contains(within, v.V):
			circle := append(within[slices.Index(within, v.V):len(within):len(within)], v.V)
			c.list.Errorf(v.At, diag.SetInItself, "name the locations themselves in one of them", "the set %s contains itself: %s", v.V, strings.Join(circle, " → "))
			c.doubt = true
		default:
			out = add(out, c.members(inner, within)...)
		}
	}
	if len(s.List.V) == 0 && s.List.Set {
		c.list.Errorf(s.At, diag.EmptySet, "name at least one location", "the set %s is empty", s.Name)
		c.doubt = true
	}
	c.g.Sets[s.Name] = out
	return out
}

func add(list []*Location, more ...*Location) []*Location {
	for _, l := range more {
		if !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// resolve returns the locations that a list of locations and sets names, each once, in order.
func (c *compiler) resolve(list route.List) []*Location {
	var out []*Location
	for _, v := range list.V {
		switch {
		case c.g.Locations[v.V] != nil:
			out = add(out, c.g.Locations[v.V])
		case c.named[v.V] != nil:
			out = add(out, c.g.Sets[v.V]...)
		default:
			c.unknownPlace(v)
		}
	}
	return out
}

func (c *compiler) unknownPlace(v route.Value[string]) {
	c.doubt = true
	hint := diag.DidYouMean(v.V, append(c.locationNames(), c.setNames()...))
	if s := c.sites[v.V]; s != nil && len(s.Locations) > 0 {
		hint = "name a location of the site, as " + s.Locations[0].Name
	}
	c.list.Errorf(v.At, diag.UnknownPlace, hint, "unknown location or set %q", v.V)
}

func (c *compiler) setNames() []string { return slices.Sorted(maps.Keys(c.named)) }
