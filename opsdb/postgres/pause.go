package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Pause implements opsdb.Operating.
func (s *Store) Pause(ctx context.Context, p opsdb.Pause) error {
	return s.write(ctx, "Pause", func(t *tx) error {
		kind, _, ok := strings.Cut(p.Subject, ":")
		if !ok {
			return fmt.Errorf("%q is no subject of a pause: say route:, stage:, location:, link: or site: and its name", p.Subject)
		}
		if !slices.Contains([]string{"route", "stage", "location", "link", "site"}, kind) {
			return fmt.Errorf("%q cannot be paused: say route, stage, location, link or site", kind)
		}
		n, err := t.execN(`INSERT INTO pause (subject, who, why, since) VALUES ($1, $2, $3, $4) ON CONFLICT (subject) DO NOTHING`, p.Subject, p.Who, p.Why, us(t.now))
		if err != nil || n == 0 {
			return err
		}
		t.event(opsdb.Event{Actor: person(p.Who), Kind: opsdb.EventPaused, Subject: p.Subject, Why: p.Why})
		return t.touchPaused(p.Subject)
	})
}

// touchPaused has every package looked at again that has a move under the subject.
func (t *tx) touchPaused(subject string) error {
	packages, err := t.withMoves(subject)
	if err != nil {
		return err
	}
	waiting, err := t.keptBack(subject)
	if err != nil {
		return err
	}
	for _, task := range waiting {
		packages = append(packages, task.Package)
	}
	if len(packages) == 0 {
		return nil
	}
	return errors.Join(t.lock(packages...), t.touch(packages...), t.giveUp(subject))
}

// keptBack are the tasks that are scheduled and kept from beginning by a pause of the subject.
func (t *tx) keptBack(subject string) ([]opsdb.Task, error) {
	tasks, err := query(&t.view, tables.ScanTask, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.open AND t.state = 'scheduled' ORDER BY t.id`)
	return opsdb.KeptBack(tasks, subject), err
}

// giveUp ends the wait for those who might claim what is kept back: their packages are locked.
func (t *tx) giveUp(subject string) error {
	tasks, err := t.keptBack(subject)
	if err != nil || len(tasks) == 0 {
		return err
	}
	ids := make([]opsdb.ID, len(tasks))
	for i, task := range tasks {
		ids[i] = task.ID
	}
	return t.exec(`UPDATE task SET lease_until = $1, look_at = $1 WHERE id = ANY($2::text[]) AND state = 'scheduled'`, us(t.now), idList(ids))
}

// Resume implements opsdb.Operating.
func (s *Store) Resume(ctx context.Context, subject, who string) error {
	return s.write(ctx, "Resume", func(t *tx) error {
		n, err := t.execN(`DELETE FROM pause WHERE subject = $1`, subject)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("pause of %s: %w", subject, opsdb.ErrNotFound)
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventResumed, Subject: subject})
		return errors.Join(t.touchKeptBack(subject), t.wake("pause:"+subject, 0))
	})
}

// touchKeptBack gives up what was dispatched while the pause was being ordered.
func (t *tx) touchKeptBack(subject string) error {
	waiting, err := t.keptBack(subject)
	if err != nil || len(waiting) == 0 {
		return err
	}
	packages := make([]opsdb.ID, len(waiting))
	for i, task := range waiting {
		packages[i] = task.Package
	}
	return errors.Join(t.lock(packages...), t.giveUp(subject))
}
