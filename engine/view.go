package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// view is one package with all that its evaluation looks at, and what it
// concluded so far. It lives for one evaluation.
type view struct {
	g       *graph.Graph
	w       *opsdb.World
	f       *opsdb.Facts
	now     time.Time
	explain bool // walk all gates, not only to the first that is shut

	p        opsdb.Package
	route    *graph.Route
	have     map[string]*opsdb.Copy // verified copies by location: tar, tree or files
	live     map[string]*opsdb.Copy // live copies by location, verified or not
	bad      map[string]int         // quarantined and lost copies by location
	left     bool                   // a verified tar lies outside of the source's site
	archives map[string]bool        // archives in sites that are not lost

	exists map[*graph.Move]shut // why a move does not exist for the package
	plan   *plan

	res    Result
	early  map[opsdb.ID]bool // copies that go for want of room, before their rule says so
	byMove map[*graph.Move]Decision
	causes map[string]bool
}

func newView(g *graph.Graph, w *opsdb.World, f *opsdb.Facts, now time.Time, archives map[string]bool) *view {
	v := &view{g: g, w: w, f: f, now: now, p: f.Package,
		have: map[string]*opsdb.Copy{}, live: map[string]*opsdb.Copy{}, bad: map[string]int{},
		archives: archives, exists: map[*graph.Move]shut{},
		early: map[opsdb.ID]bool{}, byMove: map[*graph.Move]Decision{}, causes: map[string]bool{}}
	v.res.Package, v.res.Version = f.Package.ID, f.Package.Version
	v.res.Policies = map[string]opsdb.Policy{}
	v.route = findRoute(g, v.p.Route)
	v.sortCopies()
	return v
}

// archivesOf lists the archives that count for S1.
func archivesOf(g *graph.Graph) map[string]bool {
	out := map[string]bool{}
	for name, l := range g.Locations {
		if l.Type == opsdb.Archive && l.Site.State != opsdb.SiteLost {
			out[name] = true
		}
	}
	return out
}

// findRoute finds a route by its name or a former one.
func findRoute(g *graph.Graph, name string) *graph.Route {
	for _, r := range g.Routes {
		if r.Name == name {
			return r
		}
	}
	for _, r := range g.Routes {
		if slices.Contains(r.Formerly, name) {
			return r
		}
	}
	return nil
}

// isStage reports whether s is the stage called name, now or formerly.
func isStage(s *graph.Stage, name string) bool {
	return s.Name == name || slices.Contains(s.Formerly, name)
}

func (v *view) sortCopies() {
	for i := range v.f.Copies {
		c := &v.f.Copies[i]
		switch {
		case v.siteLost(c.Location):
			if c.State != opsdb.Lost && c.Live() {
				v.res.Lose = append(v.res.Lose, c.ID)
			}
			continue
		case c.State == opsdb.Quarantined || c.State == opsdb.Lost:
			v.bad[c.Location]++
			continue
		case !c.Live():
			continue
		}
		v.live[c.Location] = c
		if !c.Verified() {
			continue
		}
		v.have[c.Location] = c
		if c.Form == opsdb.Tar && opsdb.SiteOf(c.Location) != opsdb.SiteOf(v.p.Source) {
			v.left = true
		}
	}
}

func (v *view) siteLost(location string) bool {
	l := v.g.Locations[location]
	return l != nil && l.Site.State == opsdb.SiteLost
}

// tarAt returns the verified copy of form tar at a location, or nil.
func (v *view) tarAt(location string) *opsdb.Copy {
	if c := v.have[location]; c != nil && c.Form == opsdb.Tar {
		return c
	}
	return nil
}

// tars lists the locations with a verified tar, in the order of their names.
func (v *view) tars() []string {
	var out []string
	for _, at := range slices.Sorted(maps.Keys(v.have)) {
		if v.have[at].Form == opsdb.Tar {
			out = append(out, at)
		}
	}
	return out
}

// archived counts the distinct sites with a verified copy in an archive.
func (v *view) archived() int {
	sites := map[string]bool{}
	for at, c := range v.have {
		if v.archives[at] && c.Form == opsdb.Tar {
			sites[opsdb.SiteOf(at)] = true
		}
	}
	return len(sites)
}

// bornSize is the size for cost and room: the tar once it is born.
func bornSize(p opsdb.Package) int64 {
	if p.Packed() {
		return p.Size
	}
	return max(p.Size, p.Bytes)
}

// wakeAt asks for an evaluation at t, if that is to come and sooner than others.
func (v *view) wakeAt(t time.Time) {
	if t.IsZero() || !t.After(v.now) {
		return
	}
	if v.res.WakeAt.IsZero() || t.Before(v.res.WakeAt) {
		v.res.WakeAt = t
	}
}

// waitFor names facts whose change must wake the package.
func (v *view) waitFor(causes ...string) {
	for _, c := range causes {
		if c != "" {
			v.causes[c] = true
		}
	}
}

// age is how long the system has observed something to be so (S7).
func (v *view) age(since time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(0, v.w.Observed.Sub(since))
}

// madeAgo is the observed age of the package.
func (v *view) madeAgo() time.Duration { return v.age(v.p.MadeAge) }
