package engine

import (
	"maps"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Turns remembers how many bytes of each link every class had lately, so that
// each lower class keeps its share. To lose it costs nothing but a little
// fairness. It is used by one dispatcher at a time; a nil Turns remembers nothing.
type Turns struct {
	given map[string]map[opsdb.Class]int64
}

// lately is how many bytes of a link are remembered, roughly.
const lately = 4 << 40

// NewTurns returns turns that remember nothing yet.
func NewTurns() *Turns { return &Turns{given: map[string]map[opsdb.Class]int64{}} }

// Gave records that a class was given bytes of a link.
func (t *Turns) Gave(link string, c opsdb.Class, bytes int64) {
	if t == nil || link == "" {
		return
	}
	if t.given[link] == nil {
		t.given[link] = map[opsdb.Class]int64{}
	}
	t.given[link][c] += bytes
	if total(t.given[link]) > lately {
		for c := range t.given[link] {
			t.given[link][c] /= 2
		}
	}
}

// order gives back the moves with those of each link in the order in which
// its next slots are due: the highest class, but a lower one first as long as
// it has had less than its share.
func (t *Turns) order(o openness, moves []opsdb.OpenMove) []opsdb.OpenMove {
	if t == nil {
		return moves
	}
	places := map[string][]int{}
	for i, m := range moves {
		if m.Link != "" {
			places[m.Link] = append(places[m.Link], i)
		}
	}
	out := slices.Clone(moves)
	for _, name := range sortedKeys(places) {
		if link := o.g.Links[name]; link != nil && link.Share > 0 {
			t.orderLink(link, moves, out, places[name])
		}
	}
	return out
}

// orderLink rearranges the moves at the given indices among these indices.
func (t *Turns) orderLink(link *graph.Link, moves, out []opsdb.OpenMove, at []int) {
	queues := map[opsdb.Class][]int{}
	for _, i := range at {
		queues[moves[i].Class] = append(queues[moves[i].Class], i)
	}
	if len(queues) < 2 {
		return
	}
	given := maps.Clone(t.given[link.Name()])
	if given == nil {
		given = map[opsdb.Class]int64{}
	}
	for _, slot := range at {
		c := due(queues, given, int64(link.Share))
		i := queues[c][0]
		if queues[c] = queues[c][1:]; len(queues[c]) == 0 {
			delete(queues, c)
		}
		given[c] += moves[i].Bytes
		out[slot] = moves[i]
	}
}

// due is the class whose turn it is.
func due(queues map[opsdb.Class][]int, given map[opsdb.Class]int64, share int64) opsdb.Class {
	all := total(given)
	var first opsdb.Class
	for _, c := range opsdb.Classes() {
		switch {
		case len(queues[c]) == 0:
		case first == "":
			first = c
		case given[c]*100 < all*share:
			return c
		}
	}
	if first == "" {
		first = sortedKeys(queues)[0] // a class no list knows
	}
	return first
}

func total(given map[opsdb.Class]int64) (sum int64) {
	for _, n := range given {
		sum += n
	}
	return sum
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func cutPrefix(s, prefix string) (string, bool) { return strings.CutPrefix(s, prefix) }
