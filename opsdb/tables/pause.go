package tables

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// Pause implements opsdb.Operating.
func (s Store) Pause(ctx context.Context, p opsdb.Pause) error {
	return s.write(ctx, "Pause", func(t Tx) error {
		kind, _, ok := strings.Cut(p.Subject, ":")
		if !ok {
			return fmt.Errorf("%q is no subject of a pause: say route:, stage:, location:, link: or site: and its name", p.Subject)
		}
		if !slices.Contains([]string{"route", "stage", "location", "link", "site"}, kind) {
			return fmt.Errorf("%q cannot be paused: say route, stage, location, link or site", kind)
		}
		n, err := t.ExecN(`INSERT INTO pause (subject, who, why, since) VALUES ($1, $2, $3, $4) ON CONFLICT (subject) DO NOTHING`, p.Subject, p.Who, p.Why, Time(t.Now()))
		if err != nil || n == 0 {
			return err
		}
		t.Event(opsdb.Event{Actor: person(p.Who), Kind: opsdb.EventPaused, Subject: p.Subject, Why: p.Why})
		return errors.Join(t.TouchMoves(p.Subject), giveUp(t, p.Subject))
	})
}

// keptBack are the tasks that are scheduled and kept from beginning by a pause of the subject.
func keptBack(t Tx, subject string) ([]opsdb.Task, error) {
	tasks, err := Query(t, ScanTask, `SELECT `+TaskColumns+` FROM task t WHERE `+t.Dialect().AmongOpen("t")+` AND t.state = 'scheduled' ORDER BY t.id`)
	return opsdb.KeptBack(tasks, subject), err
}

// giveUp ends the wait for those who might claim what is kept back, or was given
// out by those who did not know of the pause yet.
func giveUp(t Tx, subject string) error {
	tasks, err := keptBack(t, subject)
	if err != nil || len(tasks) == 0 {
		return err
	}
	packages, ids := make([]opsdb.ID, len(tasks)), make([]opsdb.ID, len(tasks))
	for i, task := range tasks {
		packages[i], ids[i] = task.Package, task.ID
	}
	Lock(t, packages...)
	return t.Exec(`UPDATE task SET `+t.Dialect().Lease("$1")+` WHERE `+t.Dialect().In("id", 2)+` AND state = 'scheduled' AND worker = ''`, Time(t.Now()), ids)
}

// Resume implements opsdb.Operating.
func (s Store) Resume(ctx context.Context, subject, who string) error {
	return s.write(ctx, "Resume", func(t Tx) error {
		n, err := t.ExecN(`DELETE FROM pause WHERE subject = $1`, subject)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("pause of %s: %w", subject, opsdb.ErrNotFound)
		}
		t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventResumed, Subject: subject})
		return errors.Join(giveUp(t, subject), t.Wake("pause:"+subject, 0))
	})
}
