package graph

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/opsdb"
)

// Text draws the graph as plain text: sites, links, sets, then each route with
// its stages in order, their moves and the retention.
func Text(g *Graph) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	textSites(t, g)
	textLinks(t, g)
	textSets(t, g)
	for _, r := range g.Routes {
		textRoute(t, r)
	}
	_ = t.Flush() // into memory
	return trimRight(b.String())
}

// trimRight takes the blanks away that align nothing.
func trimRight(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

func textSites(t *tabwriter.Writer, g *Graph) {
	fmt.Fprintln(t, "sites")
	for _, s := range g.Sites {
		fmt.Fprintf(t, "  %s\n", strings.TrimSpace(s.Name+"  "+s.Title+siteMarks(s)))
		for _, l := range s.Locations {
			fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", l.Name, l.Type, rootText(l), capacityText(l))
		}
	}
}

func siteMarks(s *Site) string {
	var marks []string
	if s.State != opsdb.SiteActive {
		marks = append(marks, string(s.State))
	}
	if s.SendOnce {
		marks = append(marks, "sends once")
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}

func rootText(l *Location) string {
	if l.Storage == opsdb.S3 {
		return "s3 " + l.S3.String()
	}
	return string(l.Storage) + " " + l.Path
}

func capacityText(l *Location) string {
	if l.Capacity == 0 {
		return ""
	}
	return expr.FormatSize(l.Capacity)
}

func textLinks(t *tabwriter.Writer, g *Graph) {
	if len(g.Links) == 0 {
		return
	}
	fmt.Fprintln(t, "links")
	for _, l := range sortedLinks(g) {
		fmt.Fprintf(t, "  %s → %s\t%s\t%s\t%d at once\n", l.From.Name, l.To.Name, l.Transport, rateText(l.Bandwidth), l.AtOnce)
	}
}

func sortedLinks(g *Graph) []*Link {
	return slices.SortedFunc(maps.Values(g.Links), func(a, b *Link) int { return cmp.Compare(a.Name(), b.Name()) })
}

func rateText(bits int64) string {
	if bits == 0 {
		return ""
	}
	return strings.TrimSuffix(expr.FormatSize(bits), "B") + "bit/s"
}

func textSets(t *tabwriter.Writer, g *Graph) {
	if len(g.Sets) == 0 {
		return
	}
	fmt.Fprintln(t, "sets")
	for _, name := range slices.Sorted(maps.Keys(g.Sets)) {
		fmt.Fprintf(t, "  %s\t%s\n", name, locationList(g.Sets[name]))
	}
}

func locationList(list []*Location) string {
	names := make([]string, len(list))
	for i, l := range list {
		names[i] = l.Name
	}
	return strings.Join(names, ", ")
}

func textRoute(t *tabwriter.Writer, r *Route) {
	head := "route " + r.Name
	if r.State != "" {
		head += " (" + r.State + ")"
	}
	if r.Description != "" {
		head += ": " + r.Description
	}
	fmt.Fprintln(t, head)
	for _, s := range r.Stages {
		fmt.Fprintf(t, "  %s\n", stageHead(s))
		for _, m := range s.Moves {
			fmt.Fprintf(t, "    %s\t%s\n", moveText(m), moveMarks(m))
		}
	}
	textRetention(t, r)
}

func stageHead(s *Stage) string {
	parts := []string{s.Name + " (" + s.Type + ")"}
	if names := stageNames(s.Follows); names != "" {
		parts = append(parts, "follows "+names)
	}
	if names := stageNames(s.Needs); names != "" {
		parts = append(parts, "needs "+names)
	}
	if s.When != nil {
		parts = append(parts, "when "+s.When.String())
	}
	if s.Choose != "" {
		parts = append(parts, "choose "+s.Choose)
	}
	if s.Wanted {
		parts = append(parts, "wanted")
	}
	if s.Every > 0 {
		parts = append(parts, "every "+expr.FormatDuration(s.Every))
	}
	return strings.Join(parts, ", ")
}

func stageNames(list []*Stage) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Name
	}
	return strings.Join(names, " and ")
}

func moveText(m *Move) string {
	if m.From == m.To {
		return "at " + m.To.Name
	}
	return m.From.Name + " → " + m.To.Name
}

func moveMarks(m *Move) string {
	var marks []string
	if m.Link != nil {
		marks = append(marks, m.Link.Transport)
	}
	if m.NoDriver != "" {
		marks = append(marks, "no driver for "+m.NoDriver)
	}
	return strings.Join(marks, ", ")
}

func textRetention(t *tabwriter.Writer, r *Route) {
	p := r.Retention
	if len(p.Rules) == 0 {
		fmt.Fprintln(t, "  nothing is deleted")
		return
	}
	fmt.Fprintf(t, "  deleted, with %d archived copies read back within %s, after a grace of %s:\n",
		p.Require, expr.FormatDuration(p.Fresh), expr.FormatDuration(p.Grace))
	for _, rule := range p.Rules {
		fmt.Fprintf(t, "    %s\t%s\n", rule.Location.Name, ruleText(rule))
	}
}

func ruleText(rule *Rule) string {
	s := "when " + rule.When.String()
	if rule.Above > 0 {
		s += fmt.Sprintf("; or above %d%% full, until %d%%", rule.Above, rule.Until)
	}
	return s
}
