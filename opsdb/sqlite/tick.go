package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

const (
	jump  = 5 * time.Minute // by which the store's clock may differ from monotonic time
	quiet = time.Hour       // of agreement, after which a jump is forgotten
)

// observed is the observed clock as it stands.
func (v *view) observed() (time.Time, error) {
	n, err := v.count(`SELECT observed FROM opsdb`)
	return timeOf(&n), err
}

// observedBy is what the observed clock may at most be by now, so that what
// begins now is not counted from the last tick: time only delays (S7).
func (v *view) observedBy(now time.Time) (time.Time, error) {
	var observed, ticked int64
	if _, err := v.get([]any{&observed, &ticked}, `SELECT observed, ticked FROM opsdb`); err != nil {
		return time.Time{}, err
	}
	return timeOf(&observed).Add(min(max(now.Sub(timeOf(&ticked)), 0), jump)), nil
}

// Tick implements opsdb.Planning. While the time is suspect the observed clock stands still.
func (s *Store) Tick(ctx context.Context, passed time.Duration, virtual bool) error {
	var now time.Time
	err := s.write(ctx, "Tick", func(t *tx) error {
		now = t.now
		t.quiet = true
		var observed, ticked, calm int64
		var suspect bool
		if _, err := t.get([]any{&observed, &ticked, &suspect, &calm}, `SELECT observed, ticked, suspect, quiet FROM opsdb`); err != nil {
			return err
		}
		wall := t.now.Sub(timeOf(&ticked))
		if virtual {
			passed = wall
		}
		first := passed == 0 && !virtual
		step := max(min(passed, wall), 0)
		own := wall // by the store's clock, since this process's last tick: others tick in between
		if at := s.ticked.Load(); at != nil && !first && !virtual {
			own = t.now.Sub(*at)
		}
		if (own-passed).Abs() > jump && !(first && wall > 0) {
			t.distrust(suspect, own, passed)
			return t.ticked(observed, true, 0)
		}
		if suspect {
			calm += step.Microseconds()
			if calm < quiet.Microseconds() {
				return t.ticked(observed, true, calm)
			}
			t.event(opsdb.Event{Kind: opsdb.EventTimeConfirmed, Subject: "time", Why: "one quiet hour"})
			t.quiet = false
			return errors.Join(t.wake(opsdb.CauseTime, 0), t.ticked(observed, false, 0))
		}
		return t.ticked(observed+step.Microseconds(), false, 0)
	})
	if err == nil {
		s.ticked.Store(&now)
	}
	return err
}

func (t *tx) distrust(already bool, wall, passed time.Duration) {
	if already {
		return
	}
	t.quiet = false
	t.event(opsdb.Event{Kind: opsdb.EventTimeSuspect, Subject: "time",
		Why: fmt.Sprintf("the store's clock moved by %s while %s passed", wall, passed)})
}

func (t *tx) ticked(observed int64, suspect bool, calm int64) error {
	return t.exec(`UPDATE opsdb SET observed = ?, ticked = ?, suspect = ?, quiet = ?`, observed, us(t.now), boolInt(suspect), calm)
}

// ConfirmTime implements opsdb.Operating.
func (s *Store) ConfirmTime(ctx context.Context, who string) error {
	return s.write(ctx, "ConfirmTime", func(t *tx) error {
		n, err := t.execN(`UPDATE opsdb SET suspect = 0, quiet = 0, ticked = ? WHERE suspect = 1`, us(t.now))
		if err == nil && n > 0 {
			t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventTimeConfirmed, Subject: "time"})
			return t.wake(opsdb.CauseTime, 0)
		}
		return err
	})
}

func person(who string) string { return "person:" + who }
