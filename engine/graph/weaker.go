package graph

import (
	"fmt"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// Weaker compares two revisions and lists, for a person, what new makes
// deletable that old did not, and where it lowers require_archived. It is
// careful: what it cannot prove to be at least as strict is listed (design, S13).
func Weaker(old, new *Graph) []string {
	w := weakening{old: old, new: new}
	for _, r := range new.Routes {
		before := old.route(r)
		w.required(before, r)
		for _, rule := range r.Retention.Rules {
			w.rule(before, r, rule)
		}
	}
	for _, r := range old.Routes {
		w.selection(r, new.successor(r))
	}
	return w.found
}

type weakening struct {
	old, new *Graph
	found    []string
}

func (w *weakening) add(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(w.found, s) {
		w.found = append(w.found, s)
	}
}

// route finds what a route of a newer revision was, by its name or a former one.
func (g *Graph) route(newer *Route) *Route {
	for _, r := range g.Routes {
		if r.Name == newer.Name || slices.Contains(newer.Formerly, r.Name) {
			return r
		}
	}
	return nil
}

// successor finds what a route of an older revision has become.
func (g *Graph) successor(older *Route) *Route {
	for _, r := range g.Routes {
		if r.Name == older.Name || slices.Contains(r.Formerly, older.Name) {
			return r
		}
	}
	return nil
}

func (w *weakening) required(before, r *Route) {
	if before != nil && r.Retention.Require < before.Retention.Require {
		w.add("route %s: require_archived falls from %d to %d", r.Name, before.Retention.Require, r.Retention.Require)
	}
}

// rule compares one rule with what the older revision said of the location.
func (w *weakening) rule(before, r *Route, rule *Rule) {
	if before == nil || !before.known(rule.Location.Name) {
		return // nothing of the route is there yet
	}
	at := rule.Location.Name
	was := before.ruleAt(at)
	if was == nil {
		w.add("route %s: nothing was deleted at %s, and now it is, when %s", r.Name, at, rule.When)
		return
	}
	if !rule.When.Implies(was.When) {
		w.add("route %s: at %s deleted was when %s, and now when %s", r.Name, at, was.When, rule.When)
	}
	w.sets(r, rule)
	w.pressure(r, was, rule)
	w.unwanted(before, r, at)
}

// known reports whether the route has to do with the location.
func (r *Route) known(name string) bool {
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if m.From.Name == name || m.To.Name == name {
				return true
			}
		}
	}
	return r.ruleAt(name) != nil
}

func (r *Route) ruleAt(name string) *Rule {
	for _, rule := range r.Retention.Rules {
		if rule.Location.Name == name {
			return rule
		}
	}
	return nil
}

// sets lists the sets that a rule asks for whole and that have become smaller.
func (w *weakening) sets(r *Route, rule *Rule) {
	for _, set := range rule.When.Reads().Sets {
		for _, l := range w.old.Sets[set] {
			i := slices.IndexFunc(w.new.Sets[set], func(m *Location) bool { return m.Name == l.Name })
			switch {
			case i < 0:
				w.add("route %s: at %s a copy at %s is no longer asked for, since it left the set %s", r.Name, rule.Location.Name, l.Name, set)
			case l.active() && !w.new.Sets[set][i].active():
				w.add("route %s: at %s a copy at %s is no longer asked for, since its site is %s", r.Name, rule.Location.Name, l.Name, w.new.Sets[set][i].Site.State)
			}
		}
	}
}

func (w *weakening) pressure(r *Route, was, rule *Rule) {
	at := rule.Location.Name
	switch {
	case rule.Above == 0:
	case was.Above == 0:
		w.add("route %s: pressure now deletes at %s above %d%%", r.Name, at, rule.Above)
	case rule.Above < was.Above || rule.Until < was.Until:
		w.add("route %s: pressure at %s deleted from %d%% down to %d%%, and now from %d%% down to %d%%", r.Name, at, was.Above, was.Until, rule.Above, rule.Until)
	}
}

// unwanted lists stages that made a place wanted and no longer do as often.
func (w *weakening) unwanted(before, r *Route, at string) {
	for _, s := range before.Stages {
		if !s.leadsTo(at) || !s.Wants {
			continue
		}
		now := r.successor(s)
		switch {
		case now == nil || !now.leadsTo(at) || !now.Wants:
			w.add("route %s: packages at %s were wanted by the stage %s, and are no longer", r.Name, at, s.Name)
		case !s.When.Implies(now.When):
			w.add("route %s: packages were wanted at %s when %s, and now when %s", r.Name, at, s.When, now.When)
		}
	}
}

func (s *Stage) leadsTo(name string) bool {
	return slices.ContainsFunc(s.Moves, func(m *Move) bool { return m.To.Name == name && m.From != m.To })
}

// successor finds what a stage of an older revision has become.
func (r *Route) successor(older *Stage) *Stage {
	for _, s := range r.Stages {
		if s.Name == older.Name || slices.Contains(s.Formerly, older.Name) {
			return s
		}
	}
	return nil
}

// selection lists source files that a route held and no longer does: only the
// routes that select a file stand in the way of its deletion (S1f).
func (w *weakening) selection(r, now *Route) {
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if m.From.Type != opsdb.Source || !w.new.deletesAt(m.From.Name) {
				continue
			}
			switch held := now.packs(m.From.Name); {
			case held == nil:
				w.add("files at %s that the route %s selected may go without it", m.From.Name, r.Name)
			case !s.Select.Implies(held.Select):
				w.add("route %s: files at %s that are no longer selected may go without it", r.Name, m.From.Name)
			}
		}
	}
}

// packs returns the stage that packs a source, or nil; r may be nil.
func (r *Route) packs(source string) *Stage {
	if r == nil {
		return nil
	}
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if m.From.Name == source && m.From.Type == opsdb.Source {
				return s
			}
		}
	}
	return nil
}

func (g *Graph) deletesAt(name string) bool {
	return slices.ContainsFunc(g.Routes, func(r *Route) bool { return r.ruleAt(name) != nil })
}
