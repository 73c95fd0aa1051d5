package graph

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// Again compares two revisions and lists, for a person, whose files new would
// pack, and so send, a second time because a route or a package stage has
// another name and does not say so by `formerly`.
func Again(old, new *Graph) []string {
	var out []string
	for _, r := range new.Routes {
		before := old.route(r)
		for _, source := range r.sources() {
			if before == nil {
				out = append(out, packedByVanished(old, new, r, source)...)
				continue
			}
			was, is := before.packs(source), r.packs(source)
			if was != nil && r.successor(was) != is {
				out = append(out, fmt.Sprintf("route %s: the stage %s would pack files at %s again that the stage %s has packed; if it is that stage, write formerly: [%s]",
					r.Name, is.Name, source, was.Name, was.Name))
			}
		}
	}
	return out
}

// packedByVanished lists the routes that packed a source before and are no more, for a route that is new.
func packedByVanished(old, new *Graph, r *Route, source string) []string {
	var out []string
	for _, gone := range old.Routes {
		if new.successor(gone) == nil && gone.packs(source) != nil {
			out = append(out, fmt.Sprintf("route %s would pack files at %s again that the route %s has packed; if it is that route, write formerly: [%s]",
				r.Name, source, gone.Name, gone.Name))
		}
	}
	return out
}

// sources are the source locations a route packs, in order.
func (r *Route) sources() []string {
	var out []string
	for _, s := range r.Stages {
		for _, m := range s.Moves {
			if m.From.Type == opsdb.Source {
				out = append(out, m.From.Name)
			}
		}
	}
	return out
}
