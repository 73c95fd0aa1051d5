package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Pause implements opsdb.Operating.
func (s *Store) Pause(ctx context.Context, p opsdb.Pause) error {
	return s.write(ctx, "Pause", func(t *tx) error {
		kind, name, ok := strings.Cut(p.Subject, ":")
		if !ok {
			return fmt.Errorf("%q is no subject of a pause: say route:, stage:, location:, link: or site: and its name", p.Subject)
		}
		n, err := t.execN(`INSERT INTO pause (subject, who, why, since) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, p.Subject, p.Who, p.Why, us(t.now))
		if err != nil || n == 0 {
			return err
		}
		t.event(opsdb.Event{Actor: person(p.Who), Kind: opsdb.EventPaused, Subject: p.Subject, Why: p.Why})
		return t.touchPaused(kind, name)
	})
}

// touchPaused has every package looked at again that has a move under the subject.
func (t *tx) touchPaused(kind, name string) error {
	where := map[string]string{
		"route":    `route = ?1`,
		"stage":    `route || '/' || stage = ?1`,
		"location": `from_loc = ?1 OR to_loc = ?1`,
		"link":     `link = ?1`,
		"site":     `from_loc LIKE ?1 || '.%' OR to_loc LIKE ?1 || '.%'`,
	}[kind]
	if where == "" {
		return fmt.Errorf("%q cannot be paused: say route, stage, location, link or site", kind)
	}
	if err := t.exec(`UPDATE package SET version = version + 1 WHERE id IN (SELECT package FROM open_move WHERE `+where+`)`, name); err != nil {
		return err
	}
	return t.giveUp(kind + ":" + name)
}

// giveUp ends the wait for those who might claim what a pause of the subject keeps back.
func (t *tx) giveUp(subject string) error {
	tasks, err := query(&t.view, tables.ScanTask, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.state = 'scheduled' ORDER BY t.id`)
	if err != nil {
		return err
	}
	var ids []opsdb.ID
	for _, task := range opsdb.KeptBack(tasks, subject) {
		ids = append(ids, task.ID)
	}
	return t.exec(`UPDATE task SET lease_until = ? WHERE id IN (SELECT value FROM json_each(?))`, us(t.now), idList(ids))
}

// Resume implements opsdb.Operating.
func (s *Store) Resume(ctx context.Context, subject, who string) error {
	return s.write(ctx, "Resume", func(t *tx) error {
		n, err := t.execN(`DELETE FROM pause WHERE subject = ?`, subject)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("pause of %s: %w", subject, opsdb.ErrNotFound)
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventResumed, Subject: subject})
		if err := t.giveUp(subject); err != nil { // dispatched by those who did not know of the pause yet
			return err
		}
		return t.wake("pause:"+subject, 0)
	})
}

// notPaused refuses what has not begun and is under a pause.
func (t *tx) notPaused(task opsdb.Task) error {
	if task.Begun() {
		return nil
	}
	var one int
	paused, err := t.get([]any{&one}, `SELECT 1 FROM pause WHERE subject IN (SELECT value FROM json_each(?))`, text(task.Under()))
	if err == nil && paused {
		err = fmt.Errorf("task %s is under a pause: %w", task.ID, opsdb.ErrNotClaim)
	}
	return err
}
