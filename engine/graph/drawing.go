package graph

import (
	"fmt"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// arrow is one line of a drawing: a move, or a stage that works at a place.
type arrow struct {
	from, to, label string
	link            bool
}

// arrows are the moves of all routes; stages that share a move share an arrow.
func arrows(g *Graph) []arrow {
	var out []arrow
	index := map[[2]string]int{}
	for _, r := range g.Routes {
		for _, s := range r.Stages {
			label := s.Name
			if len(g.Routes) > 1 {
				label = r.Name + "/" + s.Name
			}
			for _, m := range s.Moves {
				key := [2]string{m.From.Name, m.To.Name}
				if i, ok := index[key]; ok {
					out[i].label += ", " + label
					continue
				}
				index[key] = len(out)
				out = append(out, arrow{m.From.Name, m.To.Name, label, m.Link != nil})
			}
		}
	}
	return out
}

// Mermaid draws the graph as a mermaid flowchart: a box for each site, a node
// for each location, an arrow for each move.
func Mermaid(g *Graph) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, s := range g.Sites {
		fmt.Fprintf(&b, "  subgraph %s[\"%s\"]\n", identifier(s.Name), escape(siteLabel(s)))
		for _, l := range s.Locations {
			open, closing := mermaidShape(l.Type)
			fmt.Fprintf(&b, "    %s%s\"%s\"%s\n", identifier(l.Name), open, escape(l.Name), closing)
		}
		b.WriteString("  end\n")
	}
	for _, a := range arrows(g) {
		line := "-->"
		if a.link {
			line = "==>"
		}
		fmt.Fprintf(&b, "  %s %s|\"%s\"| %s\n", identifier(a.from), line, escape(a.label), identifier(a.to))
	}
	return b.String()
}

func mermaidShape(t opsdb.LocationType) (open, closing string) {
	switch t {
	case opsdb.Source:
		return "([", "])"
	case opsdb.Archive:
		return "[(", ")]"
	case opsdb.Processing:
		return "{{", "}}"
	}
	return "[", "]"
}

// Dot draws the graph in the language of Graphviz.
func Dot(g *Graph) string {
	var b strings.Builder
	b.WriteString("digraph routes {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n")
	for _, s := range g.Sites {
		fmt.Fprintf(&b, "  subgraph %q {\n    label=%q;\n", "cluster_"+s.Name, siteLabel(s))
		for _, l := range s.Locations {
			fmt.Fprintf(&b, "    %q [shape=%s];\n", l.Name, dotShape(l.Type))
		}
		b.WriteString("  }\n")
	}
	for _, a := range arrows(g) {
		style := ""
		if a.link {
			style = ", style=bold"
		}
		fmt.Fprintf(&b, "  %q -> %q [label=%q%s];\n", a.from, a.to, a.label, style)
	}
	b.WriteString("}\n")
	return b.String()
}

func dotShape(t opsdb.LocationType) string {
	switch t {
	case opsdb.Source:
		return "oval"
	case opsdb.Archive:
		return "cylinder"
	case opsdb.Processing:
		return "hexagon"
	}
	return "box"
}

func siteLabel(s *Site) string {
	label := s.Name
	if s.Title != "" {
		label = s.Title
	}
	if s.State != opsdb.SiteActive {
		label += " (" + string(s.State) + ")"
	}
	return label
}

// identifier makes a word mermaid takes as a name; names of sites and
// locations have no other odd characters, and `end` is a word of its own.
func identifier(name string) string {
	return "n_" + strings.NewReplacer(".", "__", "-", "_d", "_", "_u").Replace(name)
}

// escape keeps a label from ending early.
func escape(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "|", "#124;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
}
