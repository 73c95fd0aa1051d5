package graph

import (
	"slices"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/opsdb"
)

// wanted proves that every wanted place has a way from a source, and lists the
// archives of each route.
func (c *compiler) wanted() {
	broken := false
	for _, r := range c.g.Routes {
		w := c.waysOf(r)
		for _, s := range r.Stages {
			if s.Wants {
				broken = c.waysTo(r, s, w) || broken
			}
		}
	}
	c.reportStops()
	c.gap = c.gap || broken
}

// ways are the places a route can bring packages to, by source.
type ways struct {
	sources []*Location
	reached map[*Location][]*Location // source → places, itself first
}

// waysOf follows the moves of a route from each of its sources. Sites that are
// planned or lost are no part of a way, but for what lies between a source there and the way out:
// a site that is lost must not make the routes of the others wrong.
func (c *compiler) waysOf(r *Route) ways {
	w := ways{reached: map[*Location][]*Location{}}
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if m.From.Type == opsdb.Source && !slices.Contains(w.sources, m.From) {
				w.sources = append(w.sources, m.From)
				w.reached[m.From] = reach(r, m.From)
			}
		}
	}
	return w
}

// reach lists the places a route can bring a package to from a place, itself first.
func reach(r *Route, start *Location) []*Location {
	usable := func(l *Location) bool {
		return l.active() || start.Type == opsdb.Source && l.Site == start.Site && l.Type != opsdb.Archive
	}
	next := map[*Location][]*Location{}
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if usable(m.From) && usable(m.To) {
				next[m.From] = append(next[m.From], m.To)
			}
		}
	}
	out, seen := []*Location{start}, map[*Location]bool{start: true}
	for i := 0; i < len(out); i++ {
		for _, l := range next[out[i]] {
			if !seen[l] {
				seen[l] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// active reports whether packages are brought to the location's site.
func (l *Location) active() bool { return l.Site.State == opsdb.SiteActive }

func (w ways) to(l *Location) []*Location {
	var out []*Location
	for _, s := range w.sources {
		if slices.Contains(w.reached[s], l) {
			out = append(out, s)
		}
	}
	return out
}

// waysTo checks the places that a stage makes wanted, and reports whether one has no way.
func (c *compiler) waysTo(r *Route, s *Stage, w ways) (broken bool) {
	for _, l := range c.about[s].to {
		from := w.to(l)
		if l.Type == opsdb.Archive && s.writes(l) {
			r.Archives = add(r.Archives, l)
		}
		switch {
		case !c.settled(): // reported
		case l.Site.State == opsdb.SiteLost:
		case l.Site.State == opsdb.SitePlanned:
			if !s.writes(l) {
				c.list.Warnf(c.toAt(s, l), diag.NoWay, c.whyNoWay(l), "%s will be wanted once its site is active, and no move of the stage %s leads there", l.Name, s.Name)
			}
		case len(from) == 0:
			broken = true
			c.list.Errorf(c.toAt(s, l), diag.NoWay, c.whyNoWay(l), "%s is wanted, and there is no way to it from a source", l.Name)
		case len(from) < len(w.sources) && s.When == nil:
			broken = true
			missing := slices.DeleteFunc(slices.Clone(w.sources), func(x *Location) bool { return slices.Contains(from, x) })
			c.list.Errorf(c.toAt(s, l), diag.NoWay, "add moves, or say with `when` which packages are wanted there", "%s is wanted, and there is no way to it from %s", l.Name, missing[0].Name)
		}
	}
	return broken
}

func (c *compiler) whyNoWay(l *Location) string {
	for _, p := range c.stops {
		if p.to == l || p.from == l {
			return p.needed()
		}
	}
	return "a package must come to a buffer in " + l.Site.Name + " first, by a link and a transfer"
}

// toAt is where the stage names a location in `to`, itself or by a set.
func (c *compiler) toAt(s *Stage, l *Location) diag.Place {
	in := c.about[s].in
	for _, v := range in.To.V {
		if v.V == l.Name || slices.Contains(c.g.Sets[v.V], l) {
			return v.At
		}
	}
	return in.At
}

// reportStops says where a stop at a buffer is missing, unless other moves of the route make it.
func (c *compiler) reportStops() {
	for _, p := range c.stops {
		if !c.settled() || !p.from.active() || !p.to.active() || slices.Contains(reach(p.stage.Route, p.from), p.to) {
			continue
		}
		c.list.Warnf(p.at, diag.NeedsStop, p.needed(), "%s → %s is no move of the stage %s, and no other way leads there", p.from.Name, p.to.Name, p.stage.Name)
	}
}
