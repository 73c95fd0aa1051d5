package graph

import (
	"slices"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
)

// order finds which stages follow which, and sorts them: a stage after those
// it follows or needs, else as written.
func (c *compiler) order() {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			s.Follows = follows(r, s)
			c.needs(r, s)
		}
		r.Stages = c.sorted(r)
	}
}

// follows lists the stages that write what s reads. What is read from an
// archive starts there; a stage that reads and writes one set is one node.
func follows(r *Route, s *Stage) []*Stage {
	var out []*Stage
	for _, other := range r.Stages {
		if other == s {
			continue
		}
		for _, m := range s.Moves {
			if m.From.Type != opsdb.Archive && other.writes(m.From) {
				out = append(out, other)
				break
			}
		}
	}
	return out
}

func (c *compiler) needs(r *Route, s *Stage) {
	names := make([]string, len(r.Stages))
	for i, other := range r.Stages {
		names[i] = other.Name
	}
	for _, v := range c.about[s].in.Needs.V {
		i := slices.Index(names, v.V)
		switch {
		case v.V == s.Name:
			c.list.Errorf(v.At, diag.Cycle, "leave it out of its needs", "the stage %s needs itself", s.Name)
		case i < 0 && c.isStageName(r, v):
		case i < 0:
			c.list.Errorf(v.At, diag.UnknownStage, diag.DidYouMean(v.V, names), "the route %s has no stage %q", r.Name, v.V)
		case !slices.Contains(s.Needs, r.Stages[i]):
			s.Needs = append(s.Needs, r.Stages[i])
		}
	}
}

// isStageName reports whether the route has such a stage, which could not be read.
func (c *compiler) isStageName(r *Route, v route.Value[string]) bool {
	return slices.ContainsFunc(c.from[r].Stages, func(s *route.Stage) bool { return s.Name == v.V })
}

// sorted puts first what nothing holds back, in the order written. What is left is in a cycle.
func (c *compiler) sorted(r *Route) []*Stage {
	left, out := slices.Clone(r.Stages), []*Stage{}
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(s *Stage) bool { return blocker(s, left) == nil })
		if i < 0 {
			c.cycle(left)
			return append(out, left...)
		}
		out = append(out, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return out
}

// blocker is a stage among left that must come before s.
func blocker(s *Stage, left []*Stage) *Stage {
	for _, before := range slices.Concat(s.Needs, s.Follows) {
		if before != s && slices.Contains(left, before) {
			return before
		}
	}
	return nil
}

// cycle reports one cycle among stages of which each has a blocker.
func (c *compiler) cycle(left []*Stage) {
	var path []*Stage
	s := left[0]
	for !slices.Contains(path, s) {
		path = append(path, s)
		s = blocker(s, left)
	}
	path = path[slices.Index(path, s):]
	first := slices.MinFunc(path, func(a, b *Stage) int { return slices.Index(left, a) - slices.Index(left, b) })
	at := slices.Index(path, first)
	path = append(path[at:], path[:at]...)
	var names []string
	for _, p := range append(path, first) {
		names = append(names, p.Name)
	}
	slices.Reverse(names)
	c.list.Errorf(first.At, diag.Cycle, "stages that pass packages to and fro are one stage: from and to the same set", "the stages go round in a circle: %s", strings.Join(names, " → "))
}
