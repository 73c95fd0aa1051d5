package sqlite

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Save implements opsdb.Planning.
func (s *Store) Save(ctx context.Context, revision int64, evals []opsdb.Evaluation) (left []opsdb.ID, err error) {
	err = s.write(ctx, "Save", func(t *tx) error {
		t.quiet = true
		active, err := t.count(`SELECT revision FROM opsdb`)
		if err != nil {
			return err
		}
		left = left[:0]
		for _, e := range evals {
			saved := false
			if active == revision {
				if saved, err = t.save(e, revision); err != nil {
					return err
				}
			}
			if !saved {
				left = append(left, e.Package)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return left, nil
}

func (t *tx) save(e opsdb.Evaluation, revision int64) (bool, error) {
	urgent := 0
	for _, m := range e.Moves {
		if m.Class == opsdb.Repair || m.Class == opsdb.Request {
			urgent = 1
		}
	}
	policies := e.Policies
	if policies == nil {
		policies = map[string]opsdb.Policy{}
	}
	n, err := t.execN(`UPDATE package SET evaluated = ?1, wake_at = ?2, wanted = ?3, policies = ?4, urgent = ?5, revision = ?7 WHERE id = ?6 AND version = ?1`,
		e.Version, us(e.WakeAt), text(append([]string{}, e.Wanted...)), text(policies), urgent, string(e.Package), revision)
	if err != nil || n == 0 {
		return false, err
	}
	if err := t.saveMoves(e); err != nil {
		return false, err
	}
	if err := t.saveCauses(e); err != nil {
		return false, err
	}
	return true, t.saveActs(e, revision)
}

func (t *tx) saveMoves(e opsdb.Evaluation) error {
	id := string(e.Package)
	for _, q := range []string{`DELETE FROM hop WHERE package = ?`, `DELETE FROM open_move WHERE package = ?`} {
		if err := t.exec(q, id); err != nil {
			return err
		}
	}
	for _, m := range e.Moves {
		m.Package, m.Version = e.Package, e.Version
		if err := t.insertMove(m); err != nil {
			return err
		}
	}
	if err := t.exec(`INSERT INTO hop (package, location, bytes) SELECT package, from_loc, max(bytes) FROM open_move
	  WHERE package = ? AND type NOT IN ('verify', 'delete') GROUP BY package, from_loc`, id); err != nil {
		return err
	}
	return t.exec(`UPDATE package SET status = `+packageStatus+` WHERE id = ?1`, id)
}

// packageStatus is where a package stands, in a word, for the totals.
const packageStatus = `CASE
  WHEN quarantined <> '' OR EXISTS (SELECT 1 FROM open_move m WHERE m.package = ?1 AND m.verdict = 'blocked') THEN 'blocked'
  WHEN digest = '' THEN 'packing'
  WHEN EXISTS (SELECT 1 FROM open_move m WHERE m.package = ?1 AND m.type NOT IN ('verify', 'delete')) THEN 'moving'
  WHEN EXISTS (SELECT 1 FROM copy c JOIN location l ON l.name = c.location WHERE c.package = ?1 AND l.type = 'long_term_archive' AND c.state = 'present') THEN 'archived'
  ELSE 'moving' END`

func (t *tx) saveCauses(e opsdb.Evaluation) error {
	if err := t.exec(`DELETE FROM waiting WHERE package = ?`, string(e.Package)); err != nil {
		return err
	}
	for _, cause := range e.Causes {
		if err := t.exec(`INSERT INTO waiting (cause, package) VALUES (?, ?) ON CONFLICT DO NOTHING`, cause, string(e.Package)); err != nil {
			return err
		}
	}
	return nil
}

// saveActs condemns, pardons, loses and withdraws. What stands at a place that
// has become wanted is pardoned whether the evaluation says so or not (S2).
func (t *tx) saveActs(e opsdb.Evaluation, revision int64) error {
	copies, err := tables.Copies(t, e.Package)
	if err != nil {
		return err
	}
	wanted, pardon := set(e.Wanted), set(e.Pardon)
	condemn, lose := set(e.Condemn), set(e.Lose)
	press := map[opsdb.ID]int64{}
	for _, x := range e.Press {
		press[x.Copy] = x.Until
	}
	for _, c := range copies {
		until, pressed := press[c.ID]
		switch {
		case lose[c.ID] && c.Live():
			err = t.loseCopy(c, revision)
		case pardon[c.ID] || wanted[c.Location]:
			err = t.pardon(c, revision, "wanted")
		case condemn[c.ID]:
			err = t.condemn(c, revision, "")
		case pressed:
			err = t.condemnFor(c, until, revision)
		}
		if err != nil {
			return err
		}
	}
	for _, id := range e.Withdraw {
		if err := t.withdrawPending(id, revision); err != nil {
			return err
		}
	}
	for _, ev := range e.Events {
		ev.Package, ev.Revision = e.Package, revision
		t.event(ev)
	}
	return nil
}

func set[T comparable](list []T) map[T]bool {
	m := make(map[T]bool, len(list))
	for _, x := range list {
		m[x] = true
	}
	return m
}

func (t *tx) copyEvent(c opsdb.Copy, kind, actor, why string, revision int64, after string) {
	t.event(opsdb.Event{Actor: actor, Kind: kind, Subject: "copy:" + string(c.ID), Package: c.Package, Location: c.Location,
		Why: why, Revision: revision, Before: string(c.State), After: after})
}

func (t *tx) condemn(c opsdb.Copy, revision int64, why string) error {
	if c.State != opsdb.Present && c.State != opsdb.Staged && c.State != opsdb.DeletionFailed {
		return nil
	}
	tables.CopyEvent(t, c, opsdb.EventCondemned, "", why, revision, string(opsdb.DeletionPossible))
	observed, err := t.observedBy(t.now)
	if err != nil {
		return err
	}
	return t.exec(`UPDATE copy SET state = 'deletion_possible', condemned_age = ? WHERE id = ?`, us(observed), string(c.ID))
}

// pardon makes a condemned copy present (or staged) again. One whose deletion
// is under way is not touched: Confirm asks the gate once more.
func (t *tx) pardon(c opsdb.Copy, revision int64, why string) error {
	switch c.State {
	case opsdb.DeletionPossible, opsdb.DeletionFailed:
	case opsdb.DeletionScheduled:
		busy, err := t.withdrawDeletion(c, revision)
		if err != nil || busy {
			return err
		}
	default:
		return nil
	}
	back := opsdb.Present
	if c.Form == opsdb.Tree {
		back = opsdb.Staged
	}
	tables.CopyEvent(t, c, opsdb.EventPardoned, "", why, revision, string(back))
	return t.exec(`UPDATE copy SET state = ?, condemned_age = NULL WHERE id = ?`, string(back), string(c.ID))
}

// withdrawDeletion ends the delete task of a copy unless a worker has it.
func (t *tx) withdrawDeletion(c opsdb.Copy, revision int64) (busy bool, err error) {
	jobs, err := query(&t.view, tables.ScanJob, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.package = ? AND t.target_copy = ? AND t.type = 'delete'
	  AND t.state IN ('pending', 'scheduled', 'in_progress')`, string(c.Package), string(c.ID))
	for _, j := range jobs {
		if j.State == opsdb.TaskInProgress || j.Worker != "" {
			return true, nil
		}
		if err := t.withdraw(j, revision, "its copy was pardoned"); err != nil {
			return false, err
		}
	}
	return false, err
}

func (t *tx) loseCopy(c opsdb.Copy, revision int64) error {
	tables.CopyEvent(t, c, opsdb.EventCopyLost, "", siteLost, revision, string(opsdb.Lost))
	return t.exec(`UPDATE copy SET state = 'lost', before = state, reason = ? WHERE id = ?`, siteLost, string(c.ID))
}

func (t *tx) withdrawPending(id opsdb.ID, revision int64) error {
	j, err := tables.JobOf(t, id)
	if err != nil {
		return err
	}
	if j.State != opsdb.TaskPending || j.Confirmed > 0 { // a deletion under way is not given up
		return nil
	}
	return t.withdraw(j, revision, "no longer the next hop")
}
