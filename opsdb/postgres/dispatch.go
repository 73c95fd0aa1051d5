package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Waiting implements opsdb.Planning.
func (s *Store) Waiting(ctx context.Context, moves []opsdb.OpenMove) error {
	return s.write(ctx, "Waiting", func(t *tx) error {
		t.quiet = true
		for _, m := range moves {
			if err := t.exec(`UPDATE open_move SET verdict = 'waiting', reason = $1, text = $2, since = CASE verdict WHEN 'ready' THEN coalesce(since, $3) ELSE $3 END, waits = $9
			  WHERE package = $4 AND stage = $5 AND from_loc = $6 AND to_loc = $7 AND version = $8 AND queued AND (verdict <> 'waiting' OR reason <> $1 OR text <> $2)`,
				m.Reason, m.Text, us(t.now), string(m.Package), m.Stage, m.From, m.To, m.Version, string(m.Waits.At(m.Reason, t.now))); err != nil {
				return err
			}
		}
		return nil
	})
}

// Dispatch implements opsdb.Planning.
func (s *Store) Dispatch(ctx context.Context, revision int64, grants []opsdb.Grant) (out []opsdb.Dispatched, err error) {
	err = s.writeHow(ctx, soon, "Dispatch", func(t *tx) error {
		t.quiet = true
		d := dispatch{tx: t, revision: revision, seen: map[opsdb.ID]int64{}, batches: map[opsdb.ID]bool{}}
		var active int64
		t.each(func(r scanner) error { return r.Scan(&active, &d.epoch, &d.restored) }, `SELECT revision, epoch, restored_at IS NOT NULL FROM opsdb FOR SHARE`)
		if err := d.take(grants); err != nil {
			return err
		}
		d.made = make([]job, 0, len(grants))
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
		if err := d.writeTasks(); err != nil {
			return err
		}
		return t.Bring(granted(out)...)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// dispatch is one call of Dispatch.
type dispatch struct {
	*tx
	known
	deletes  bool
	revision int64
	epoch    string
	restored bool               // held, like the revision
	seen     map[opsdb.ID]int64 // versions as they were before this call changed them
	batches  map[opsdb.ID]bool  // those that have their slots
}

// take takes all that the grants may change: packages, places, slots.
func (d *dispatch) take(grants []opsdb.Grant) error {
	var packages []opsdb.ID
	rooms, slots := map[string]bool{}, map[string]bool{}
	for _, g := range grants {
		packages = append(packages, g.Move.Package)
		rooms[g.Move.To] = true
		d.deletes = d.deletes || g.Move.Type == "delete"
		for name := range g.Slots {
			slots[name] = true
		}
	}
	packages = slices.Compact(slices.Sorted(slices.Values(packages)))
	if d.deletes {
		if err := errors.Join(d.flush(), tables.LockPeers(d, packages...)); err != nil {
			return err
		}
	}
	packs := d.lockVersions(packages)
	d.takeNamed("room", "location", rooms)
	d.takeNamed("slot", "name", slots)
	d.used = map[string]int64{}
	d.askTaken(slots)
	return d.learn(packages, packs)
}

// askTaken counts the slots that are taken, under their locks.
func (d *dispatch) askTaken(slots map[string]bool) {
	if len(slots) == 0 {
		return
	}
	for name := range slots {
		d.used[name] = 0
	}
	d.each(func(r scanner) error {
		var name string
		var n int64
		err := r.Scan(&name, &n)
		d.used[name] = n
		return err
	}, `SELECT slot, count(*) FROM task_slot WHERE slot = ANY($1::text[]) GROUP BY slot`, slices.Sorted(maps.Keys(slots)))
}

// takeNamed takes rows by their names, which are made as needed. A row that another transaction makes meanwhile is taken, too.
func (t *tx) takeNamed(table, column string, names map[string]bool) {
	if len(names) == 0 {
		return
	}
	t.queue(`WITH there AS MATERIALIZED (SELECT `+column+` FROM `+table+` WHERE `+column+` = ANY($1::text[]) ORDER BY `+column+` FOR UPDATE)
	  INSERT INTO `+table+` (`+column+`) SELECT x FROM unnest($1::text[]) x WHERE x NOT IN (SELECT `+column+` FROM there) ORDER BY x
	  ON CONFLICT (`+column+`) DO UPDATE SET `+column+` = excluded.`+column, slices.Sorted(maps.Keys(names)))
}

func granted(out []opsdb.Dispatched) []opsdb.Task {
	tasks := make([]opsdb.Task, 0, len(out))
	for _, d := range out {
		if d.Refusal == opsdb.Granted {
			tasks = append(tasks, d.Task)
		}
	}
	return tasks
}

// Bring implements [tables.Tx].
func (t *tx) Bring(tasks ...opsdb.Task) error {
	tasks = opsdb.Offers(tasks)
	if t.store.enqueue == nil || len(tasks) == 0 {
		return nil
	}
	if err := t.store.enqueue(t.ctx, inside{t}, tasks); err != nil {
		return fmt.Errorf("bring %d tasks: %w", len(tasks), err)
	}
	return nil
}

func refused(r opsdb.Refusal, format string, args ...any) opsdb.Dispatched {
	return opsdb.Dispatched{Refusal: r, Text: fmt.Sprintf(format, args...)}
}

func (d *dispatch) grant(g opsdb.Grant) (opsdb.Dispatched, error) {
	m := g.Move
	if err := d.current(m.Package); err != nil {
		return opsdb.Dispatched{}, err
	}
	p, found := d.packs[m.Package]
	if !found {
		return opsdb.Dispatched{}, opsdb.ErrNotFound
	}
	if _, ok := d.seen[p.ID]; !ok {
		d.seen[p.ID] = p.Version
	}
	if d.seen[p.ID] != m.Version {
		return refused(opsdb.StaleFacts, "the package is at version %d, evaluated was %d", p.Version, m.Version), nil
	}
	old := d.openAt(p.ID, m.To)
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
		used, err := d.taken(name)
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
	j.ClaimBy, j.LeaseUntil = g.ClaimBy, stored(d.now.Add(g.ClaimBy))
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
		if d.restored {
			no = tables.NoPacking()
		} else {
			no, err = d.making(&j, g)
		}
	default:
		no, err = d.making(&j, g)
	}
	return j, no, err
}

// reading is a task on a copy that stands.
func (d *dispatch) reading(j *job) (*opsdb.Dispatched, error) {
	c, found := find(d.known.copies[j.Package], func(c opsdb.Copy) bool { return c.ID == j.TargetCopy })
	if !found {
		return nil, fmt.Errorf("copy %s: %w", j.TargetCopy, opsdb.ErrNotFound)
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
	c, stands := find(d.known.copies[j.Package], func(c opsdb.Copy) bool {
		return c.Location == j.To && c.State != opsdb.Deleted && c.State != opsdb.Quarantined && c.State != opsdb.Lost
	})
	if stands {
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
	coming := opsdb.Copy{ID: j.TargetCopy, Package: j.Package, Location: j.To, Form: j.Form, Path: j.Path, State: opsdb.Expected, Size: j.Bytes, Backfill: backfill}
	if d.expected != nil {
		*d.expected = append(*d.expected, coming)
		return nil, nil
	}
	return nil, tables.InsertCopy(d, coming)
}

func (d *dispatch) room(j *job, g opsdb.Grant, backfill bool) (*opsdb.Dispatched, error) {
	if g.Room <= 0 && (!backfill || g.Backfill <= 0) {
		return nil, nil
	}
	var used, reserved, filled int64
	if _, err := d.get([]any{&used, &reserved, &filled}, `SELECT coalesce(used, 0), coalesce(reserved, 0), coalesce(backfill, 0) FROM (SELECT `+roomSums+` FROM tally_now WHERE a = $1 AND kind IN ('used', 'reserved', 'backfill')) r`, j.To); err != nil {
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
		if err := d.exec(`UPDATE task SET state = 'scheduled', class = $1, priority = $2, revision = $3, claim_by = $4, lease_until = $5, next_try = NULL, subject = '',
		  target_copy = $6, path = $7, worker = '', updated_at = $8, source_copy = $10, batch = $11, waits = $12, look_at = $13 WHERE id = $9`, string(j.Class), j.Priority, j.Revision, j.ClaimBy.Microseconds(), us(j.LeaseUntil),
			string(j.TargetCopy), blob(j.Path), us(d.now), string(j.ID), string(j.SourceCopy), string(j.Batch), string(j.Waits), d.lookAt(j.LeaseUntil)); err != nil {
			return opsdb.Dispatched{}, err
		}
		j.Worker, j.NextTry, j.UpdatedAt = "", time.Time{}, stored(d.now)
	} else {
		j.Destination, j.CreatedAt, j.UpdatedAt = j.To, stored(d.now), stored(d.now)
		d.made = append(d.made, j)
	}
	d.stale[j.Package] = true
	if !d.batches[j.Batch] {
		for name := range g.Slots {
			if err := d.exec(`INSERT INTO task_slot (task, slot) VALUES ($1, $2)`, string(j.Holder()), name); err != nil {
				return opsdb.Dispatched{}, err
			}
			d.used[name]++
		}
		d.batches[j.Batch] = j.Batch != ""
	}
	return opsdb.Dispatched{Task: j.Task}, nil
}
