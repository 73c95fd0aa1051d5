package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// isRestored reports whether the database was put back and is not trusted yet (S8).
func (v *view) isRestored() (bool, error) {
	n, err := v.count(`SELECT restored_at IS NOT NULL FROM opsdb`)
	return n > 0, err
}

// mayPack fails while it is.
func (v *view) mayPack() error {
	restored, err := v.isRestored()
	if err == nil && restored {
		err = fmt.Errorf("%w: %w", opsdb.ErrRestored, opsdb.ErrChanged)
	}
	return err
}

// mayClaim keeps packing from being done while the database is not trusted.
func (t *tx) mayClaim(task opsdb.Task) error {
	if task.Type != "package" {
		return nil
	}
	restored, err := t.isRestored()
	if err == nil && restored {
		err = fmt.Errorf("task %s: %w: %w", task.ID, opsdb.ErrRestored, opsdb.ErrNotClaim)
	}
	return err
}

func (d *dispatch) packing() (*opsdb.Dispatched, error) {
	restored, err := d.isRestored()
	if err != nil || !restored {
		return nil, err
	}
	r := refused(opsdb.GateShut, "%s", opsdb.ErrRestored)
	return &r, nil
}

// Recognise implements opsdb.Restoring.
func (s *Store) Recognise(ctx context.Context, seen opsdb.Seen, who string) (now opsdb.Seen, err error) {
	var why string
	err = s.read(ctx, "Recognise", func(v *view) error {
		now, why, err = v.compare(seen)
		return err
	})
	if err != nil || why == "" {
		return now, err
	}
	err = s.write(ctx, "Recognise", func(t *tx) error {
		if now, why, err = t.compare(seen); err != nil || why == "" { // another one was first
			return err
		}
		now.Epoch, err = t.markRestored(now.Epoch, who, why)
		return err
	})
	return now, err
}

// compare says how far the database is, and why it must have been put back, if so.
func (v *view) compare(seen opsdb.Seen) (now opsdb.Seen, why string, err error) {
	if _, err := v.get([]any{&now.Epoch, &now.Seq, &now.Hash}, `SELECT epoch, chain_seq, chain_hash FROM opsdb`); err != nil || seen.Epoch == "" {
		return now, "", err
	}
	if seen.Epoch != now.Epoch {
		known, err := v.count(`SELECT count(*) FROM past_epoch WHERE epoch = ?`, seen.Epoch)
		if err == nil && known == 0 {
			why = "it never had the epoch " + seen.Epoch + ", which was seen"
		}
		return now, why, err
	}
	var there opsdb.Digest
	if _, err := v.get([]any{&there}, `SELECT hash FROM event WHERE seq = ?`, seen.Seq); err != nil {
		return now, "", err
	}
	return now, opsdb.WhyRestored(seen, now, there), nil
}

// MarkRestored implements opsdb.Restoring.
func (s *Store) MarkRestored(ctx context.Context, who, why string) error {
	return s.write(ctx, "MarkRestored", func(t *tx) error {
		now, _, err := t.compare(opsdb.Seen{})
		if err == nil {
			_, err = t.markRestored(now.Epoch, who, why)
		}
		return err
	})
}

func (t *tx) markRestored(was, who, why string) (epoch string, err error) {
	epoch = opsdb.NewEpoch()
	t.event(opsdb.Event{Actor: who, Kind: opsdb.EventRestored, Subject: "opsdb", Why: why, Before: was, After: epoch})
	return epoch, errors.Join(
		t.exec(`INSERT INTO past_epoch (epoch, ended) VALUES (?, ?) ON CONFLICT DO NOTHING`, was, us(t.now)),
		t.exec(`UPDATE opsdb SET epoch = ?, restored_at = ?, restored_by = ?, restored_why = ?`, epoch, us(t.now), who, why),
		t.exec(`UPDATE task SET epoch = ?1, token = token + ?2, lease_until = CASE WHEN state = 'in_progress' THEN ?3 ELSE lease_until END
		  WHERE state IN ('pending', 'scheduled', 'in_progress')`, epoch, opsdb.TokenGap, us(t.now)),
		t.lookAgain())
}

// lookAgain has every package and open group evaluated.
func (t *tx) lookAgain() error {
	return errors.Join(t.exec(`UPDATE package SET version = version + 1`), t.exec(`UPDATE file_group SET version = version + 1 WHERE closed = 0`))
}

// EndRestored implements opsdb.Restoring.
func (s *Store) EndRestored(ctx context.Context, who, why string) error {
	return s.write(ctx, "EndRestored", func(t *tx) error {
		restored, err := t.isRestored()
		if err != nil || !restored {
			return err
		}
		missing, err := t.uninventoried()
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("no inventory has passed of %s: %w", strings.Join(missing, ", "), opsdb.ErrInvariant)
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventTrusted, Subject: "opsdb", Why: why})
		return errors.Join(t.exec(`UPDATE opsdb SET restored_at = NULL, restored_by = '', restored_why = ''`), t.lookAgain())
	})
}

// Uninventoried implements opsdb.Restoring.
func (s *Store) Uninventoried(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, "Uninventoried", func(v *view) error {
		names, err = v.uninventoried()
		return err
	})
	return names, err
}

func (v *view) uninventoried() ([]string, error) {
	return query(v, func(r scanner) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT l.name FROM location l JOIN site s ON s.name = substr(l.name, 1, instr(l.name, '.') - 1)
	  WHERE l.active = 1 AND s.active = 1 AND s.state NOT IN ('lost', 'planned') AND NOT EXISTS
	    (SELECT 1 FROM inventory i WHERE i.location = l.name AND i.passed = 1 AND i.epoch = (SELECT epoch FROM opsdb)) ORDER BY l.name`)
}

// Inventoried implements opsdb.Restoring.
func (s *Store) Inventoried(ctx context.Context, i opsdb.Inventory) error {
	return s.write(ctx, "Inventoried", func(t *tx) error {
		for _, id := range i.Lost {
			if err := t.notThere(id, i.Who); err != nil {
				return err
			}
		}
		for route, n := range i.Numbers {
			if err := t.exec(`INSERT INTO route_number (route, last) VALUES (?, ?) ON CONFLICT (route) DO UPDATE SET last = max(last, excluded.last)`, route, n); err != nil {
				return err
			}
		}
		t.event(opsdb.Event{Actor: person(i.Who), Kind: opsdb.EventInventory, Subject: "location:" + i.Location, Location: i.Location, Why: i.Accepted,
			After: text(map[string]int{"found": i.Found, "lost": len(i.Lost), "unknown": i.Unknown})})
		return t.exec(`INSERT INTO inventory (location, epoch, at, who, found, lost, unknown, accepted, passed) VALUES (?, (SELECT epoch FROM opsdb), ?, ?, ?, ?, ?, ?, ?)
		  ON CONFLICT (location) DO UPDATE SET epoch = excluded.epoch, at = excluded.at, who = excluded.who, found = excluded.found, lost = excluded.lost,
		    unknown = excluded.unknown, accepted = excluded.accepted, passed = excluded.passed`,
			i.Location, us(t.now), i.Who, i.Found, len(i.Lost), i.Unknown, i.Accepted, boolInt(i.Passed()))
	})
}

// notThere makes a copy lost, unless a task is at it, which will say so itself.
func (t *tx) notThere(id opsdb.ID, who string) error {
	c, err := tables.CopyOf(t, id)
	if err != nil {
		return fmt.Errorf("copy %s: %w", id, err)
	}
	busy, err := t.count(`SELECT count(*) FROM task WHERE package = ? AND (target_copy = ? OR source_copy = ?) AND state IN ('pending', 'scheduled', 'in_progress')`,
		string(c.Package), string(id), string(id))
	if err != nil || busy > 0 || !c.Live() {
		return err
	}
	tables.CopyEvent(t, c, opsdb.EventCopyLost, person(who), "an inventory did not find it", 0, string(opsdb.Lost))
	if err := t.exec(`UPDATE copy SET state = 'lost', before = ?, reason = 'an inventory did not find it', condemned_age = NULL WHERE id = ?`, string(c.State), string(id)); err != nil {
		return err
	}
	return t.exec(`UPDATE package SET version = version + 1, urgent = 1 WHERE id = ?`, string(c.Package))
}
