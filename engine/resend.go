package engine

import (
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// crossesOnce reports whether a move leaves a site that packages leave once.
func (v *view) crossesOnce(m *graph.Move) bool {
	return m.From.Site.SendOnce && m.To.Site != m.From.Site
}

// resend is the open order by which the package may leave again for the site to which the move leads, or nil.
func (v *view) resend(m *graph.Move) *opsdb.Resend {
	for i := range v.f.Resends {
		if v.f.Resends[i].Site == m.To.Site.Name {
			return &v.f.Resends[i]
		}
	}
	return nil
}

// hasOrWill reports whether the site to which a move leads has a verified copy that others can be made from, or is about to: then no order
// sends another one there. What has arrived there by another move is about to be one, also while nobody reads it back.
func (v *view) hasOrWill(m *graph.Move) bool {
	site := m.To.Site.Name
	return v.hasAt(site) || v.comesTo(func(at string) bool { return opsdb.SiteOf(at) == site }) || v.arrivedAt(site) && !v.arrivedBy(m)
}

// arrivedAt reports whether all bytes of a tar are at a site, where a move of the route leads that reads them back.
func (v *view) arrivedAt(site string) bool {
	for at, c := range v.live {
		if opsdb.SiteOf(at) == site && v.arrived(at, c) {
			return true
		}
	}
	return false
}

func (v *view) hasAt(site string) bool {
	for at, c := range v.have {
		if c.Form == opsdb.Tar && opsdb.SiteOf(at) == site {
			return true
		}
	}
	return false
}

// endResends lists the orders to send the package again that are used up.
func (v *view) endResends() {
	for _, r := range v.f.Resends {
		if v.hasAt(r.Site) {
			v.res.Resent = append(v.res.Resent, r.ID)
		}
	}
}

// Again is a site for which a package could leave again, if a person ordered it.
type Again struct {
	Site    string
	Ordered bool // it is already
	// Moves are those to the site that would be open then, with their verdicts.
	Moves []Decision
}

// SendAgain lists the sites that lack a package and to which `send_once` alone keeps it from being sent, in the
// order of the route, each with what an order would do now.
func SendAgain(g *graph.Graph, w opsdb.World, f opsdb.Facts, now time.Time) (out []Again) {
	v := newView(g, &w, &f, now, archivesOf(g))
	if v.route == nil || v.p.Superseded() {
		return nil
	}
	evaluate(v)
	for _, site := range v.keptFrom() {
		ordered := f
		ordered.Resends = append(slices.Clone(f.Resends), opsdb.Resend{Site: site})
		then := newView(g, &w, &ordered, now, v.archives)
		evaluate(then)
		if a := then.again(site); then.lacks(site) || slices.ContainsFunc(a.Moves, func(d Decision) bool { return d.Link != "" }) {
			a.Ordered = slices.ContainsFunc(f.Resends, func(r opsdb.Resend) bool { return r.Site == site })
			out = append(out, a)
		}
	}
	return out
}

// keptFrom lists the sites to which a verified copy at another one could be sent, were it not for `send_once`.
func (v *view) keptFrom() (sites []string) {
	for _, s := range v.route.Stages {
		for _, m := range s.Moves {
			gone, concerns := v.exists[m]
			site := m.To.Site.Name
			if concerns && gone.open() && v.crossesOnce(m) && v.tarAt(m.From.Name) != nil && v.holdsTar(m.To.Name) &&
				(v.resend(m) != nil || v.sentOnce(m) && !v.leavesFor(site)) && !v.hasAt(site) && !slices.Contains(sites, site) {
				sites = append(sites, site)
			}
		}
	}
	return sites
}

// leavesFor reports whether the package is to leave for a site as it is.
func (v *view) leavesFor(site string) bool {
	for m := range v.plan.first {
		if v.crossesOnce(m) && m.To.Site.Name == site {
			return true
		}
	}
	return false
}

// again is what is open to a site.
func (v *view) again(site string) Again {
	a := Again{Site: site}
	for _, d := range v.res.Decisions {
		switch d.Verdict {
		case Ready, Waiting, Running, Blocked:
			if opsdb.SiteOf(d.To) == site && opsdb.SiteOf(d.From) != site {
				a.Moves = append(a.Moves, d)
			}
		}
	}
	return a
}

// lacks reports whether a place at the site wants the package and has it not.
func (v *view) lacks(site string) bool {
	return slices.ContainsFunc(v.plan.targets, func(t *target) bool { return !t.have && t.at.Site.Name == site })
}
