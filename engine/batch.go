package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// batchKey is what can go in one call of a transport: ready moves of one class
// of one stage between two places.
type batchKey struct {
	route, stage, from, to string
	class                  opsdb.Class
}

func batchKeyOf(m opsdb.OpenMove) batchKey {
	return batchKey{m.Route, m.Stage, m.From, m.To, m.Class}
}

// batched reports whether a move is sent together with others of its stage.
func batched(s *graph.Stage, link *graph.Link) bool {
	return s != nil && link != nil && s.Batch.MaxPackages > 0
}

// waits reports whether packages of a class wait for others: a repair or a
// request goes at once, with what is ready.
func waits(c opsdb.Class) bool { return c == opsdb.Fresh || c == opsdb.Backfill }

// latest is when a move that is ready goes however few go with it. What had
// found enough others, and then no slot or room, waits for none again.
func latest(m opsdb.OpenMove, b graph.Batch) time.Time {
	if !waits(m.Class) || Reason(m.Reason) == NoSlot || Reason(m.Reason) == NoRoom {
		return time.Time{}
	}
	return m.Since.Add(b.MaxWait)
}

// batchDue is when a package that comes out ready now has waited long enough
// for others, so that it is looked at then; zero: it waits for none.
func (v *view) batchDue(m *graph.Move) time.Time {
	if !batched(m.Stage, m.Link) || m.Stage.Batch.MaxWait == 0 {
		return time.Time{}
	}
	since := v.now
	if old := v.previous(m.Stage.Name, m.From.Name, m.To.Name); old != nil && !old.Since.IsZero() && (Reason(old.Reason) == CanGo || Reason(old.Reason) == NotTogether) {
		since = old.Since
	}
	if at := since.Add(m.Stage.Batch.MaxWait); at.After(v.now) {
		return at
	}
	return time.Time{}
}

// batching is the moves of one key in a round of dispatching.
type batching struct {
	moves []opsdb.OpenMove // not looked at yet, in their order
	shut  shut             // why the rest waits, once that is known
	id    opsdb.ID         // of the batch that is being filled
	count int
	bytes int64
}

// gather finds what could go together, before anything is given out.
func (a *arranger) gather(moves []opsdb.OpenMove) {
	for _, m := range moves {
		route, stage := a.find(m)
		link := a.g.Links[m.Link]
		if route == nil || !batched(stage, link) {
			continue
		}
		a.pkg = m.Package
		if !a.downMove(m.Type, m.From, m.To, link).open() || !a.pausedMove(route, m.Stage, m.From, m.To, link).open() {
			continue
		}
		key := batchKeyOf(m)
		if a.batches[key] == nil {
			a.batches[key] = &batching{}
		}
		a.batches[key].moves = append(a.batches[key].moves, m)
	}
}

// together is gate 9: whether a move goes in the batch that is being filled,
// or begins one. It begins one if enough are together, or one of them has
// waited long enough.
func (a *arranger) together(m opsdb.OpenMove, stage *graph.Stage, link *graph.Link) (*batching, shut) {
	b := a.batches[batchKeyOf(m)]
	if b == nil || !batched(stage, link) {
		return nil, shut{}
	}
	i := slices.IndexFunc(b.moves, func(o opsdb.OpenMove) bool { return o.Package == m.Package })
	if i < 0 {
		return nil, shut{} // it is down or paused, and waits for that
	}
	b.moves = b.moves[i:]
	if b.id != "" && b.fits(m, stage.Batch) || b.ready(a.w.Now, stage.Batch) {
		if !b.fits(m, stage.Batch) {
			b.id, b.count, b.bytes = "", 0, 0
		}
		return b, shut{}
	}
	return nil, b.shut
}

func (b *batching) fits(m opsdb.OpenMove, limit graph.Batch) bool {
	return b.count == 0 || b.count < limit.MaxPackages && (limit.MaxSize == 0 || b.bytes+m.Bytes <= limit.MaxSize)
}

// ready reports whether a batch of what is left may go now; what is left gets
// fewer, so a no holds for all of it.
func (b *batching) ready(now time.Time, limit graph.Batch) bool {
	if !b.shut.open() {
		return false
	}
	var bytes int64
	var first time.Time
	for i, m := range b.moves {
		bytes += m.Bytes
		at := latest(m, limit)
		if i+1 >= limit.MaxPackages || limit.MaxSize > 0 && bytes >= limit.MaxSize || !at.After(now) {
			return true
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	b.shut = shut{reason: NotTogether, text: fmt.Sprintf("%d of at most %d packages are together, %d bytes%s; they go %s at the latest",
		len(b.moves), limit.MaxPackages, bytes, ofAtMost(limit.MaxSize), stamp(first)), next: first}
	return false
}

func ofAtMost(size int64) string {
	if size == 0 {
		return ""
	}
	return fmt.Sprintf(" of at most %d", size)
}

// take puts a move that got all it needs into the batch.
func (b *batching) take(m opsdb.OpenMove) opsdb.ID {
	if b.count == 0 {
		b.id = opsdb.NewID()
	}
	b.count, b.bytes = b.count+1, b.bytes+m.Bytes
	return b.id
}

// alone takes batches of one apart: there is nothing to send together.
func alone(grants []opsdb.Grant) []opsdb.Grant {
	sizes := map[opsdb.ID]int{}
	for _, g := range grants {
		sizes[g.Batch]++
	}
	for i := range grants {
		if sizes[grants[i].Batch] == 1 {
			grants[i].Batch = ""
		}
	}
	return grants
}
