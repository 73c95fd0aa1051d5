package graph

import (
	"cmp"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// Sizes of a picture, in pixels.
const (
	nodeHeight = 58.0
	rowGap     = 32.0
	columnGap  = 112.0
	siteGap    = 26.0
	sitePad    = 14.0
	siteHead   = 24.0
	margin     = 16.0
)

// box is a rectangle.
type box struct{ x, y, w, h float64 }

func (b box) middle() (x, y float64) { return b.x + b.w/2, b.y + b.h/2 }

// layout is where everything of a picture stands: locations in columns, each
// to the right of what it gets its data from, within the boxes of their sites.
type layout struct {
	column map[*Location]int
	nodes  map[*Location]box
	sites  map[*Site]box
	w, h   float64
}

// newLayout places the locations and sites of g; nodes are wide.
func newLayout(g *Graph, wide float64) layout {
	l := layout{column: columns(g), nodes: map[*Location]box{}, sites: map[*Site]box{}}
	groups := l.groups(g)
	tallest := 0.0
	for _, group := range groups {
		tallest = max(tallest, l.groupHeight(group))
	}
	for _, group := range groups {
		y := margin + (tallest-l.groupHeight(group))/2
		for _, s := range group {
			l.place(s, y, wide)
			y += l.sites[s].h + siteGap
		}
	}
	for _, b := range l.sites {
		l.w, l.h = max(l.w, b.x+b.w+margin), max(l.h, b.y+b.h+margin)
	}
	return l
}

// columns gives each location the number of its column. What leaves an
// archive, or goes on within a set, leads to no further column.
func columns(g *Graph) map[*Location]int {
	column := map[*Location]int{}
	for _, s := range g.Sites {
		for _, l := range s.Locations {
			column[l] = 0
		}
	}
	for range len(column) { // longer than any chain
		for _, m := range forward(g) {
			column[m.To] = max(column[m.To], column[m.From]+1)
		}
	}
	return column
}

// forward are the moves that lead on.
func forward(g *Graph) []*Move {
	var out []*Move
	reached := map[*Location]bool{}
	for _, late := range []bool{false, true} { // first without what leaves archives
		for _, m := range allMoves(g) {
			back := m.From == m.To || m.From.Type == opsdb.Archive && !late || late && reached[m.To] || bothWays(m)
			if !back && m.To.Type != opsdb.Source {
				out = append(out, m)
			}
		}
		for _, m := range out {
			reached[m.To] = true
		}
	}
	return out
}

func allMoves(g *Graph) []*Move {
	var out []*Move
	for _, r := range g.Routes {
		for _, s := range r.Stages {
			out = append(out, s.Moves...)
		}
	}
	return out
}

// bothWays reports whether the stage of m reads where it writes, as a replication does.
func bothWays(m *Move) bool {
	return slices.ContainsFunc(m.Stage.Moves, func(o *Move) bool { return o.From == m.To && o.From != o.To })
}

// groups are sites that stand above each other: their columns overlap.
func (l layout) groups(g *Graph) [][]*Site {
	var out [][]*Site
	for _, s := range g.Sites {
		if len(s.Locations) == 0 {
			continue
		}
		group := []*Site{s}
		out = slices.DeleteFunc(out, func(other []*Site) bool {
			touches := slices.ContainsFunc(other, func(o *Site) bool { return l.overlap(o, s) })
			if touches {
				group = append(slices.Clone(other), group...)
			}
			return touches
		})
		out = append(out, group)
	}
	return out
}

func (l layout) overlap(a, b *Site) bool {
	aFrom, aTo := l.span(a)
	bFrom, bTo := l.span(b)
	return aFrom <= bTo && bFrom <= aTo
}

// span is the first and last column of a site.
func (l layout) span(s *Site) (first, last int) {
	byColumn := func(a, b *Location) int { return cmp.Compare(l.column[a], l.column[b]) }
	return l.column[slices.MinFunc(s.Locations, byColumn)], l.column[slices.MaxFunc(s.Locations, byColumn)]
}

// rows gives each location of a site its row. Processing stands below what it is fed from.
func (l layout) rows(s *Site) (row map[*Location]int, count int) {
	row, used := map[*Location]int{}, map[int]int{}
	ordered := slices.Clone(s.Locations)
	slices.SortStableFunc(ordered, func(a, b *Location) int {
		return cmp.Compare(b2i(a.Type == opsdb.Processing), b2i(b.Type == opsdb.Processing))
	})
	for _, loc := range ordered {
		c := l.column[loc]
		if loc.Type == opsdb.Processing {
			used[c] = max(used[c], 1)
		}
		row[loc] = used[c]
		used[c]++
		count = max(count, used[c])
	}
	return row, count
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (l layout) siteHeight(s *Site) float64 {
	_, rows := l.rows(s)
	return siteHead + float64(rows)*(nodeHeight+rowGap) - rowGap + sitePad
}

func (l layout) groupHeight(group []*Site) float64 {
	sum := -siteGap
	for _, s := range group {
		sum += l.siteHeight(s) + siteGap
	}
	return sum
}

// place puts a site and its locations; a column with fewer rows stands in the middle.
func (l layout) place(s *Site, y, wide float64) {
	first, last := l.span(s)
	step := wide + columnGap
	l.sites[s] = box{x: margin + float64(first)*step, y: y, w: float64(last-first)*step + wide + 2*sitePad, h: l.siteHeight(s)}
	row, rows := l.rows(s)
	alone := map[int]int{}
	for _, loc := range s.Locations {
		alone[l.column[loc]]++
	}
	for _, loc := range s.Locations {
		c := l.column[loc]
		down := float64(row[loc])
		if alone[c] == 1 && first == last {
			down = float64(rows-1) / 2
		} else if alone[c] == 1 && loc.Type == opsdb.Buffer && c == last {
			down = float64(rows-1) / 2 // what many feed
		}
		l.nodes[loc] = box{x: margin + sitePad + float64(c)*step, y: y + siteHead + down*(nodeHeight+rowGap), w: wide, h: nodeHeight}
	}
}
