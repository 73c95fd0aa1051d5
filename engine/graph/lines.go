package graph

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// line is one move in a picture, or two that go to and fro.
type line struct {
	from, to *Location
	stage    int
	label    string
	link     bool // over a link: thick
	dash     bool
	both     bool       // an arrow at either end
	c        [8]float64 // start, two control points, end of the curve
}

// side is where a line leaves a node.
type side struct {
	at   *Location
	face byte // 'l', 'r', 't', 'b'
}

// route makes the lines of all moves and gives each its way through the picture.
func (p *picture) route() []*line {
	lines := p.moves()
	ports := map[side][]*line{}
	faces := map[*line][2]side{}
	for _, n := range lines {
		out, in := p.faces(n)
		faces[n] = [2]side{out, in}
		ports[out] = append(ports[out], n)
		ports[in] = append(ports[in], n)
	}
	for s, list := range ports {
		p.spread(s, list)
	}
	for _, n := range lines {
		x1, y1 := p.port(faces[n][0], ports[faces[n][0]], n)
		x2, y2 := p.port(faces[n][1], ports[faces[n][1]], n)
		n.c = curve(x1, y1, faces[n][0].face, x2, y2, faces[n][1].face)
	}
	return lines
}

// moves are the lines without their ways.
func (p *picture) moves() []*line {
	var out []*line
	for i, s := range p.stages() {
		for _, m := range s.Moves {
			back := slices.IndexFunc(out, func(n *line) bool { return n.stage == i && n.from == m.To && n.to == m.From })
			switch {
			case m.From == m.To:
			case back >= 0:
				out[back].both = true
			default:
				label := s.Name
				if len(p.g.Routes) > 1 {
					label = s.Route.Name + "/" + s.Name
				}
				out = append(out, &line{from: m.From, to: m.To, stage: i, label: label, link: m.Link != nil, dash: onRequest(s)})
			}
		}
	}
	return out
}

// faces are the sides at which a line leaves and arrives.
func (p *picture) faces(n *line) (out, in side) {
	a, b := p.nodes[n.from], p.nodes[n.to]
	switch {
	case a.x < b.x:
		return side{n.from, 'r'}, side{n.to, 'l'}
	case a.x > b.x:
		return side{n.from, 'l'}, side{n.to, 'r'}
	case p.between(a, b):
		return side{n.from, 'r'}, side{n.to, 'r'}
	case a.y < b.y:
		return side{n.from, 'b'}, side{n.to, 't'}
	}
	return side{n.from, 't'}, side{n.to, 'b'}
}

// between reports whether a node stands between two of the same column.
func (p *picture) between(a, b box) bool {
	for _, o := range p.nodes {
		if o.x == a.x && o.y > min(a.y, b.y) && o.y < max(a.y, b.y) {
			return true
		}
	}
	return false
}

// spread orders the lines at one side by where they go, so that they do not cross there.
func (p *picture) spread(s side, list []*line) {
	slices.SortStableFunc(list, func(a, b *line) int {
		ax, ay := p.nodes[a.other(s.at)].middle()
		bx, by := p.nodes[b.other(s.at)].middle()
		if s.face == 't' || s.face == 'b' {
			return cmp.Or(cmp.Compare(ax, bx), cmp.Compare(a.stage, b.stage))
		}
		return cmp.Or(cmp.Compare(ay, by), cmp.Compare(a.stage, b.stage))
	})
}

func (n *line) other(l *Location) *Location {
	if n.from == l {
		return n.to
	}
	return n.from
}

// port is where a line touches a node.
func (p *picture) port(s side, list []*line, n *line) (x, y float64) {
	b := p.nodes[s.at]
	share := 0.5
	if len(list) > 1 {
		share = 0.14 + 0.72*float64(slices.Index(list, n))/float64(len(list)-1)
	}
	switch s.face {
	case 'l':
		return b.x, b.y + share*b.h
	case 'r':
		return b.x + b.w, b.y + share*b.h
	case 't':
		return b.x + share*b.w, b.y
	}
	return b.x + share*b.w, b.y + b.h
}

// curve leaves and arrives at right angles to the nodes.
func curve(x1, y1 float64, out byte, x2, y2 float64, in byte) [8]float64 {
	reach := max(28, 0.45*max(math.Abs(x2-x1), math.Abs(y2-y1)))
	if out == in { // around what stands between
		reach = columnGap * 0.6
	}
	reach = min(reach, 70)
	ax, ay := off(x1, y1, out, reach)
	bx, by := off(x2, y2, in, reach)
	return [8]float64{x1, y1, ax, ay, bx, by, x2, y2}
}

func off(x, y float64, face byte, by float64) (float64, float64) {
	switch face {
	case 'l':
		return x - by, y
	case 'r':
		return x + by, y
	case 't':
		return x, y - by
	}
	return x, y + by
}

// point is the point of the curve at t, from 0 to 1.
func (n *line) point(t float64) (x, y float64) {
	u := 1 - t
	f := [4]float64{u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t}
	for i := range f {
		x += f[i] * n.c[2*i]
		y += f[i] * n.c[2*i+1]
	}
	return x, y
}

func (p *picture) drawLines(b *strings.Builder) {
	b.WriteString("<defs>\n")
	for i := range p.stages() {
		fmt.Fprintf(b, `<marker id="a%d" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" orient="auto-start-reverse"><path d="M0 0.5L10 5L0 9.5z" fill="%s"/></marker>`+"\n", i, p.colour(i))
	}
	b.WriteString("</defs>\n")
	for _, n := range p.lines {
		wide, start := 1.7, ""
		if n.link {
			wide = 3
		}
		if n.both {
			start = fmt.Sprintf(` marker-start="url(#a%d)"`, n.stage)
		}
		fmt.Fprintf(b, `<path d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" fill="none" stroke="%s" stroke-width="%g"%s%s marker-end="url(#a%d)"/>`+"\n",
			n.c[0], n.c[1], n.c[2], n.c[3], n.c[4], n.c[5], n.c[6], n.c[7], p.colour(n.stage), wide, dashed(n.dash), start, n.stage)
	}
}

// drawLabels names the lines where there is room; each stage at least once.
func (p *picture) drawLabels(b *strings.Builder) {
	var taken []box
	for _, at := range p.nodes {
		taken = append(taken, at)
	}
	named := map[int]bool{}
	for _, n := range p.lines {
		spot, free := p.spot(n, taken)
		if !free && named[n.stage] {
			continue
		}
		named[n.stage] = true
		taken = append(taken, spot)
		x, y := spot.middle()
		text(b, x, y+3.8, 11.5, fmt.Sprintf(`text-anchor="middle" fill="%s" font-weight="600" stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke"`, p.colour(n.stage)), n.label)
	}
}

// spot is a place on a line where its label covers nothing, or the middle.
func (p *picture) spot(n *line, taken []box) (spot box, free bool) {
	for _, t := range []float64{0.5, 0.4, 0.6, 0.3, 0.7} {
		x, y := n.point(t)
		w := textWidth(n.label, 11.5) + 4
		at := box{x - w/2, y - 8, w, 16}
		if !slices.ContainsFunc(taken, at.covers) {
			return at, true
		}
		if t == 0.5 {
			spot = at
		}
	}
	return spot, false
}

func (b box) covers(o box) bool {
	return b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h
}
