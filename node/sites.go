package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// SiteError says that the routes have no such site.
type SiteError struct {
	Site  string
	Known []string
}

func (e *SiteError) Error() string {
	return fmt.Sprintf("the routes in force have no site %q that is in use; they have %s", e.Site, strings.Join(e.Known, ", "))
}

// Nearest is the site that was probably meant, or "".
func (e *SiteError) Nearest() string { return diag.Nearest(e.Site, e.Known) }

// KnownSites refuses sites that the routes do not have or do not use (*SiteError).
func KnownSites(g *graph.Graph, sites []string) error {
	known := inUse(g)
	for _, s := range sites {
		if !slices.Contains(known, s) {
			return &SiteError{s, known}
		}
	}
	return nil
}

func inUse(g *graph.Graph) []string {
	var out []string
	for _, s := range g.Sites {
		if s.State == opsdb.SiteActive {
			out = append(out, s.Name)
		}
	}
	return out
}

// Sites are the names of the sites a node serves.
func (n *Node) Sites() []string {
	if len(n.cfg.Sites) > 0 {
		return n.cfg.Sites
	}
	return inUse(n.Places.Graph())
}

// locations are the names of the locations of the node's sites.
func (n *Node) locations() []string {
	var out []string
	g, sites := n.Places.Graph(), n.Sites()
	for _, name := range slices.Sorted(maps.Keys(g.Locations)) {
		if l := g.Locations[name]; l.Site.State == opsdb.SiteActive && slices.Contains(sites, l.Site.Name) {
			out = append(out, name)
		}
	}
	return out
}
