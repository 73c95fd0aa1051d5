package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// finishing is one good end to be recorded.
type finishing struct {
	task  opsdb.ID
	token int64
	out   opsdb.Outcome
}

// Finish implements opsdb.Working. Called again with the same token after the
// task has ended or gone on to its next piece, it returns the task as it is.
// Small ends of one process that come at once share a transaction.
func (s *Store) Finish(ctx context.Context, task opsdb.ID, token int64, out opsdb.Outcome) (opsdb.Task, error) {
	f := finishing{task, token, out}
	if out.Packed != nil || out.Corrupt != nil || len(out.Removed)+len(out.Changed)+len(out.Kept) > 0 {
		return s.finishAlone(ctx, f)
	}
	return s.finishes.call(ctx, f)
}

func (s *Store) finishAlone(ctx context.Context, f finishing) (opsdb.Task, error) {
	done, err := s.finishTogether(ctx, []finishing{f})
	if err != nil {
		return opsdb.Task{}, err
	}
	return done[0], nil
}

// finish records ends together; if that fails, each by itself.
func (s *Store) finish(ctx context.Context, all []finishing) ([]opsdb.Task, []error) {
	errs := make([]error, len(all))
	if done, err := s.finishTogether(ctx, all); err == nil {
		return done, errs
	}
	done := make([]opsdb.Task, len(all))
	for i, f := range all {
		done[i], errs[i] = s.finishAlone(ctx, f)
	}
	return done, errs
}

// errOnePackage is why ends cannot be recorded together: the first may change what the second finds.
var errOnePackage = errors.New("several of them are of one package")

func (s *Store) finishTogether(ctx context.Context, all []finishing) (done []opsdb.Task, err error) {
	err = s.write(ctx, "Finish", func(t *tx) error {
		e := ends{tx: t, done: make([]opsdb.Task, len(all))}
		if err := e.record(all); err != nil {
			return err
		}
		done = e.done
		return nil
	})
	return done, err
}

// ends is one transaction that records good ends.
type ends struct {
	*tx
	done      []opsdb.Task
	ended     []job // now
	completed []job
}

func (e *ends) record(all []finishing) error {
	jobs, err := e.take(all)
	if err != nil {
		return err
	}
	subjects := map[string]bool{}
	for i, f := range all {
		if finished(jobs[i], f.token, f.out) {
			e.done[i] = jobs[i].Task
			continue
		}
		if err := jobs[i].owned(f.token); err != nil {
			return err
		}
		if err := e.outcome(jobs[i], f.out); err != nil {
			return fmt.Errorf("task %s: %w", f.task, err)
		}
		if f.out.Corrupt == nil {
			usedBy(jobs[i], subjects)
		}
		if err := e.end(jobs[i], f.out.Next); err != nil {
			return err
		}
	}
	if len(e.ended) == 0 {
		return nil
	}
	if err := e.worked(subjects); err != nil {
		return err
	}
	if err := e.complete(); err != nil {
		return err
	}
	return e.tell(all)
}

// take takes the packages and returns the tasks, in their order.
func (e *ends) take(all []finishing) ([]job, error) {
	ids := make([]opsdb.ID, len(all))
	for i, f := range all {
		ids[i] = f.task
		if err := e.lockMembers(f.out); err != nil {
			return nil, err
		}
	}
	var found []job
	e.queued.Queue(`SELECT FROM package_state WHERE id IN (SELECT package FROM task WHERE id = ANY($1::text[])) ORDER BY id FOR NO KEY UPDATE`, idList(ids))
	ask(&e.view, &found, scanJob, `SELECT `+taskColumns+` FROM task t WHERE t.id = ANY($1::text[])`, idList(ids))
	if err := e.flush(); err != nil {
		return nil, err
	}
	jobs, packages := make([]job, len(all)), map[opsdb.ID]bool{}
	for i, id := range ids {
		j, ok := find(found, func(j job) bool { return j.ID == id })
		if !ok {
			return nil, fmt.Errorf("task %s: %w", id, opsdb.ErrNotFound)
		}
		if packages[j.Package] {
			return nil, errOnePackage
		}
		jobs[i], packages[j.Package] = j, true
	}
	return jobs, nil
}

func (e *ends) end(j job, next opsdb.Piece) error {
	e.ended = append(e.ended, j)
	if next != "" {
		return e.nextPiece(j, next)
	}
	e.completed = append(e.completed, j)
	return nil
}

// complete completes tasks, all at once.
func (e *ends) complete() error {
	if len(e.completed) == 0 {
		return nil
	}
	ids := make([]opsdb.ID, len(e.completed))
	for i, j := range e.completed {
		ids[i] = j.ID
	}
	if err := e.exec(`UPDATE task SET state = 'completed', lease_until = NULL, next_try = NULL, failure = NULL, updated_at = $1, ended_at = $1 WHERE id = ANY($2::text[])`,
		us(e.now), idList(ids)); err != nil {
		return err
	}
	return e.release(e.completed...)
}

// tell reads the tasks as they are now, and brings those that have another piece.
func (e *ends) tell(all []finishing) error {
	ids := make([]opsdb.ID, len(e.ended))
	for i, j := range e.ended {
		ids[i] = j.ID
	}
	now, err := query(&e.view, scanTask, `SELECT `+taskColumns+` FROM task t WHERE t.id = ANY($1::text[])`, idList(ids))
	if err != nil {
		return err
	}
	var next []opsdb.Task
	for _, t := range now {
		e.done[slices.IndexFunc(all, func(f finishing) bool { return f.task == t.ID })] = t
		if t.State == opsdb.TaskScheduled {
			next = append(next, t)
		}
	}
	return e.bring(next...)
}
