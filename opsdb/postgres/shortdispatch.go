package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// Dispatch implements opsdb.Short. The packages are held, at the version
// that was evaluated, or new: what is known of them is as it was then.
func (h *short) Dispatch(_ context.Context, grants []opsdb.Grant) ([]opsdb.Dispatched, error) {
	d := dispatch{tx: h.tx, revision: h.revision, epoch: h.world.Epoch, restored: h.world.Restored != nil, seen: map[opsdb.ID]int64{}, batches: map[opsdb.ID]bool{}}
	d.known = known{stale: map[opsdb.ID]bool{}, packs: map[opsdb.ID]pack{}, open: map[opsdb.ID][]job{}, copies: map[opsdb.ID][]opsdb.Copy{}, used: map[string]int64{}}
	rooms, slots, most := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, g := range grants {
		if err := h.learn(&d, g); err != nil {
			return nil, err
		}
		if g.Room > 0 || g.Backfill > 0 {
			rooms[g.Move.To] = true
		}
		for name, limit := range g.Slots {
			if old, named := most[name]; !named || limit < old {
				slots[name], most[name] = true, limit
			}
			d.used[name] = 0 // it is counted at the end
		}
	}
	d.takeNamed("room", "location", rooms)
	d.takeNamed("slot", "name", slots)
	out := make([]opsdb.Dispatched, len(grants))
	for i, g := range grants {
		err := h.counted(g)
		if err == nil {
			out[i], err = d.grant(g)
		}
		if err != nil {
			return nil, fmt.Errorf("package %s, stage %s: %w", g.Move.Package, g.Move.Stage, err)
		}
		if out[i].Refusal == opsdb.Granted {
			h.given = append(h.given, g)
			delete(d.stale, g.Move.Package) // another move of it goes to another place
			if n := h.fresh[g.Move.Package]; n != nil {
				n.tasks++
			}
		}
	}
	h.expected = nil
	err := errors.Join(h.writeCopies(), d.writeTasks(), h.Bring(granted(out)...))
	h.holdTo(most)
	return out, err
}

// holdTo has the transaction fail if more slots are taken than there are. They are counted under their locks, with those it took itself.
func (h *short) holdTo(most map[string]int) {
	if len(most) == 0 {
		return
	}
	var names []string
	var limits []int64
	for _, name := range slices.Sorted(maps.Keys(most)) {
		names, limits = append(names, name), append(limits, int64(most[name]))
	}
	h.queue(`SELECT 1 / (CASE WHEN EXISTS (SELECT 1 FROM unnest($1::text[], $2::bigint[]) x (slot, most) WHERE (SELECT count(*) FROM task_slot t WHERE t.slot = x.slot) > x.most) THEN 0 ELSE 1 END)`, names, limits)
}

// overdrawn is how PostgreSQL says what holdTo has it say: division by zero.
const overdrawn = "22012"

// counted has the copies that tasks will bring written with those of new packages, unless the room they take is to be counted.
func (h *short) counted(g opsdb.Grant) error {
	if h.expected = &h.copies; g.Room > 0 || g.Backfill > 0 {
		h.expected = nil
		return h.writeCopies()
	}
	return nil
}

// learn fills in what a grant looks at.
func (h *short) learn(d *dispatch, g opsdb.Grant) error {
	f, ok := h.facts[g.Move.Package]
	if !ok || g.Move.Type == "delete" || g.Batch != "" {
		return fmt.Errorf("package %s, stage %s goes no short way: %w", g.Move.Package, g.Move.Stage, opsdb.ErrChanged)
	}
	for _, t := range f.Tasks {
		if t.State.Open() && t.To == g.Move.To {
			return fmt.Errorf("task %s has this place: %w", t.ID, opsdb.ErrChanged)
		}
	}
	if n := h.fresh[f.Package.ID]; n != nil && n.state == nil {
		h.writeNew(n, opsdb.Evaluation{Package: f.Package.ID})
		h.copies = append(h.copies, n.facts.Copies...)
	}
	d.packs[f.Package.ID], d.known.copies[f.Package.ID] = pack{Package: f.Package}, f.Copies
	return nil
}
