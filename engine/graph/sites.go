package graph

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
)

// sitesAndLocations makes the sites with their locations.
func (c *compiler) sitesAndLocations() {
	for _, in := range c.in.Sites {
		if c.sites[in.Name] != nil {
			continue // defined twice: reported by the parser
		}
		s := &Site{Name: in.Name, Title: in.Title.V, State: opsdb.SiteState(in.State.V), SendOnce: in.SendOnce.V,
			SendAgainAfter: in.SendAgainAfter.V, At: in.At}
		if s.State == "" {
			s.State = opsdb.SiteActive
		}
		if in.SendAgainAfter.Set && !in.SendOnce.V {
			c.list.Warnf(in.SendAgainAfter.At, diag.OddSetting, "set send_once: true, or leave it out", "send_again_after means nothing without send_once")
		}
		if in.SendAgainAfter.Set && in.SendAgainAfter.V == 0 {
			c.list.Errorf(in.SendAgainAfter.At, diag.TooLittle, "leave it out: then a package is never sent again by itself", "send_again_after is zero")
		}
		c.sites[s.Name] = s
		c.g.Sites = append(c.g.Sites, s)
		for _, l := range in.Locations {
			c.location(s, l)
		}
	}
}

func (c *compiler) location(s *Site, in *route.Location) {
	name := s.Name + "." + in.Name
	if c.g.Locations[name] != nil {
		return
	}
	l := &Location{
		Name: name, Site: s, Type: opsdb.LocationType(in.Type.V), Storage: opsdb.StorageKind(in.Storage.V), Path: in.Path.V,
		Capacity: in.Capacity.V, Reserve: in.Reserve.V, Ahead: in.Ahead.V, Backfill: in.Backfill.V, AtOnce: in.AtOnce.V,
		Layout: in.Layout.V, Final: Final{in.Final.By.V, in.Final.After.V}, Ignore: in.Ignore.Names(), At: in.At,
		S3: c.bucket(in.S3), Tape: c.library(in.Tape),
	}
	c.doubt = c.doubt || l.Type == "" || l.Storage == ""
	s.Locations = append(s.Locations, l)
	c.g.Locations[name] = l
	c.locationSettings(in, l)
}

// locationSettings finds settings that mean nothing for the type of the location.
func (c *compiler) locationSettings(in *route.Location, l *Location) {
	for _, s := range []struct {
		name string
		at   diag.Place
		set  bool
		typ  opsdb.LocationType
	}{
		{"layout", in.Layout.At, in.Layout.Set, opsdb.Source},
		{"final", in.Final.By.At, in.Final.By.Set || in.Final.After.Set, opsdb.Source},
		{"ignore", in.Ignore.At, in.Ignore.Set, opsdb.Source},
		{"reserve", in.Reserve.At, in.Reserve.Set, opsdb.Buffer},
		{"ahead", in.Ahead.At, in.Ahead.Set, opsdb.Buffer},
		{"backfill", in.Backfill.At, in.Backfill.Set, opsdb.Buffer},
	} {
		if s.set && l.Type != "" && l.Type != s.typ {
			c.list.Errorf(s.at, diag.OddSetting, "leave it out", "%s is for a location of type %s, and %s is %s", s.name, s.typ, l.Name, l.Type)
		}
	}
	if in.Capacity.Set && l.Capacity == 0 {
		c.list.Errorf(in.Capacity.At, diag.TooLittle, "leave it out if it is not known", "%s has no room at all", l.Name)
	}
	if l.Capacity > 0 && l.Reserve > l.Capacity {
		c.list.Errorf(in.Reserve.At, diag.TooMuch, "keep less in reserve", "reserve of %s is more than its capacity", l.Name)
	}
}

// distinctRoots sees to it that no two locations share bytes: two archives in
// one place would count as two copies (S1).
func (c *compiler) distinctRoots() {
	seen := map[string][]*Location{}
	for _, s := range c.g.Sites {
		for _, l := range s.Locations {
			where, mine := root(l)
			if mine == "" {
				continue
			}
			for _, other := range seen[where] {
				if _, theirs := root(other); inside(mine, theirs) || inside(theirs, mine) {
					c.list.Errorf(l.At, diag.SharedRoot, "give each location a folder or bucket of its own", "%s and %s share %s", other.Name, l.Name, shared(l, mine, theirs))
					break
				}
			}
			seen[where] = append(seen[where], l)
		}
	}
}

// root is where a location keeps its bytes: a folder of a site, or a bucket anywhere.
func root(l *Location) (where, folder string) {
	if l.Storage == opsdb.S3 {
		return "s3 " + l.S3.Endpoint + " " + l.S3.Name, path.Clean("/" + l.S3.Prefix)
	}
	if l.Path == "" {
		return "", ""
	}
	return "site " + l.Site.Name, path.Clean(l.Path)
}

func inside(a, b string) bool {
	return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/")
}

func shared(l *Location, a, b string) string {
	if len(b) < len(a) {
		a = b
	}
	if l.Storage == opsdb.S3 {
		return "the bucket " + l.S3.Name + " below " + a
	}
	return a
}

func (c *compiler) locationNames() []string { return slices.Sorted(maps.Keys(c.g.Locations)) }

func (c *compiler) siteNames() []string { return slices.Sorted(maps.Keys(c.sites)) }
