package postgres

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// newPack is a package of which nothing is written yet.
type newPack struct {
	facts opsdb.Facts
	files []opsdb.ID
	first time.Time // filed
	state []any     // of its package_state, once it was evaluated
	tasks int64     // made of it
}

// makeAll makes the packages of a new group that is closed at once.
func (h *short) makeAll(g *newGroup, packages []opsdb.NewPackage) (out []opsdb.Facts) {
	delete(h.groups, g.ID)
	h.writeClosed(g)
	before := h.numbers[g.Route]
	for _, n := range packages {
		h.numbers[g.Route]++
		out = append(out, h.make(g, n))
	}
	h.number(g.Route, before)
	h.groupClosed(g.Group, h.revision)
	return out
}

// make is one package as it would be read if its rows were there: its version counts its copy.
func (h *short) make(g *newGroup, n opsdb.NewPackage) opsdb.Facts {
	p := n.Package
	h.complete(&p, shut{group: group{Group: g.Group}, observed: h.world.Observed}, n, h.numbers[g.Route])
	p.ObservedAt, p.MadeAt, p.Version, p.Evaluated = stored(p.ObservedAt), stored(p.MadeAt), 2, 0
	c := opsdb.Copy{ID: opsdb.NewID(), Package: p.ID, Location: p.Source, Form: opsdb.Files, State: opsdb.Present, Size: p.Bytes, VerifiedAge: h.world.Observed}
	f := opsdb.Facts{Package: p, Copies: []opsdb.Copy{c}}
	made := &newPack{facts: f, first: firstFiled(n)}
	for i := range n.Files {
		made.files = append(made.files, n.Files[i].ID)
	}
	h.fresh[p.ID], h.facts[p.ID] = made, f
	return f
}

// writeClosed writes a group that is closed by the way that opened it.
func (h *short) writeClosed(g *newGroup) {
	first := time.Time{}
	for _, f := range g.files {
		if first.IsZero() || f.FiledAt.Before(first) {
			first = f.FiledAt
		}
	}
	h.changes++
	h.queue(`INSERT INTO file_group (id, route, stage, location, group_key, instrument, observation, module, program, tags, files, bytes, first, last, first_filed, finished, closed, version, evaluated)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, true, $17, $17)`,
		string(g.ID), g.Route, g.Stage, g.Location, g.Key, g.Instrument, g.Observation, g.Module, g.Program, text(g.Tags), g.Files, g.Bytes, us(g.First), us(g.Last), us(first), g.Finished, g.Version)
}

// saveFresh writes new packages with what was concluded for them.
func (h *short) saveFresh(evals []opsdb.Evaluation) error {
	var moves []opsdb.OpenMove
	for _, e := range evals {
		n := h.fresh[e.Package]
		if e.Version != n.facts.Package.Version || len(e.Condemn)+len(e.Pardon)+len(e.Lose)+len(e.Press)+len(e.Resent)+len(e.Withdraw) > 0 {
			return fmt.Errorf("package %s: what was concluded is more than a beginning: %w", n.facts.Package.Name, opsdb.ErrChanged)
		}
		h.writeNew(n, e)
		for _, m := range e.Moves {
			m.Package, m.Version = e.Package, e.Version
			moves = append(moves, m)
		}
		for _, ev := range e.Events {
			ev.Package, ev.Revision = e.Package, h.revision
			h.event(ev)
		}
		h.copies = append(h.copies, n.facts.Copies...)
	}
	hops := hopsOf(moves)
	return errors.Join(
		h.fill("open_move", tables.MoveFields(), len(moves), func(i int) []any { return tables.MoveRow(moves[i]) }),
		h.fill("hop", []string{"package", "location", "bytes"}, len(hops), func(i int) []any { return []any{string(hops[i].Package), hops[i].From, hops[i].Bytes} }),
		h.saveCauses(evals, replaced{}))
}

// hopsOf are, for each package and place it would leave, the largest of the moves.
func hopsOf(moves []opsdb.OpenMove) (hops []opsdb.OpenMove) {
	for _, m := range moves {
		if m.Type == "verify" || m.Type == "delete" {
			continue
		}
		i := slices.IndexFunc(hops, func(o opsdb.OpenMove) bool { return o.Package == m.Package && o.From == m.From })
		if i < 0 {
			hops = append(hops, m)
		} else if hops[i].Bytes < m.Bytes {
			hops[i] = m
		}
	}
	return hops
}

// writeNew writes a package, where it stands, and its members, whose facts are those of the files' rows.
func (h *short) writeNew(n *newPack, e opsdb.Evaluation) {
	p, status, urgent, policies := n.facts.Package, "packing", false, "{}"
	for _, m := range e.Moves {
		urgent = urgent || m.Class == opsdb.Repair || m.Class == opsdb.Request
		if m.Verdict == "blocked" {
			status = "blocked"
		}
	}
	if e.Policies != nil {
		policies = text(e.Policies)
	}
	n.state = []any{string(p.ID), h.revision, e.Version, us(e.WakeAt), text(append([]string{}, e.Wanted...)), policies, urgent, status}
	h.changes++
	h.queued.Queue(`WITH p AS (INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size,
	    instrument, observation, module, program, tags, observed_at, made_at, made_age, first_filed)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) RETURNING key)
	  INSERT INTO member (package, path, file, size, mod_time, identity)
	    SELECT p.key, f.path, f.key, f.size, f.mod_time, f.identity FROM p CROSS JOIN unnest($22::text[]) x (id) CROSS JOIN LATERAL (SELECT * FROM file WHERE file.id = x.id OFFSET 0) f`,
		clean([]any{string(p.ID), p.Route, p.Stage, p.Number, p.Name, p.Dir, string(p.Group), p.Source, p.Destination, p.Files, p.Bytes, p.Size,
			p.Instrument, p.Observation, p.Module, p.Program, text(p.Tags), us(p.ObservedAt), us(p.MadeAt), us(p.MadeAge), us(n.first), idList(n.files)})...).
		Exec(func(tag pgconn.CommandTag) error {
			if got := tag.RowsAffected(); got != int64(len(n.files)) {
				return fmt.Errorf("%d members of %d were written: %w", got, len(n.files), opsdb.ErrInvariant)
			}
			return nil
		})
}

// writeStates writes where the new packages stand, last of all, as it is after their copies and tasks: a task raises the
// version. Written before these, the row would be written again by each of them, and the last time into all of its indexes.
func (h *short) writeStates() error {
	for _, id := range slices.Sorted(maps.Keys(h.fresh)) {
		n := h.fresh[id]
		if err := h.exec(`INSERT INTO package_state (package, id, made_at, first_filed, version, revision, evaluated, wake_at, wanted, policies, urgent, status)
		  SELECT key, id, made_at, first_filed, $9, $2, $3, $4, $5, $6, $7, $8 FROM package WHERE id = $1`, append(n.state, n.facts.Package.Version+n.tasks)...); err != nil {
			return err
		}
	}
	return nil
}

// writeCopies writes the copies that were made so far, those of new packages in one statement: they raise the version once.
func (h *short) writeCopies() error {
	var fresh, others []opsdb.Copy
	for _, c := range h.copies {
		if h.fresh[c.Package] != nil {
			fresh = append(fresh, c)
		} else {
			others = append(others, c)
		}
	}
	h.copies = nil
	for _, c := range others {
		if err := tables.InsertCopy(h, c); err != nil {
			return err
		}
	}
	return h.fill("copy", []string{"id", "package", "location", "form", "path", "state", "size", "verified_age", "backfill"}, len(fresh), func(i int) []any {
		c := &fresh[i]
		return []any{string(c.ID), string(c.Package), c.Location, string(c.Form), blob(c.Path), string(c.State), c.Size, us(c.VerifiedAge), c.Backfill}
	})
}
