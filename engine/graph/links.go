package graph

import (
	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
)

// lowerClasses are repair, request and backfill: what comes after fresh.
const lowerClasses = 3

// links makes the links between the sites.
func (c *compiler) links() {
	for _, in := range c.in.Links {
		from, to := c.site(in.From), c.site(in.To)
		if from == nil || to == nil {
			c.doubt = true
			continue
		}
		c.link(in, from, to)
	}
}

// site finds a site by name; an empty name was reported by the parser.
func (c *compiler) site(v route.Value[string]) *Site {
	s := c.sites[v.V]
	if s == nil && v.V != "" {
		c.list.Errorf(v.At, diag.UnknownSite, diag.DidYouMean(v.V, c.siteNames()), "unknown site %q", v.V)
	}
	return s
}

func (c *compiler) link(in *route.Link, from, to *Site) {
	name := opsdb.LinkName(from.Name, to.Name)
	switch old := c.g.Links[name]; {
	case from == to:
		c.list.Errorf(in.To.At, diag.LinkToItself, "within a site no link is needed", "the link from %s leads to %s itself", from.Name, to.Name)
		return
	case old != nil:
		c.list.Errorf(in.At, diag.LinkTwice, "leave one of them out", "there is a link from %s to %s already, at %s", from.Name, to.Name, old.At)
		return
	}
	l := &Link{From: from, To: to, Transport: in.Transport.V, Bandwidth: in.Bandwidth.V, RTT: in.RTT.V, AtOnce: max(in.AtOnce.V, 1),
		Cost: in.Cost.V, Driver: from.Name, Share: in.Share.V, At: in.At}
	c.g.Links[name] = l
	c.linkNumbers(in, l)
	c.driver(in, l)
	c.far(in, l)
	c.limits(in, l)
}

func (c *compiler) linkNumbers(in *route.Link, l *Link) {
	if in.Bandwidth.Set && l.Bandwidth == 0 {
		c.list.Errorf(in.Bandwidth.At, diag.TooLittle, "leave it out if it is not known", "the bandwidth of %s is zero", l.Name())
	}
	if in.Cost.Set && l.Cost <= 0 {
		c.list.Errorf(in.Cost.At, diag.TooLittle, "a factor, as 0.5 or 2", "the cost of %s must be more than zero", l.Name())
	}
	if l.Cost == 0 {
		l.Cost = 1
	}
	if in.Share.Set && lowerClasses*l.Share >= 100 {
		c.list.Errorf(in.Share.At, diag.TooMuch, "at most 33%", "%d lower classes with %d%% each leave nothing of %s to fresh data", lowerClasses, l.Share, l.Name())
	}
}

func (c *compiler) driver(in *route.Link, l *Link) {
	if !in.Driver.Set {
		return
	}
	switch s := c.site(in.Driver); {
	case s == nil:
	case s != l.From && s != l.To:
		c.list.Errorf(in.Driver.At, diag.OddDriver, l.From.Name+" or "+l.To.Name, "%s is at neither end of the link %s, so it cannot drive it", s.Name, l.Name())
	default:
		l.Driver = s.Name
	}
}

func (c *compiler) limits(in *route.Link, l *Link) {
	for _, limit := range in.Limits {
		w := c.window(limit.Window)
		if limit.Rate.Set && limit.Rate.V == 0 {
			c.list.Errorf(limit.Rate.At, diag.TooLittle, "to stop a link, pause it", "a limit of zero would stop the link")
		}
		if w != nil && limit.Rate.V > 0 {
			l.Limits = append(l.Limits, Limit{w, limit.Rate.V})
		}
	}
}

// window reads a cron window; nil if none is written or it is wrong.
func (c *compiler) window(t route.Text) *expr.Window {
	if t.V == "" {
		return nil
	}
	w, err := expr.ParseWindow(t.V)
	if err != nil {
		c.list.Errorf(t.PlaceOf(0), diag.ExprCron, `for example: "* 20-23,0-6 * * *"`, "%v", err)
	}
	return w
}
