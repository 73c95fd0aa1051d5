package engine

import (
	"fmt"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// reserveOf is how many bytes of a place are kept for packages that have left
// their source site; never more than half of what there is.
func (o openness) reserveOf(at *graph.Location, limit int64) int64 { return min(at.Reserve, limit/2) }

// limitFor is how many bytes there may be at a place, for one who may use the
// reserve or not; known is false if nothing limits it. It is at least 1, since 0 says no limit.
func (o openness) limitFor(at *graph.Location, reserve bool) (limit int64, known bool) {
	if at == nil {
		return 0, false
	}
	limit, known = o.roomLimit(at.Name)
	if known && !reserve {
		limit -= o.reserveOf(at, limit)
	}
	return max(1, limit), known
}

// most is how many bytes a place could take if it were empty.
func (o openness) most(at *graph.Location, reserve bool) (most int64, known bool) {
	switch l := o.w.Locations[at.Name]; {
	case at.Capacity > 0:
		most = at.Capacity
	case l.Total > 0:
		most = l.Total
	default:
		return 0, false
	}
	if !reserve {
		most -= o.reserveOf(at, most)
	}
	return most, true
}

// fits reports whether bytes more have room at a location now.
func (o openness) fits(at *graph.Location, bytes int64, reserve bool) bool {
	limit, known := o.limitFor(at, reserve)
	l := o.w.Locations[at.Name]
	return !known || l.Used+l.Reserved+bytes <= limit
}

// entitled reports whether a move may use the reserve of its destination and
// goes whoever waits there before it.
func (a *arranger) entitled(m opsdb.OpenMove) bool {
	l, ok := a.lowest[m.To]
	return ok && l.Package == m.Package
}

// roomFor looks for room at the destination. Who does not fit stands at the
// head of the queue: nobody after it takes the room it waits for.
func (a *arranger) roomFor(m opsdb.OpenMove) shut {
	to := a.g.Locations[m.To]
	if !makes(m) || to == nil || m.Bytes == 0 {
		return shut{}
	}
	first := a.entitled(m)
	if head, ok := a.behind[m.To]; ok && !first {
		return shut{reason: NoRoom, text: fmt.Sprintf("package %s comes first at %s and waits for room", head.Package.Short(), m.To)}
	}
	l := a.w.Locations[m.To]
	if m.OnWay && !first && to.Ahead > 0 && a.w.Waiting[m.To]+l.Reserved+a.into[m.To] >= to.Ahead {
		return shut{reason: NoRoom, text: fmt.Sprintf("%d bytes wait at %s for their next hop already", a.w.Waiting[m.To]+l.Reserved, m.To)}
	}
	if share, known := a.backfillShare(to, m); known && l.Backfill+a.filled[m.To]+m.Bytes > share {
		return shut{reason: NoRoom, text: fmt.Sprintf("back-fill has its %d %% of %s", to.Backfill, m.To)}
	}
	if limit, known := a.limitFor(to, first); known && l.Used+l.Reserved+a.into[m.To]+m.Bytes > limit {
		if !first && m.Bytes <= limit {
			a.behind[m.To] = m // others' bytes may leave it no room for ever: then nobody waits for it
		}
		return shut{reason: NoRoom, text: fmt.Sprintf("%s has %d bytes, %d more would exceed %d", m.To, l.Used+l.Reserved+a.into[m.To], m.Bytes, limit)}
	}
	a.take(m)
	return shut{}
}

func (a *arranger) take(m opsdb.OpenMove) {
	a.into[m.To] += m.Bytes
	if m.Class == opsdb.Backfill {
		a.filled[m.To] += m.Bytes
	}
}

// backfillShare is how much of a buffer back-fill may use; one package may always.
func (a *arranger) backfillShare(to *graph.Location, m opsdb.OpenMove) (int64, bool) {
	if to == nil || m.Class != opsdb.Backfill || to.Backfill <= 0 {
		return 0, false
	}
	limit, known := a.roomLimit(to.Name)
	return max(m.Bytes, limit*int64(to.Backfill)/100), known
}
