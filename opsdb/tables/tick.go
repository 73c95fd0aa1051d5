package tables

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

// Observed is the observed clock as it stands.
func Observed(v View) (at time.Time, err error) {
	_, err = Get(v, []any{At(&at)}, `SELECT observed FROM `+v.Dialect().Clock)
	return at, err
}

// observedBy is what the observed clock may at most be by now, so that what
// begins now is not counted from the last tick: time only delays (S7).
func observedBy(v View, now time.Time) (time.Time, error) {
	var observed, ticked time.Time
	if _, err := Get(v, []any{At(&observed), At(&ticked)}, `SELECT observed, ticked FROM `+v.Dialect().Clock); err != nil {
		return time.Time{}, err
	}
	return observed.Add(min(max(now.Sub(ticked), 0), jump)), nil
}

// Tick implements opsdb.Planning. While the time is suspect the observed clock stands still.
func (s Store) Tick(ctx context.Context, passed time.Duration, virtual bool) error {
	var now time.Time
	err := s.write(ctx, "Tick", func(t Tx) error {
		now = t.Now()
		t.Quiet(true)
		var observed, ticked time.Time
		var calm int64
		var suspect bool
		if _, err := Get(t, []any{At(&observed), At(&ticked), &suspect, &calm}, `SELECT observed, ticked, suspect, quiet FROM `+t.Dialect().Clock+t.Dialect().ForUpdate); err != nil {
			return err
		}
		wall := t.Now().Sub(ticked)
		if virtual {
			passed = wall
		}
		first := passed == 0 && !virtual
		step := max(min(passed, wall), 0)
		own := wall // by the store's clock, since this process's last tick: others tick in between
		if at := s.ticked.Load(); at != nil && !first && !virtual {
			own = t.Now().Sub(*at)
		}
		if (own-passed).Abs() > jump && !(first && wall > 0) {
			distrust(t, suspect, own, passed)
			return setClock(t, observed, true, 0)
		}
		if suspect {
			calm += step.Microseconds()
			if calm < quiet.Microseconds() {
				return setClock(t, observed, true, calm)
			}
			t.Event(opsdb.Event{Kind: opsdb.EventTimeConfirmed, Subject: "time", Why: "one quiet hour"})
			t.Quiet(false)
			return errors.Join(t.Wake(opsdb.CauseTime, 0), setClock(t, observed, false, 0))
		}
		return setClock(t, observed.Add(step), false, 0)
	})
	if err == nil {
		s.ticked.Store(&now)
	}
	return err
}

func distrust(t Tx, already bool, wall, passed time.Duration) {
	if already {
		return
	}
	t.Quiet(false)
	t.Event(opsdb.Event{Kind: opsdb.EventTimeSuspect, Subject: "time",
		Why: fmt.Sprintf("the store's clock moved by %s while %s passed", wall, passed)})
}

func setClock(t Tx, observed time.Time, suspect bool, calm int64) error {
	return t.Exec(`UPDATE `+t.Dialect().Clock+` SET observed = $1, ticked = $2, suspect = $3, quiet = $4`, Time(observed), Time(t.Now()), suspect, calm)
}

// ConfirmTime implements opsdb.Operating.
func (s Store) ConfirmTime(ctx context.Context, who string) error {
	return s.write(ctx, "ConfirmTime", func(t Tx) error {
		n, err := t.ExecN(`UPDATE `+t.Dialect().Clock+` SET suspect = false, quiet = 0, ticked = $1 WHERE suspect`, Time(t.Now()))
		if err == nil && n > 0 {
			t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventTimeConfirmed, Subject: "time"})
			return t.Wake(opsdb.CauseTime, 0)
		}
		return err
	})
}

func person(who string) string { return "person:" + who }
