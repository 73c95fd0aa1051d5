package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
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
	if err != nil || len(packages) == 0 {
		return err
	}
	return errors.Join(t.lock(packages...), t.touch(packages...))
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
		return t.wake("pause:"+subject, 0)
	})
}
