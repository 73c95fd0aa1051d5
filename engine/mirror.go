package engine

import (
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// MirrorOf is what a graph says of places, for the store to keep rows of.
func MirrorOf(g *graph.Graph) opsdb.Mirror {
	var m opsdb.Mirror
	for _, s := range g.Sites {
		m.Sites = append(m.Sites, opsdb.Site{Name: s.Name, Title: s.Title, State: s.State})
		for _, l := range s.Locations {
			m.Locations = append(m.Locations, opsdb.Location{Name: l.Name, Type: l.Type, Storage: l.Storage, Capacity: l.Capacity, Free: -1})
		}
	}
	for _, name := range sortedKeys(g.Links) {
		m.Links = append(m.Links, opsdb.Link{From: g.Links[name].From.Name, To: g.Links[name].To.Name})
	}
	for _, r := range g.Routes {
		for _, s := range r.Stages {
			if s.Type == typePackage {
				m.Stages = append(m.Stages, packed(s)...)
			}
		}
	}
	return m
}

// packed lists "route/stage/location" for every source of a package stage, with what the stage selects there, if not all.
func packed(s *graph.Stage) (out []string) {
	seen := map[string]bool{}
	for _, move := range s.Moves {
		if at := move.From.Name; !seen[at] {
			seen[at] = true
			out = append(out, identity(s.Route.Name, s.Route.Formerly)+"/"+identity(s.Name, s.Formerly)+"/"+at+selected(s))
		}
	}
	return out
}

func selected(s *graph.Stage) string {
	if s.Select == nil {
		return ""
	}
	return " " + s.Select.String()
}
