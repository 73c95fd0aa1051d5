package graph

import (
	"slices"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
)

// safety proves that no rule of a route could break S1 (design, S13).
func (c *compiler) safety() {
	for _, r := range c.g.Routes {
		in := c.from[r].Retention
		for _, rule := range r.Retention.Rules {
			c.mayDelete(r, rule)
		}
		if !c.settled() {
			continue
		}
		if c.aim(r); len(r.Retention.Rules) > 0 || in.Require.Set {
			c.enoughArchives(r, in)
		}
		for _, rule := range r.Retention.Rules {
			c.canHold(r, rule)
		}
	}
}

// mayDelete refuses rules where nothing may ever be deleted.
func (c *compiler) mayDelete(r *Route, rule *Rule) {
	l := rule.Location
	if l.Type == opsdb.Archive {
		c.list.Errorf(rule.At, diag.RuleAtArchive, "leave it out: archives keep everything", "%s is a long-term archive: nothing is ever deleted there", l.Name)
		return
	}
	for _, s := range r.Stages {
		if s.Wanted && s.writes(l) {
			c.list.Errorf(rule.At, diag.RuleAtWanted, "leave out the rule, or `wanted: true` of the stage "+s.Name, "%s is a wanted place, so nothing may be deleted there", l.Name)
		}
	}
}

// aim warns of a route that wants nothing anywhere.
func (c *compiler) aim(r *Route) {
	for _, s := range r.Stages {
		if s.Wants && len(s.Moves) > 0 {
			return
		}
	}
	c.list.Warnf(r.At, diag.WantsNothing, "add an archive stage, or `wanted: true` to a stage", "the route %s wants packages nowhere, so it moves none", r.Name)
}

// enoughArchives proves that from every source as many archive sites can be
// reached as a deletion requires.
func (c *compiler) enoughArchives(r *Route, in route.Retention) {
	w := c.waysOf(r)
	at := in.At
	if in.Require.Set {
		at = in.Require.At
	}
	if len(w.sources) == 0 && len(sitesOf(r.Archives)) == 0 {
		c.list.Errorf(at, diag.NoArchive, "add an archive stage, or leave the retention out", "the route %s has a retention, and no way from a source to an archive", r.Name)
		return
	}
	for _, source := range w.sources {
		archives := slices.DeleteFunc(slices.Clone(w.reached[source]), func(l *Location) bool { return !slices.Contains(r.Archives, l) })
		switch n := len(sitesOf(archives)); {
		case n == 0:
			c.list.Errorf(at, diag.NoArchive, "add a way from there to an archive, or leave the retention out", "the route %s has a retention, and no way from %s to an archive", r.Name, source.Name)
		case n < r.Retention.Require:
			c.list.Errorf(at, diag.RequireArchived, "lower it, or add an archive at another site",
				"require_archived is %d, and from %s archives at %d site(s) can be reached: %s", r.Retention.Require, source.Name, n, siteNames(archives))
		}
	}
}

func siteNames(list []*Location) string {
	var out []string
	for _, l := range list {
		if !slices.Contains(out, l.Site.Name) {
			out = append(out, l.Site.Name)
		}
	}
	return strings.Join(out, ", ")
}

// canHold warns of rules that can never hold, so that a place would fill up.
func (c *compiler) canHold(r *Route, rule *Rule) {
	if rule.When == nil {
		return
	}
	if n, sites := rule.When.Floor(), len(sitesOf(r.Archives)); n > sites {
		c.list.Warnf(rule.At, diag.NeverHolds, "ask for fewer, or add an archive at another site", "the rule for %s asks for %d archives, and the route has them at %d site(s)", rule.Location.Name, n, sites)
	}
	reads := rule.When.Reads()
	for _, name := range reads.Locations {
		if l := c.g.Locations[name]; l != nil && !r.touches(l) {
			c.list.Warnf(rule.At, diag.NeverHolds, "ask for a copy where the route brings one", "the rule for %s asks for a copy at %s, and the route brings none there", rule.Location.Name, name)
		}
	}
	for _, set := range reads.Sets {
		for _, l := range c.g.Sets[set] {
			if !r.touches(l) {
				c.list.Warnf(rule.At, diag.NeverHolds, "ask for a set of places to which the route brings copies", "the rule for %s asks for copies at all of %s, and the route brings none to %s", rule.Location.Name, set, l.Name)
			}
		}
	}
}
