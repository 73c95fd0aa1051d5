package graph

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/opsdb"
)

//go:generate go test -run ^TestPictureOfTheCCATRoute$ -update .

// SVG draws the graph for people: sites as frames, locations in columns from
// the sources to the archives, and a line for each move in the colour of its stage. Lines
// over a link are thick; what runs only on request, or leaves an archive, is dashed.
// Below a location stands until when a copy is kept there. The picture is the
// same for the same graph, and needs no font and no script of its own.
func SVG(g *Graph) string {
	p := &picture{g: g, notes: notes(g)}
	p.layout = newLayout(g, p.nodeWidth())
	p.lines = p.route()
	legend := p.legend()
	height := p.h + legend.h
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif" role="img">`+"\n", p.w, height, p.w, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(p.title()))
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" rx="10" fill="#ffffff"/>`+"\n", p.w, height)
	p.drawSites(&b)
	p.drawLines(&b)
	p.drawNodes(&b)
	p.drawTitles(&b)
	p.drawLabels(&b)
	b.WriteString(legend.text)
	b.WriteString("</svg>\n")
	return b.String()
}

// picture is what is being drawn.
type picture struct {
	layout
	g     *Graph
	notes map[*Location]note
	lines []*line
}

// note is what stands in a location besides its name.
type note struct{ kind, until, all string }

// colours of stages, in their order; they differ for the colour-blind too.
func colours() []string {
	return []string{"#1f6fb2", "#c8501e", "#7b4fa3", "#2b8a57", "#8a6d1d", "#b23a6f", "#4d5a66"}
}

func (p *picture) colour(stage int) string { return colours()[stage%len(colours())] }

func (p *picture) title() string {
	var parts []string
	for _, r := range p.g.Routes {
		parts = append(parts, strings.TrimSuffix(r.Name+": "+r.Description, ": "))
	}
	return strings.Join(parts, "; ")
}

const longestNote = 34 // characters

// notes are what is said of each location: its type, and the retention and cycle of the routes.
func notes(g *Graph) map[*Location]note {
	out := map[*Location]note{}
	for _, s := range g.Sites {
		for _, l := range s.Locations {
			out[l] = note{kind: kindText(l), all: l.Name + ": " + rootText(l)}
		}
	}
	add := func(l *Location, text string) {
		n := out[l]
		if n.until = strings.TrimPrefix(n.until+"; "+text, "; "); utf8.RuneCountInString(n.until) > longestNote {
			n.until = string([]rune(n.until)[:longestNote-1]) + "…"
		}
		n.all += "\n" + text
		out[l] = n
	}
	for _, r := range g.Routes {
		for _, rule := range r.Retention.Rules {
			add(rule.Location, "until "+rule.When.String())
		}
		for _, s := range r.Stages {
			for _, m := range s.Moves {
				if m.From == m.To && s.Every > 0 {
					add(m.To, s.Name+" every "+expr.FormatDuration(s.Every))
				}
			}
		}
	}
	return out
}

func kindText(l *Location) string {
	kind := strings.ReplaceAll(string(l.Type), "_", " ")
	if l.Type == opsdb.Archive {
		kind = "archive"
	}
	parts := []string{kind, string(l.Storage)}
	if c := capacityText(l); c != "" {
		parts = append(parts, c)
	}
	return strings.Join(parts, " · ")
}

// textWidth is about how wide a text is; fonts differ.
func textWidth(s string, size float64) float64 {
	return 0.56 * size * float64(utf8.RuneCountInString(s))
}

func (p *picture) nodeWidth() float64 {
	wide := 110.0
	for l, n := range p.notes {
		wide = max(wide, textWidth(n.until, 10.5), textWidth(n.kind, 10.5), textWidth(shortName(l), 13.5))
	}
	return math.Ceil(wide) + 16
}

// shortName is the name of a location within its site.
func shortName(l *Location) string { return strings.TrimPrefix(l.Name, l.Site.Name+".") }

func (p *picture) drawSites(b *strings.Builder) {
	for _, s := range p.g.Sites {
		f, ok := p.sites[s]
		if !ok {
			continue
		}
		dash := ""
		if s.State != opsdb.SiteActive {
			dash = ` stroke-dasharray="5 4"`
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="8" fill="#f3f6f9" stroke="#c5ced6"%s/>`+"\n", f.x, f.y, f.w, f.h, dash)
	}
}

func (p *picture) drawTitles(b *strings.Builder) {
	for _, s := range p.g.Sites {
		if f, ok := p.sites[s]; ok {
			text(b, f.x+10, f.y+16, 12, `fill="#52606d" font-weight="600" stroke="#f3f6f9" stroke-width="4" paint-order="stroke"`, siteLabel(s))
		}
	}
}

func text(b *strings.Builder, x, y, size float64, how, words string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="%g" %s>%s</text>`+"\n", x, y, size, how, html.EscapeString(words))
}

func (p *picture) drawNodes(b *strings.Builder) {
	for _, s := range p.g.Sites {
		for _, l := range s.Locations {
			n, at := p.notes[l], p.nodes[l]
			fill, edge := nodeColours(l.Type)
			fmt.Fprintf(b, `<g><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%g" fill="%s" stroke="%s" stroke-width="1.4"/>`+"\n",
				html.EscapeString(n.all), at.x, at.y, at.w, at.h, nodeRound(l.Type), fill, edge)
			x, _ := at.middle()
			text(b, x, at.y+20, 13.5, `text-anchor="middle" font-weight="600" fill="#1f2933"`, shortName(l))
			text(b, x, at.y+35, 10.5, `text-anchor="middle" fill="#52606d"`, n.kind)
			text(b, x, at.y+49, 10.5, `text-anchor="middle" fill="#52606d"`, n.until)
			b.WriteString("</g>\n")
		}
	}
}

func nodeColours(t opsdb.LocationType) (fill, edge string) {
	switch t {
	case opsdb.Source:
		return "#fff4d6", "#d1a93a"
	case opsdb.Archive:
		return "#dff3e6", "#3f9c68"
	case opsdb.Processing:
		return "#ece6f6", "#8a6bb8"
	}
	return "#ffffff", "#7b8794"
}

func nodeRound(t opsdb.LocationType) float64 {
	if t == opsdb.Source {
		return 20
	}
	return 6
}

// part is a piece of the picture and its height.
type part struct {
	text string
	h    float64
}

// legend lists the stages under the picture, in their order.
func (p *picture) legend() part {
	var b strings.Builder
	x, y := margin+4, p.h+8
	for i, s := range p.stages() {
		words := p.stageWords(s)
		wide := 26 + textWidth(words, 11.5) + 18
		if x+wide > p.w && x > margin+4 {
			x, y = margin+4, y+20
		}
		if drawn := slices.ContainsFunc(p.lines, func(l *line) bool { return l.stage == i }); drawn {
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="3"%s/>`+"\n", x, y-4, x+20, y-4, p.colour(i), dashed(onRequest(s)))
		} else {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x+10, y-4, p.colour(i))
		}
		text(&b, x+26, y, 11.5, `fill="#3e4c59"`, words)
		x += wide
	}
	return part{b.String(), y - p.h + 14}
}

func (p *picture) stages() []*Stage {
	var out []*Stage
	for _, r := range p.g.Routes {
		out = append(out, r.Stages...)
	}
	return out
}

func (p *picture) stageWords(s *Stage) string {
	words := s.Name
	if len(p.g.Routes) > 1 {
		words = s.Route.Name + "/" + s.Name
	}
	if s.Type != s.Name {
		words += " (" + s.Type + ")"
	}
	if s.When != nil {
		words += ", when " + s.When.String()
	}
	if s.Every > 0 {
		words += ", every " + expr.FormatDuration(s.Every)
	}
	return words
}

// onRequest reports whether a stage runs only under a condition, or only to help.
func onRequest(s *Stage) bool {
	return s.When != nil || len(s.Moves) > 0 && !slices.ContainsFunc(s.Moves, func(m *Move) bool { return m.From.Type != opsdb.Archive })
}

func dashed(yes bool) string {
	if yes {
		return ` stroke-dasharray="6 4"`
	}
	return ""
}
