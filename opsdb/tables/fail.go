package tables

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Fail implements opsdb.Working.
func (s Store) Fail(ctx context.Context, task opsdb.ID, token int64, f opsdb.Failure, next time.Time, counts bool, out opsdb.Outcome) error {
	return s.write(ctx, "Fail", func(t Tx) error {
		before, err := held(t, task)
		if err != nil {
			return err
		}
		if before.Token == token && token > 0 && (before.State == opsdb.TaskFailed || before.State == opsdb.TaskPending) {
			return recordReceipts(t, out.Receipts) // told already
		}
		j, err := Owned(t, task, token)
		if err != nil {
			return err
		}
		if err := recordReceipts(t, out.Receipts); err != nil {
			return err
		}
		sent(t, j, out.Sent)
		if out.Corrupt != nil {
			if err := corrupt(t, j, *out.Corrupt); err != nil {
				return err
			}
		}
		f.At = t.Now()
		if f.Class == opsdb.Environment && f.Subject != "" {
			others, err := breaks(t, j, f)
			if err != nil {
				return err
			}
			counts = counts || others
		}
		if f.Class == opsdb.BadConfig || f.Class == opsdb.Permanent {
			return failed(t, j, f)
		}
		return BackOff(t, j, &f, next, counts)
	})
}

// BackOff puts a task back: its slots are freed, and the room of what has not arrived.
func BackOff(t Tx, j Job, f *opsdb.Failure, next time.Time, counts bool) error {
	var failure any
	subject := ""
	if f != nil {
		failure, subject = JSON(f), f.Subject
	}
	if f != nil && f.Class == opsdb.BadData && j.Piece == opsdb.Receive {
		if err := sendAgain(t, j, f.Text); err != nil {
			return err
		}
	}
	if err := t.Exec(`UPDATE task SET state = 'pending', next_try = $1, failure = coalesce($2, failure), subject = $3, attempts = attempts + $4, worker = '', `+t.Dialect().NoLease+`, updated_at = $5
	  WHERE id = $6`, Time(next), failure, subject, number(counts), Time(t.Now()), string(j.ID)); err != nil {
		return err
	}
	return Release(t, j)
}

// sendAgain is for bytes that arrived and are bad.
func sendAgain(t Tx, j Job, why string) error {
	way(t, j, opsdb.EventCopySpoilt, why, string(opsdb.Arrived), string(opsdb.Expected))
	if err := t.Exec(`UPDATE copy SET state = 'expected' WHERE id = $1 AND state = 'arrived'`, string(j.TargetCopy)); err != nil {
		return err
	}
	return t.Exec(`UPDATE task SET piece = 'send' WHERE id = $1`, string(j.ID))
}

// failed ends a task that needs a person.
func failed(t Tx, j Job, f opsdb.Failure) error {
	t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventTaskFailed, Subject: "task:" + string(j.ID), Package: j.Package, Location: j.To,
		Why: f.Text, Revision: j.Revision, Before: string(j.State), After: JSON(f)})
	if err := t.Exec(`UPDATE task SET state = 'failed', failure = $1, attempts = attempts + 1, next_try = NULL, `+t.Dialect().NoLease+`, updated_at = $2, ended_at = $2 WHERE id = $3`,
		JSON(f), Time(t.Now()), string(j.ID)); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE copy SET state = 'deletion_failed', reason = $1 WHERE id = $2 AND state IN ('deletion_scheduled', 'deletion_in_progress')`,
		f.Text, string(j.TargetCopy)); err != nil {
		return err
	}
	return Release(t, j)
}

// Later implements opsdb.Working.
func (s Store) Later(ctx context.Context, task opsdb.ID, token int64, next time.Time, reason string) error {
	return s.write(ctx, "Later", func(t Tx) error {
		before, err := held(t, task)
		if err != nil {
			return err
		}
		if before.Token == token && token > 0 && before.State == opsdb.TaskPending {
			return nil
		}
		j, err := Owned(t, task, token)
		if err != nil {
			return err
		}
		if err := t.Exec(`UPDATE task SET phase = $1 WHERE id = $2`, reason, string(task)); err != nil {
			return err
		}
		return BackOff(t, j, nil, next, false)
	})
}

// goesDown marks a location that a worker reports as down, until it reports
// otherwise; who has a move there is looked at again.
func goesDown(t Tx, table, name string, d opsdb.Down) error {
	n, err := t.ExecN(`UPDATE `+table+` SET down_reason = $1, down_text = $2, down_since = coalesce(down_since, $3), down_until = NULL, pause = 0, probe = ''
	  WHERE name = $4 AND (down_reason IS DISTINCT FROM $1 OR down_text IS DISTINCT FROM $2 OR down_until IS NOT NULL)`, d.Reason, d.Text, Time(t.Now()), name)
	if err != nil || n == 0 {
		return err
	}
	t.Event(opsdb.Event{Kind: opsdb.EventLocationDown, Subject: table + ":" + name, Location: locationOnly(table, name), Why: d.Text, After: d.Reason})
	return t.TouchMoves(table + ":" + name)
}

func locationOnly(table, name string) string {
	if table == "location" {
		return name
	}
	return ""
}

// comesUp marks a location or link usable; who waits for it, or backs off because of it, goes on.
func comesUp(t Tx, table, name string) error {
	b, _, err := breakerOf(t, table+":"+name)
	if err != nil || b.reason == nil {
		return err
	}
	if err := t.Exec(`UPDATE `+table+` SET down_reason = NULL, down_text = NULL, down_since = NULL, down_until = NULL, failures = 0, pause = 0, probe = '' WHERE name = $1`, name); err != nil {
		return err
	}
	kind := opsdb.EventLocationUp
	if b.pause > 0 {
		kind = opsdb.EventBreakerClosed
	}
	t.Event(opsdb.Event{Kind: kind, Subject: table + ":" + name, Location: locationOnly(table, name), Before: *b.reason})
	if err := t.TryAgain(table+":"+name, ""); err != nil {
		return err
	}
	return t.Wake(table+":"+name, 0)
}

// Report implements opsdb.Working.
func (s Store) Report(ctx context.Context, r opsdb.LocationReport) error {
	return s.write(ctx, "Report", func(t Tx) error {
		var free, total int64
		var reason, words *string
		found, err := Get(t, []any{&free, &total, &reason, &words}, `SELECT free, total, down_reason, down_text FROM location WHERE name = $1`, r.Location)
		if err != nil || !found {
			return err
		}
		if free != r.Free || total != r.Total {
			if err := t.Exec(`UPDATE location SET free = $1, total = $2 WHERE name = $3`, r.Free, r.Total, r.Location); err != nil {
				return err
			}
			if r.Free > free {
				err = roomFreed(t, r.Location)
			} else {
				t.Quiet(true)
			}
			if err != nil {
				return err
			}
		}
		switch {
		case r.Down == nil && reason != nil:
			t.Quiet(false)
			return comesUp(t, "location", r.Location)
		case r.Down != nil:
			t.Quiet(false)
			return goesDown(t, "location", r.Location, *r.Down)
		}
		return nil
	})
}

// sent takes note of what crossed a link.
func sent(t Tx, j Job, s *opsdb.Sent) {
	if s != nil {
		way(t, j, opsdb.EventCopySent, "", "task:"+string(j.ID), JSON(s))
	}
}

// way is an event about the copy a task brings.
func way(t Tx, j Job, kind, why, before, after string) {
	t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: kind, Subject: "copy:" + string(j.TargetCopy), Package: j.Package, Location: j.To,
		Why: why, Revision: j.Revision, Before: before, After: after})
}
