package sqlite

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Finish implements opsdb.Working. Called again with the same token after the
// task has ended or gone on to its next piece, it returns the task as it is.
func (s *Store) Finish(ctx context.Context, task opsdb.ID, token int64, out opsdb.Outcome) (done opsdb.Task, err error) {
	err = s.write(ctx, "Finish", func(t *tx) error {
		before, err := tables.JobOf(t, task)
		if err != nil {
			return fmt.Errorf("task %s: %w", task, err)
		}
		if tables.Finished(before, token, out) {
			done = before.Task
			return nil
		}
		j, err := tables.Owned(t, task, token)
		if err != nil {
			return err
		}
		if err := tables.RecordOutcome(t, j, out); err != nil {
			return fmt.Errorf("task %s: %w", task, err)
		}
		if out.Corrupt == nil {
			used := tables.Uses{}
			used.By(j)
			if err := tables.Worked(t, used); err != nil {
				return err
			}
		}
		if out.Next != "" {
			err = t.nextPiece(j, out.Next)
		} else {
			err = t.completeTask(j)
		}
		if err != nil {
			return err
		}
		j, err = tables.JobOf(t, task)
		done = j.Task
		return err
	})
	return done, err
}

// nextPiece schedules the task for its other piece: the link is free, the
// site's slot is now one of the site where the piece runs, the room stays.
func (t *tx) nextPiece(j job, piece opsdb.Piece) error {
	if err := tables.Leave(t, j, piece); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM task_slot WHERE task = ? AND slot LIKE 'link:%'`, string(j.ID)); err != nil {
		return err
	}
	before := "site:" + j.Site()
	if j.Piece = piece; before != "site:"+j.Site() {
		n, err := t.execN(`DELETE FROM task_slot WHERE task = ? AND slot = ?`, string(j.ID), before)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := t.exec(`INSERT INTO task_slot (task, slot) VALUES (?, ?)`, string(j.ID), "site:"+j.Site()); err != nil {
				return err
			}
		}
	}
	return t.exec(`UPDATE task SET state = 'scheduled', piece = ?, worker = '', phase = '', done = 0, total = 0, lease_until = ?, updated_at = ?, waits = ? WHERE id = ?`,
		string(piece), us(t.now.Add(j.ClaimBy)), us(t.now), t.forClaim(), string(j.ID))
}

func (t *tx) completeTask(j job) error {
	if err := t.exec(`UPDATE task SET state = 'completed', lease_until = NULL, next_try = NULL, failure = NULL, updated_at = ?1, ended_at = ?1 WHERE id = ?2`,
		us(t.now), string(j.ID)); err != nil {
		return err
	}
	return tables.Release(t, j)
}
