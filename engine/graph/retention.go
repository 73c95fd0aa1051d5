package graph

import (
	"time"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
)

// Defaults of retention that do not depend on the route (design, section 3).
const (
	defaultGrace    = 24 * time.Hour
	defaultBytes    = 20e12
	defaultPackages = 2000
	freshMargin     = 30 * 24 * time.Hour
)

// retention compiles what may be deleted.
func (c *compiler) retention() {
	for _, r := range c.g.Routes {
		in := c.from[r].Retention
		cycle := verifyCycle(r)
		r.Retention = Retention{
			Require: in.Require.V, Fresh: in.Fresh.V, Grace: in.Grace.V,
			Brake: opsdb.Spent{Bytes: in.Bytes.V, Packages: in.Packages.V}, At: in.At,
		}
		c.retentionDefaults(r, in, cycle)
		if in.Fresh.Set && in.Fresh.V == 0 {
			c.list.Errorf(in.Fresh.At, diag.FreshTooShort, "for example: 120d", "with fresh at zero no receipt could ever speak for a deletion")
		} else if in.Fresh.Set && in.Fresh.V < cycle {
			c.list.Errorf(in.Fresh.At, diag.FreshTooShort, "at least "+expr.FormatDuration(cycle),
				"receipts are to be fresher than %s, and copies are read again every %s only", expr.FormatDuration(in.Fresh.V), expr.FormatDuration(cycle))
		}
		for _, rule := range in.Rules {
			c.rules(r, rule)
		}
	}
}

// verifyCycle is the longest cycle on which an archive of the route is read again.
func verifyCycle(r *Route) time.Duration {
	var cycle time.Duration
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if m.To.Type == opsdb.Archive {
				cycle = max(cycle, s.Every)
			}
		}
	}
	return cycle
}

func (c *compiler) retentionDefaults(r *Route, in route.Retention, cycle time.Duration) {
	t := &r.Retention
	if !in.Require.Set {
		t.Require = max(1, len(sitesOf(r.Archives)))
	}
	if !in.Fresh.Set {
		t.Fresh = cycle + freshMargin
	}
	if !in.Grace.Set {
		t.Grace = defaultGrace
	}
	if !in.Bytes.Set {
		t.Brake.Bytes = defaultBytes
	}
	if !in.Packages.Set {
		t.Brake.Packages = defaultPackages
	}
	if t.Require < 1 && in.Require.Set {
		c.list.Errorf(in.Require.At, diag.RequireArchived, "1 is the least", "require_archived is never below 1")
	}
	if in.Bytes.Set && in.Bytes.V == 0 {
		c.list.Errorf(in.Bytes.At, diag.TooLittle, "to stop deletions, hold the packages or pause the location", "a brake of zero would stop every deletion")
	}
}

// sitesOf lists the distinct sites of locations that are neither planned nor lost.
func sitesOf(list []*Location) map[*Site]bool {
	out := map[*Site]bool{}
	for _, l := range list {
		if l.active() {
			out[l.Site] = true
		}
	}
	return out
}

// rules makes a rule for each location that an entry of `retention.locations` names.
func (c *compiler) rules(r *Route, in *route.Rule) {
	name := route.Value[string]{V: in.Place, At: in.At, Set: true}
	locations := c.resolve(route.List{V: []route.Value[string]{name}})
	when := c.compile(expr.Delete, in.When)
	if in.When.V == "" {
		// Only pressure deletes here. A rule without an expression must not read as "always".
		when = expr.Compile(expr.Delete, "false", expr.At(in.At), expr.Names{}, c.list)
	}
	hasPressure := in.Pressure.Line != 0 || in.Above.Set || in.Until.Set
	if !in.When.Set && !hasPressure {
		c.list.Errorf(in.At, diag.EmptyRule, "for example: {delete_when: age >= days(14)}", "the rule for %s does not say when to delete", in.Place)
	}
	c.pressure(in)
	for _, l := range locations {
		c.rule(r, &Rule{Location: l, When: when, Above: in.Above.V, Until: in.Until.V, At: in.At}, in)
	}
}

func (c *compiler) pressure(in *route.Rule) {
	switch {
	case !in.Above.Set || !in.Until.Set:
	case in.Above.V > 100 || in.Above.V == 0:
		c.list.Errorf(in.Above.At, diag.Pressure, "a share of the capacity, as 80%", "pressure begins between 1%% and 100%%, not at %d%%", in.Above.V)
	case in.Until.V >= in.Above.V:
		c.list.Errorf(in.Until.At, diag.Pressure, "for example: {above: 80%, until: 60%}", "pressure ends at %d%%, which is not below the %d%% at which it begins", in.Until.V, in.Above.V)
	}
}

// rule adds a rule, if one is allowed there.
func (c *compiler) rule(r *Route, rule *Rule, in *route.Rule) {
	l := rule.Location
	for _, other := range r.Retention.Rules {
		if other.Location == l {
			c.list.Errorf(in.At, diag.RuleTwice, "put both into one, with || or &&", "%s has a rule already, at %s", l.Name, other.At)
			return
		}
	}
	r.Retention.Rules = append(r.Retention.Rules, rule)
	if c.settled() && !r.touches(l) {
		c.list.Warnf(in.At, diag.IdleRule, "leave it out, or have a stage bring packages there", "no stage of the route %s brings packages to %s or takes them there", r.Name, l.Name)
	}
}

// touches reports whether a move of the route begins or ends at the location.
func (r *Route) touches(l *Location) bool {
	for _, s := range r.Stages {
		if s.reads(l) || s.writes(l) {
			return true
		}
	}
	return false
}
