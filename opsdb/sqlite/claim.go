package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Claim implements opsdb.Working.
func (s *Store) Claim(ctx context.Context, task opsdb.ID, worker string, lease time.Duration) (*opsdb.Assignment, error) {
	var a opsdb.Assignment
	err := s.write(ctx, "Claim", func(t *tx) error {
		j, err := tables.JobOf(t, task)
		if err != nil {
			return errors.Join(opsdb.ErrNotClaim, err)
		}
		if err := errors.Join(t.notPaused(j.Task), t.mayClaim(j.Task)); err != nil {
			return err
		}
		n, err := t.execN(`UPDATE task SET state = 'in_progress', token = token + 1, worker = ?, lease_until = ?, phase = '', done = 0, total = 0, updated_at = ?
		  WHERE id = ? AND state = 'scheduled' AND lease_until > ?`, worker, us(t.now.Add(lease)), us(t.now), string(task), us(t.now))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("task %s: %w", task, opsdb.ErrNotClaim)
		}
		a, err = t.assignment(task)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &a, nil
}

func (v *view) assignment(task opsdb.ID) (a opsdb.Assignment, err error) {
	j, err := tables.JobOf(v, task)
	if err != nil {
		return a, err
	}
	a.Task = j.Task
	if a.Package, err = tables.Whole(v, j.Package); err != nil {
		return a, err
	}
	if a.Source, err = v.maybeCopy(j.SourceCopy); err != nil {
		return a, err
	}
	if a.Target, err = v.maybeCopy(j.TargetCopy); err != nil {
		return a, err
	}
	if _, err = v.get([]any{&a.FromType}, `SELECT type FROM location WHERE name = ?`, j.From); err != nil {
		return a, err
	}
	if _, err = v.get([]any{&a.ToType}, `SELECT type FROM location WHERE name = ?`, j.To); err != nil {
		return a, err
	}
	if a.Receipts, err = query(v, tables.ScanReceipt, `SELECT `+tables.ReceiptColumns+` FROM receipt WHERE package = ? ORDER BY key`, string(j.Package)); err != nil {
		return a, err
	}
	a.Peers, err = query(v, tables.ScanID, `SELECT o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE p.id = ? ORDER BY o.id`, string(j.Package))
	if err != nil || j.Type != "delete" {
		return a, err
	}
	a.Earlier, err = query(v, tables.ScanID, `SELECT id FROM task WHERE package = ? AND target_copy = ? AND type = 'delete' AND confirmed > 0 AND id <> ? ORDER BY id`,
		string(j.Package), string(j.TargetCopy), string(task))
	return a, err
}

func (v *view) maybeCopy(id opsdb.ID) (*opsdb.Copy, error) {
	all, err := query(v, tables.ScanCopy, `SELECT `+tables.CopyColumns+tables.CopyFrom+`WHERE c.id = ?`, string(id))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// notPaused refuses what has not begun and is under a pause.
func (t *tx) notPaused(task opsdb.Task) error {
	if task.Begun() {
		return nil
	}
	var one int
	paused, err := t.get([]any{&one}, `SELECT 1 FROM pause WHERE subject IN (SELECT value FROM json_each(?))`, text(task.Under()))
	if err == nil && paused {
		err = fmt.Errorf("task %s is under a pause: %w", task.ID, opsdb.ErrNotClaim)
	}
	return err
}

// mayClaim keeps packing from being done while the database is not trusted.
func (t *tx) mayClaim(task opsdb.Task) error {
	if task.Type != "package" {
		return nil
	}
	restored, err := tables.IsRestored(t)
	if err == nil && restored {
		err = fmt.Errorf("task %s: %w: %w", task.ID, opsdb.ErrRestored, opsdb.ErrNotClaim)
	}
	return err
}
