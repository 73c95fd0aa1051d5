package sqlite

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Waiting implements opsdb.Planning.
func (s *Store) Waiting(ctx context.Context, moves []opsdb.OpenMove) error {
	return s.write(ctx, "Waiting", func(t *tx) error {
		t.quiet = true
		for _, m := range moves {
			if err := t.exec(`UPDATE open_move SET verdict = 'waiting', reason = ?1, text = ?2, since = CASE verdict WHEN 'ready' THEN coalesce(since, ?3) ELSE ?3 END, waits = ?9
			  WHERE package = ?4 AND stage = ?5 AND from_loc = ?6 AND to_loc = ?7 AND version = ?8 AND queued = 1 AND (verdict <> 'waiting' OR reason <> ?1 OR text <> ?2)`,
				m.Reason, m.Text, us(t.now), string(m.Package), m.Stage, m.From, m.To, m.Version, string(m.Waits.At(m.Reason, t.now))); err != nil {
				return err
			}
		}
		return nil
	})
}

// Dispatch implements opsdb.Planning.
func (s *Store) Dispatch(ctx context.Context, revision int64, grants []opsdb.Grant) (out []opsdb.Dispatched, err error) {
	err = s.write(ctx, "Dispatch", func(t *tx) error {
		t.quiet = true
		d := dispatch{tx: t, revision: revision, seen: map[opsdb.ID]int64{}, batches: map[opsdb.ID]bool{}}
		var active int64
		if _, err := t.get([]any{&active, &d.epoch}, `SELECT revision, epoch FROM opsdb`); err != nil {
			return err
		}
		out = make([]opsdb.Dispatched, len(grants))
		for i, g := range grants {
			if active != revision {
				out[i] = opsdb.Dispatched{Refusal: opsdb.OldRevision, Text: fmt.Sprintf("revision %d is active", active)}
				continue
			}
			if out[i], err = d.grant(g); err != nil {
				return fmt.Errorf("package %s, stage %s: %w", g.Move.Package, g.Move.Stage, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// dispatch is one call of Dispatch.
type dispatch struct {
	*tx
	revision int64
	epoch    string
	seen     map[opsdb.ID]int64 // versions as they were before this call changed them
	batches  map[opsdb.ID]bool  // those that have their slots
}

func refused(r opsdb.Refusal, format string, args ...any) opsdb.Dispatched {
	return opsdb.Dispatched{Refusal: r, Text: fmt.Sprintf(format, args...)}
}

func (d *dispatch) grant(g opsdb.Grant) (opsdb.Dispatched, error) {
	m := g.Move
	p, err := tables.PackOf(d, m.Package)
	if err != nil {
		return opsdb.Dispatched{}, err
	}
	if _, ok := d.seen[p.ID]; !ok {
		d.seen[p.ID] = p.Version
	}
	if d.seen[p.ID] != m.Version {
		return refused(opsdb.StaleFacts, "the package is at version %d, evaluated was %d", p.Version, m.Version), nil
	}
	old, err := query(&d.view, tables.ScanJob, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.package = ? AND t.to_loc = ? AND t.state IN ('pending', 'scheduled', 'in_progress')`,
		string(p.ID), m.To)
	if err != nil {
		return opsdb.Dispatched{}, err
	}
	if len(old) > 0 && !again(old[0], m) {
		return refused(opsdb.OtherTask, "task %s (%s) has this place", old[0].ID.Short(), old[0].Stage), nil
	}
	if no, err := d.slots(g); err != nil || no != nil {
		return deref(no), err
	}
	j, no, err := d.task(g, p, old)
	if err != nil || no != nil {
		return deref(no), err
	}
	return d.schedule(j, g, len(old) > 0)
}

func deref(d *opsdb.Dispatched) opsdb.Dispatched {
	if d == nil {
		return opsdb.Dispatched{}
	}
	return *d
}

// again reports whether a task that backs off is the one the move asks for.
func again(j job, m opsdb.OpenMove) bool {
	return j.State == opsdb.TaskPending && j.Stage == m.Stage && j.From == m.From && j.Type == m.Type
}

// slots looks whether all slots can be taken.
func (d *dispatch) slots(g opsdb.Grant) (*opsdb.Dispatched, error) {
	if d.batches[g.Batch] {
		return nil, nil // one slot is for all of them
	}
	for _, name := range slices.Sorted(maps.Keys(g.Slots)) {
		used, err := d.count(`SELECT in_use FROM slot WHERE name = ?`, name)
		if err != nil {
			return nil, err
		}
		if limit := g.Slots[name]; used >= int64(limit) {
			no := refused(opsdb.NoSlot, "%d of %d slots of %s are taken", used, limit, name)
			return &no, nil
		}
	}
	return nil, nil
}

// task is the task to be scheduled: a new one, or the one that backed off.
func (d *dispatch) task(g opsdb.Grant, p pack, old []job) (job, *opsdb.Dispatched, error) {
	m := g.Move
	j := job{Task: opsdb.Task{ID: opsdb.NewID(), Route: m.Route, Stage: m.Stage, Type: m.Type, Package: m.Package, From: m.From, To: m.To,
		Link: m.Link, SendSite: m.SendSite, ReceiveSite: m.ReceiveSite, Piece: g.Piece, SourceCopy: m.SourceCopy, TargetCopy: m.TargetCopy,
		Path: g.Path, Expect: m.Expect, Bytes: m.Bytes, Epoch: d.epoch}, Form: g.Form}
	if len(old) > 0 {
		j = old[0]
	}
	if j.Piece == "" {
		j.Piece = opsdb.Whole
	}
	j.Class, j.Priority, j.Revision, j.State = m.Class, m.Priority, d.revision, opsdb.TaskScheduled
	j.ClaimBy, j.LeaseUntil = g.ClaimBy, d.now.Add(g.ClaimBy)
	j.SourceCopy = m.SourceCopy // the one it read before may have been replaced
	j.Batch, j.Waits = g.Batch, m.Waits.At(opsdb.ForClaim, d.now)
	var no *opsdb.Dispatched
	var err error
	switch m.Type {
	case "delete":
		no, err = tables.Deletion(d, &j, p, len(old) > 0)
	case "verify":
		no, err = d.reading(&j)
	case "package":
		if no, err = tables.Packing(d); no == nil && err == nil {
			no, err = d.making(&j, g)
		}
	default:
		no, err = d.making(&j, g)
	}
	return j, no, err
}

// reading is a task on a copy that stands.
func (d *dispatch) reading(j *job) (*opsdb.Dispatched, error) {
	c, err := tables.CopyOf(d, j.TargetCopy)
	if err != nil {
		return nil, err
	}
	if !c.Live() {
		no := refused(opsdb.StaleFacts, "the copy is %s", c.State)
		return &no, nil
	}
	j.Path, j.Form = c.Path, c.Form
	return nil, nil
}

// making is a task that brings a copy: it takes room for it.
func (d *dispatch) making(j *job, g opsdb.Grant) (*opsdb.Dispatched, error) {
	there, err := query(&d.view, tables.ScanCopy, `SELECT `+tables.CopyColumns+tables.CopyFrom+`WHERE c.package = ? AND c.location = ? AND c.state NOT IN ('deleted', 'quarantined', 'lost')`,
		string(j.Package), j.To)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		c := there[0]
		if c.State != opsdb.Arrived && c.State != opsdb.Expected {
			no := refused(opsdb.StaleFacts, "a copy stands there already, %s", c.State)
			return &no, nil
		}
		j.TargetCopy, j.Path, j.Form = c.ID, c.Path, c.Form
		return nil, nil
	}
	backfill := g.Move.Class == opsdb.Backfill
	if no, err := d.room(j, g, backfill); err != nil || no != nil {
		return no, err
	}
	if j.Form == "" {
		j.Form = opsdb.Tar
	}
	j.TargetCopy = opsdb.NewID()
	return nil, tables.InsertCopy(d, opsdb.Copy{ID: j.TargetCopy, Package: j.Package, Location: j.To, Form: j.Form, Path: j.Path,
		State: opsdb.Expected, Size: j.Bytes, Backfill: backfill})

}

func (d *dispatch) room(j *job, g opsdb.Grant, backfill bool) (*opsdb.Dispatched, error) {
	var used, reserved, filled int64
	if _, err := d.get([]any{&used, &reserved, &filled}, `SELECT used, reserved, backfill FROM room WHERE location = ?`, j.To); err != nil {
		return nil, err
	}
	var no opsdb.Dispatched
	switch {
	case g.Room > 0 && used+reserved+j.Bytes > g.Room:
		no = refused(opsdb.NoRoom, "%s: %d bytes used, %d reserved, %d wanted, %d may be", j.To, used, reserved, j.Bytes, g.Room)
	case backfill && g.Backfill > 0 && filled+j.Bytes > g.Backfill:
		no = refused(opsdb.NoRoom, "%s: %d bytes of back-fill, %d wanted, %d may be", j.To, filled, j.Bytes, g.Backfill)
	default:
		return nil, nil
	}
	return &no, nil
}

// schedule writes the task and takes its slots.
func (d *dispatch) schedule(j job, g opsdb.Grant, again bool) (opsdb.Dispatched, error) {
	if again {
		if err := d.exec(`UPDATE task SET state = 'scheduled', class = ?, priority = ?, revision = ?, claim_by = ?, lease_until = ?, next_try = NULL, subject = '',
		  source_copy = ?, target_copy = ?, path = ?, worker = '', batch = ?, waits = ?, updated_at = ? WHERE id = ?`, string(j.Class), j.Priority, j.Revision, j.ClaimBy.Microseconds(), us(j.LeaseUntil),
			string(j.SourceCopy), string(j.TargetCopy), blob(j.Path), string(j.Batch), string(j.Waits), us(d.now), string(j.ID)); err != nil {
			return opsdb.Dispatched{}, err
		}
	} else if err := d.insertTask(j); err != nil {
		return opsdb.Dispatched{}, err
	}
	if !d.batches[j.Batch] {
		for name := range g.Slots {
			if err := d.exec(`INSERT INTO task_slot (task, slot) VALUES (?, ?)`, string(j.Holder()), name); err != nil {
				return opsdb.Dispatched{}, err
			}
		}
		d.batches[j.Batch] = j.Batch != ""
	}
	stored, err := tables.JobOf(d, j.ID)
	return opsdb.Dispatched{Task: stored.Task}, err
}
