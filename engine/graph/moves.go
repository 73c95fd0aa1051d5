package graph

import (
	"slices"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/opsdb"
)

// maxPairs bounds the pairs (from, to) of one stage.
const maxPairs = 2500

// moves makes the moves of each stage: the pairs (from, to) that are one. The
// others are dropped.
func (c *compiler) moves() {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			c.movesOf(s)
			if len(s.Moves) == 0 && !c.doubt && !c.about[s].packs() {
				c.gap = true
				c.list.Errorf(s.At, diag.NoMoves, c.whyNone(s), "the stage %s has no moves: none of its places can be reached from another", s.Name)
			}
		}
	}
}

func (c *compiler) movesOf(s *Stage) {
	a := c.about[s]
	if a.works() {
		for _, l := range a.to {
			s.Moves = append(s.Moves, &Move{Stage: s, From: l, To: l})
		}
		return
	}
	if n := len(a.from) * len(a.to); n > maxPairs {
		c.doubt = true
		c.list.Errorf(s.At, diag.TooMany, "split it into several stages", "the stage %s has %d pairs of places; %d are allowed", s.Name, n, maxPairs)
		return
	}
	for _, from := range a.from {
		for _, to := range a.to {
			if m := c.move(s, from, to); m != nil {
				s.Moves = append(s.Moves, m)
			}
		}
	}
}

// packs reports whether the type reads sources; [compiler.sources] looks after these.
func (a *about) packs() bool { return slices.Contains(a.spec.FromTypes, opsdb.Source) }

// move returns the move of a pair, or nil if it is none.
func (c *compiler) move(s *Stage, from, to *Location) *Move {
	a := c.about[s]
	switch {
	case from == to:
		return nil
	case from.Site == to.Site:
		return &Move{Stage: s, From: from, To: to}
	case !a.spec.CrossesLinks:
		return nil
	}
	link := c.g.Links[opsdb.LinkName(from.Site.Name, to.Site.Name)]
	if link == nil {
		return nil
	}
	for _, l := range []*Location{from, to} {
		if l.Storage == opsdb.S3 || l.Storage == opsdb.Tape {
			c.stops = append(c.stops, stop{s, from, to, a.in.At, l})
			return nil
		}
	}
	return &Move{Stage: s, From: from, To: to, Link: link}
}

// whyNone says what keeps the pairs of a stage from being moves.
func (c *compiler) whyNone(s *Stage) string {
	for _, p := range c.stops {
		if p.stage == s {
			return p.needed()
		}
	}
	a := c.about[s]
	for _, from := range a.from {
		for _, to := range a.to {
			if from.Site != to.Site && a.spec.CrossesLinks {
				return "add a link from " + from.Site.Name + " to " + to.Site.Name
			}
			if from.Site != to.Site {
				return "a stage of type " + s.Type + " stays within a site; a transfer leads from " + from.Site.Name + " to " + to.Site.Name
			}
		}
	}
	return ""
}

// needed says where a stop is missing.
func (p stop) needed() string {
	return string(p.within.Storage) + " is read and written only within its site: " + p.within.Name + " needs a stop at a buffer in " + p.within.Site.Name
}

// sources checks that each source is packed, and by one stage of a route.
func (c *compiler) sources() {
	for _, r := range c.g.Routes {
		packs := map[*Location]*Stage{}
		for _, s := range r.Stages {
			for _, l := range c.about[s].from {
				if l.Type != opsdb.Source {
					continue
				}
				at := c.namedAt(s, l)
				if other := packs[l]; other != nil && other != s {
					c.list.Errorf(at, diag.SourceTwice, "tell files apart by select in another route, or by group_by", "%s is packed by the stage %s already; in one route a source belongs to one package stage", l.Name, other.Name)
					continue
				}
				packs[l] = s
				c.onePlace(s, l, at)
				if !s.reads(l) && !c.doubt {
					c.gap = true
					c.list.Errorf(at, diag.NoMoves, "name a buffer in "+l.Site.Name+" in `to`", "files at %s have no buffer at their site to be packed into", l.Name)
				}
			}
		}
	}
}

// onePlace sees to it that what a source gives is packed into one place.
func (c *compiler) onePlace(s *Stage, source *Location, at diag.Place) {
	var first *Location
	for _, m := range s.Moves {
		switch {
		case m.From != source:
		case first == nil:
			first = m.To
		default:
			c.list.Errorf(at, diag.TwoBuffers, "name one buffer of "+source.Site.Name+" in `to`", "files at %s would be packed into %s and %s; it must be one place", source.Name, first.Name, m.To.Name)
			return
		}
	}
}

// namedAt is where the stage names a location in `from`, itself or by a set.
func (c *compiler) namedAt(s *Stage, l *Location) diag.Place {
	in := c.about[s].in
	for _, v := range in.From.V {
		if v.V == l.Name {
			return v.At
		}
	}
	for _, v := range in.From.V {
		for _, m := range c.g.Sets[v.V] {
			if m == l {
				return v.At
			}
		}
	}
	return in.At
}

// reads reports whether the stage has a move out of the location.
func (s *Stage) reads(l *Location) bool {
	for _, m := range s.Moves {
		if m.From == l {
			return true
		}
	}
	return false
}

// writes reports whether the stage has a move into the location from another one.
func (s *Stage) writes(l *Location) bool {
	for _, m := range s.Moves {
		if m.To == l && m.From != l {
			return true
		}
	}
	return false
}
