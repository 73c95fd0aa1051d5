package postgres

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
	// Each takes packages in their order, so each is a transaction of its own.
	err = s.write(ctx, "Expire", func(t *tx) error {
		again, err = t.expire(now, claimBy)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.write(ctx, "Expire", func(t *tx) error { return t.retries(now) })
	if err == nil {
		err = s.HalfOpen(ctx, now)
	}
	return again, err
}

// sitesGone notes sites whose last worker has fallen silent.
func (s *Store) sitesGone(ctx context.Context) error {
	gone := false
	err := s.read(ctx, "Expire", func(v *view) error {
		w := opsdb.World{Sites: map[string]opsdb.Site{}}
		if err := v.sites(&w); err != nil {
			return err
		}
		up, err := query(v, tables.ScanID, `SELECT name FROM site WHERE active AND up`)
		for _, name := range up {
			gone = gone || w.Sites[string(name)].Down != nil
		}
		return err
	})
	if err != nil || !gone {
		return err
	}
	return s.write(ctx, "Expire", func(t *tx) error { return tables.SitesDown(t) })
}

// The earliest deadlines, each by its index.
const (
	nextLease   = `SELECT min(look_at) FROM open_task WHERE look_at IS NOT NULL`
	nextRetry   = `SELECT min(next_try) FROM task WHERE next_try IS NOT NULL`
	nextLink    = `SELECT min(down_until) FROM link WHERE down_until IS NOT NULL`
	nextPlace   = `SELECT min(down_until) FROM location WHERE down_until IS NOT NULL`
	nextPackage = `SELECT min(wake_at) FROM package_state WHERE wake_at IS NOT NULL`
	nextGroup   = `SELECT min(wake_at) FROM file_group WHERE NOT closed AND wake_at IS NOT NULL`
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
	dueLeases  = `SELECT ` + tables.TaskColumns + ` FROM task t WHERE t.id = ANY(ARRAY(SELECT task FROM open_task WHERE look_at <= $1)) AND t.lease_until <= $1`
	dueRetries = `SELECT package FROM task WHERE state = 'pending' AND next_try <= $1`
)

// lookFirst is how soon Expire looks at what was given out. It finds that the lease was renewed, as a rule, and looks
// again when that ends: so neither a claim that comes soon nor a renewal changes what it finds its tasks by.
const lookFirst = time.Minute

// lookAt is when Expire looks at a task whose lease, or deadline to be claimed, ends so.
func (t *tx) lookAt(until time.Time) any { return us(earlier(until, t.now.Add(lookFirst))) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// lookLater puts off the look at tasks that have not ended; those somebody changes just now are looked at again.
func (t *tx) lookLater(now time.Time) error {
	return t.exec(`UPDATE task SET look_at = lease_until WHERE id = ANY(ARRAY(SELECT id FROM task WHERE id = ANY(ARRAY(SELECT task FROM open_task WHERE look_at <= $1)) AND lease_until > $1 FOR NO KEY UPDATE SKIP LOCKED))`, us(now))
}

func (t *tx) expire(now time.Time, claimBy time.Duration) (again []opsdb.Task, err error) {
	late, err := query(&t.view, tables.ScanJob, dueLeases, us(now))
	if err != nil {
		return nil, err
	}
	t.quiet = len(late) == 0
	if err := t.lookLater(now); err != nil {
		return nil, err
	}
	if late, err = t.stillLate(late, now); err != nil {
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
	if err := t.Bring(again...); err != nil {
		return nil, err
	}
	return again, nil
}

// stillLate takes the packages of late tasks and reads the tasks again under their locks.
func (t *tx) stillLate(late []job, now time.Time) ([]job, error) {
	if len(late) == 0 {
		return nil, nil
	}
	ids, packages := make([]opsdb.ID, len(late)), make([]opsdb.ID, len(late))
	for i, j := range late {
		ids[i], packages[i] = j.ID, j.Package
	}
	if err := t.lock(packages...); err != nil {
		return nil, err
	}
	return query(&t.view, tables.ScanJob, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.id = ANY($1::text[]) AND t.lease_until <= $2 ORDER BY t.id`, idList(ids), us(now))
}

// retries makes the packages of tasks dirty whose next try has come.
func (t *tx) retries(now time.Time) error {
	packages, err := query(&t.view, tables.ScanID, dueRetries, us(now))
	if err != nil || len(packages) == 0 {
		return err
	}
	if err := t.lock(packages...); err != nil {
		return err
	}
	return t.exec(`UPDATE task SET next_try = NULL WHERE package = ANY($1::text[]) AND state = 'pending' AND next_try <= $2`, idList(packages), us(now))
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
	return t.exec(`UPDATE task SET state = 'scheduled', lease_until = $1, look_at = $5, updated_at = $2, waits = $4 WHERE id = $3`, us(until), us(t.now), string(j.ID), t.forClaim(), t.lookAt(until))
}

// forClaim is what a task waits for that is given out now, though it never left the hands of Dispatch.
func (t *tx) forClaim() string { return string(opsdb.Waits("").At(opsdb.ForClaim, t.now)) }

// Unclaimed implements opsdb.Planning.
func (s *Store) Unclaimed(ctx context.Context) (tasks []opsdb.Task, err error) {
	err = s.read(ctx, "Unclaimed", func(v *view) error {
		tasks, err = query(v, tables.ScanTask, `SELECT `+tables.TaskColumns+` FROM task t WHERE `+amongOpen("t")+` AND t.state = 'scheduled' ORDER BY t.id`)
		return err
	})
	return tasks, err
}

// RevokeLeases implements opsdb.Planning. Workers of the last run are dead: what they held counts as held by nobody.
func (s *Store) RevokeLeases(ctx context.Context) error {
	return s.write(ctx, "RevokeLeases", func(t *tx) error {
		packages, err := query(&t.view, tables.ScanID, `SELECT package FROM task WHERE `+amongOpen("task")+` AND state = 'in_progress'`)
		if err != nil {
			return err
		}
		if err := t.lock(packages...); err != nil {
			return err
		}
		return t.exec(`UPDATE task SET state = 'scheduled', lease_until = $1::timestamptz + claim_by * interval '1 microsecond', look_at = $1, worker = '', updated_at = $1, waits = $2
		  WHERE `+amongOpen("task")+` AND state IN ('scheduled', 'in_progress')`, us(t.now), t.forClaim())
	})
}
