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
	for _, s := range c.in.Sets {
		if c.named[s.Name] != s {
			continue
		}
		c.distinct(s)
		c.g.Sets[s.Name] = c.members(s, nil)
		if len(s.List.V) == 0 && s.List.Set {
			c.list.Errorf(s.At, diag.EmptySet, "name at least one location", "the set %s is empty", s.Name)
			c.doubt = true
		}
	}
}

// distinct reports a name that stands twice in one set.
func (c *compiler) distinct(s *route.Named) {
	for i, v := range s.List.V {
		for _, before := range s.List.V[:i] {
			if before.V == v.V {
				c.list.Errorf(v.At, diag.TwiceInSet, "", "%s stands twice in the set %s", v.V, s.Name)
				break
			}
		}
	}
}

// members are the locations of a set in order; within are the sets one comes from.
func (c *compiler) members(s *route.Named, within []string) []*Location {
	var out []*Location
	within = append(slices.Clone(within), s.Name)
	for _, v := range s.List.V {
		inner := c.named[v.V]
		switch {
		case c.g.Locations[v.V] != nil:
			out = add(out, c.g.Locations[v.V])
		case inner == nil:
			if len(within) == 1 { // else reported where the inner set is resolved
				c.unknownPlace(v)
			}
		case slices.Contains(within, v.V):
			if within[0] == v.V && v.V == slices.Min(within) { // once for each circle
				c.list.Errorf(v.At, diag.SetInItself, "", "the set %s contains itself: %s → %s", v.V, strings.Join(within, " → "), v.V)
				c.doubt = true
			}
		default:
			out = add(out, c.members(inner, within)...)
		}
	}
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
