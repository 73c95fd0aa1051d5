package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
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
	how := along
	if slices.ContainsFunc(all, func(f finishing) bool { return len(f.out.Removed)+len(f.out.Changed) > 0 }) {
		how = straight // files are looked for first
	}
	err = s.writeHow(ctx, how, "Finish", func(t *tx) error {
		e := ends{tx: t, done: make([]opsdb.Task, len(all)), completed: make([]job, 0, len(all))}
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
	completed []job
	going     []opsdb.ID // those that go on with another piece
}

func (e *ends) record(all []finishing) error {
	jobs, err := e.take(all)
	if err != nil {
		return err
	}
	uses := tables.Uses{}
	for i, f := range all {
		if tables.Finished(*jobs[i], f.token, f.out) {
			e.done[i] = jobs[i].Task
			continue
		}
		if err := jobs[i].Owned(f.token); err != nil {
			return err
		}
		if err := tables.RecordOutcome(e, *jobs[i], f.out); err != nil {
			return fmt.Errorf("task %s: %w", f.task, err)
		}
		if f.out.Corrupt == nil {
			uses.By(*jobs[i])
		}
		if err := e.end(*jobs[i], f.out.Next); err != nil {
			return err
		}
	}
	if len(e.completed)+len(e.going) == 0 {
		return nil
	}
	closed := e.askWorked(uses)
	if err := e.complete(); err != nil {
		return err
	}
	if err := e.tell(all); err != nil {
		return err
	}
	return closed()
}

// take takes the packages and returns the tasks, in their order.
func (e *ends) take(all []finishing) ([]*job, error) {
	ids := make([]opsdb.ID, len(all))
	for i, f := range all {
		ids[i] = f.task
		if err := e.lockMembers(f.out); err != nil {
			return nil, err
		}
	}
	var found []job
	e.queue(lockTheir, idList(ids))
	ask(&e.view, &found, tables.ScanJob, `SELECT `+tables.TaskColumns+tasksOf, idList(ids))
	if err := e.flush(); err != nil {
		return nil, err
	}
	byID := make(map[opsdb.ID]*job, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	jobs, packages := make([]*job, len(all)), make(map[opsdb.ID]bool, len(all))
	for i, id := range ids {
		j, ok := byID[id]
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
	if next != "" {
		e.going = append(e.going, j.ID)
		return e.nextPiece(j, next)
	}
	e.completed = append(e.completed, j)
	return nil
}

// complete completes tasks, all at once, and frees what they had.
func (e *ends) complete() error {
	if len(e.completed) == 0 {
		return nil
	}
	ids := make([]opsdb.ID, len(e.completed))
	for i, j := range e.completed {
		ids[i] = j.ID
	}
	if err := e.exec(`UPDATE task t SET state = 'completed', lease_until = NULL, look_at = NULL, next_try = NULL, failure = NULL, updated_at = $2, ended_at = $2
	  FROM unnest($1::text[]) x (id) WHERE t.id = x.id`, idList(ids), us(e.now)); err != nil {
		return err
	}
	return tables.Release(e, e.completed...)
}

// tell says how the tasks are now, and brings those that have another piece.
func (e *ends) tell(all []finishing) error {
	var next []opsdb.Task
	if len(e.going) > 0 {
		ask(&e.view, &next, tables.ScanTask, `SELECT `+tables.TaskColumns+tasksOf, idList(e.going))
	}
	if err := e.flush(); err != nil {
		return err
	}
	at := make(map[opsdb.ID]int, len(all))
	for i, f := range all {
		at[f.task] = i
	}
	for _, j := range e.completed {
		e.done[at[j.ID]] = completed(j, e.now)
	}
	for _, t := range next {
		e.done[at[t.ID]] = t
	}
	return e.Bring(next...)
}

// completed is the task as complete writes it.
func completed(j job, now time.Time) opsdb.Task {
	t := j.Task
	t.State, t.LeaseUntil, t.NextTry, t.Failure = opsdb.TaskCompleted, time.Time{}, time.Time{}, nil
	t.UpdatedAt, t.EndedAt = stored(now), stored(now)
	return t
}

// askWorked notes with the next flush what tasks have just used well; then the breakers that failed before can be closed.
func (t *tx) askWorked(uses tables.Uses) (then func() error) {
	names, closed := map[string][]string{}, map[string]*[]opsdb.ID{}
	for _, subject := range slices.Sorted(maps.Keys(uses)) {
		kind, name, _ := strings.Cut(subject, ":")
		names[kind] = append(names[kind], name)
	}
	for _, kind := range slices.Sorted(maps.Keys(names)) {
		closed[kind] = new([]opsdb.ID)
		ask(&t.view, closed[kind], tables.ScanID, `UPDATE `+kind+` SET succeeded_at = $1, failures = 0 WHERE name = ANY($2::text[]) AND (failed_at >= coalesce(succeeded_at, '-infinity') OR down_until IS NOT NULL) RETURNING name`, us(t.now), names[kind])
	}
	return func() error {
		for _, kind := range slices.Sorted(maps.Keys(closed)) {
			t.changes += int64(len(*closed[kind]))
			for _, name := range *closed[kind] {
				if err := tables.Closes(t, kind+":"+string(name), uses); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
