package sqlite

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Expire implements opsdb.Planning. It looks with a read first, so that a quiet
// system writes nothing.
func (s *Store) Expire(ctx context.Context, now time.Time, claimBy time.Duration) (again []opsdb.Task, err error) {
	due := false
	err = s.read(ctx, "Expire", func(v *view) error {
		at, err := v.nextDeadline()
		due = !at.IsZero() && !at.After(now)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.sitesGone(ctx); err != nil {
		return nil, err
	}
	if !due {
		return nil, nil
	}
	err = s.write(ctx, "Expire", func(t *tx) error {
		again, err = t.expire(now, claimBy)
		return err
	})
	if err == nil {
		err = s.HalfOpen(ctx, now)
	}
	if err != nil {
		return nil, err
	}
	return again, nil
}

// sitesGone notes sites whose last worker has fallen silent.
func (s *Store) sitesGone(ctx context.Context) error {
	gone := int64(0)
	err := s.read(ctx, "Expire", func(v *view) (err error) {
		gone, err = v.count(`SELECT count(*) FROM site s WHERE s.active = 1 AND s.up = 1
		  AND NOT EXISTS (SELECT 1 FROM worker w JOIN json_each(w.sites) j WHERE j.value = s.name AND w.seen_at >= ?)`, us(v.now.Add(-opsdb.WorkerTTL)))
		return err
	})
	if err != nil || gone == 0 {
		return err
	}
	return s.write(ctx, "Expire", func(t *tx) error { return tables.SitesDown(t) })
}

// The earliest deadlines, each by its index.
const (
	nextLease   = `SELECT min(lease_until) FROM task WHERE state IN ('scheduled', 'in_progress')`
	nextRetry   = `SELECT min(next_try) FROM task WHERE state = 'pending' AND next_try IS NOT NULL`
	nextLink    = `SELECT min(down_until) FROM link WHERE down_until IS NOT NULL`
	nextPlace   = `SELECT min(down_until) FROM location WHERE down_until IS NOT NULL`
	nextPackage = `SELECT min(wake_at) FROM package WHERE wake_at IS NOT NULL`
	nextGroup   = `SELECT min(wake_at) FROM file_group WHERE closed = 0 AND wake_at IS NOT NULL`
)

// nextDeadline is the earliest time at which Expire has something to do.
func (v *view) nextDeadline() (time.Time, error) {
	return tables.Earliest(v, nextLease, nextRetry, nextLink, nextPlace)
}

// NextWake implements opsdb.Planning.
func (s *Store) NextWake(ctx context.Context) (at time.Time, err error) {
	err = s.read(ctx, "NextWake", func(v *view) error {
		at, err = tables.Earliest(v, nextPackage, nextGroup, nextLease, nextRetry, nextLink, nextPlace)
		return err
	})
	return at, err
}

const (
	dueLeases  = `SELECT ` + tables.TaskColumns + ` FROM task t WHERE t.state IN ('scheduled', 'in_progress') AND t.lease_until <= ?`
	dueRetries = `UPDATE task SET next_try = NULL WHERE state = 'pending' AND next_try <= ?`
)

func (t *tx) expire(now time.Time, claimBy time.Duration) (again []opsdb.Task, err error) {
	late, err := query(&t.view, tables.ScanJob, dueLeases, us(now))
	if err != nil {
		return nil, err
	}
	for _, j := range late {
		if j.State == opsdb.TaskScheduled {
			if err := t.unclaimed(j); err != nil {
				return nil, err
			}
			continue
		}
		if err := t.claimable(j, now.Add(claimBy)); err != nil {
			return nil, err
		}
		j.State, j.LeaseUntil = opsdb.TaskScheduled, now.Add(claimBy)
		again = append(again, j.Task)
	}
	if err := t.exec(dueRetries, us(now)); err != nil {
		return nil, err
	}
	return again, nil
}

// unclaimed ends a task nobody took. One that was begun is not given up, as a
// deletion that was confirmed never is: it backs off and goes on where it was.
func (t *tx) unclaimed(j job) error {
	if j.Confirmed > 0 || j.Token > 0 {
		return tables.BackOff(t, j, nil, t.now, false)
	}
	return tables.Withdraw(t, j, j.Revision, "no worker claimed it in time")
}

// claimable lets another worker take a task; its token stays, and so its worker may still end it.
func (t *tx) claimable(j job, until time.Time) error {
	return t.exec(`UPDATE task SET state = 'scheduled', lease_until = ?, updated_at = ?, waits = ? WHERE id = ?`, us(until), us(t.now), t.forClaim(), string(j.ID))
}

// forClaim is what a task waits for that is given out now, though it never left the hands of Dispatch.
func (t *tx) forClaim() string { return string(opsdb.Waits("").At(opsdb.ForClaim, t.now)) }

// Unclaimed implements opsdb.Planning.
func (s *Store) Unclaimed(ctx context.Context) (tasks []opsdb.Task, err error) {
	err = s.read(ctx, "Unclaimed", func(v *view) error {
		tasks, err = query(v, tables.ScanTask, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.state = 'scheduled' ORDER BY t.id`)
		return err
	})
	return tasks, err
}

// RevokeLeases implements opsdb.Planning. Workers of the last run are dead: what they held counts as held by nobody.
func (s *Store) RevokeLeases(ctx context.Context) error {
	return s.write(ctx, "RevokeLeases", func(t *tx) error {
		if err := t.exec(`UPDATE task SET state = 'scheduled', lease_until = ?1 + claim_by, worker = '', updated_at = ?1, waits = ?2 WHERE state = 'in_progress' OR (state = 'scheduled' AND worker <> '')`,
			us(t.now), t.forClaim()); err != nil {
			return err
		}
		return t.exec(`UPDATE task SET lease_until = ? + claim_by WHERE state = 'scheduled'`, us(t.now))
	})
}
