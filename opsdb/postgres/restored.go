package postgres

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
	return v.yes(`SELECT restored_at IS NOT NULL FROM opsdb`)
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
		t.queue(`SELECT FROM opsdb FOR UPDATE`)
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
	if _, err := v.get([]any{&now.Epoch, &now.Seq, &now.Hash}, `SELECT o.epoch, c.seq, c.hash FROM opsdb o, chain_head c`); err != nil || seen.Epoch == "" {
		return now, "", err
	}
	if seen.Epoch != now.Epoch {
		known, err := v.count(`SELECT count(*) FROM past_epoch WHERE epoch = $1`, seen.Epoch)
		if err == nil && known == 0 {
			why = "it never had the epoch " + seen.Epoch + ", which was seen"
		}
		return now, why, err
	}
	var there opsdb.Digest
	if _, err := v.get([]any{&there}, `SELECT hash FROM event WHERE seq = $1`, seen.Seq); err != nil {
		return now, "", err
	}
	return now, opsdb.WhyRestored(seen, now, there), nil
}

// MarkRestored implements opsdb.Restoring.
func (s *Store) MarkRestored(ctx context.Context, who, why string) error {
	return s.write(ctx, "MarkRestored", func(t *tx) error {
		t.queue(`SELECT FROM opsdb FOR UPDATE`)
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
	// A function of the owner: whoever notices may call it, and write nothing of the kind besides.
	return epoch, t.exec(`SELECT mark_restored($1, $2, $3, $4, $5, $6)`, was, epoch, opsdb.TokenGap, us(t.now), who, why)
}

// lookAgain has every package and open group evaluated.
func (t *tx) lookAgain() error {
	t.queue(`SELECT FROM package_state ORDER BY id FOR NO KEY UPDATE`)
	return errors.Join(t.exec(`UPDATE package_state SET version = version + 1`),
		t.exec(`UPDATE file_group SET version = version + 1 WHERE key IN (SELECT key FROM file_group WHERE NOT closed ORDER BY key FOR NO KEY UPDATE)`))
}

// EndRestored implements opsdb.Restoring.
func (s *Store) EndRestored(ctx context.Context, who, why string) error {
	return s.write(ctx, "EndRestored", func(t *tx) error {
		t.queue(`SELECT FROM opsdb FOR UPDATE`)
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
	}, `SELECT l.name FROM location l JOIN site s ON s.name = split_part(l.name, '.', 1)
	  WHERE l.active AND s.active AND s.state NOT IN ('lost', 'planned') AND NOT EXISTS
	    (SELECT 1 FROM inventory i WHERE i.location = l.name AND i.passed AND i.epoch = (SELECT epoch FROM opsdb)) ORDER BY l.name`)
}

// Inventoried implements opsdb.Restoring.
func (s *Store) Inventoried(ctx context.Context, i opsdb.Inventory) error {
	return s.write(ctx, "Inventoried", func(t *tx) error {
		t.queue(`SELECT FROM opsdb FOR SHARE`)
		if err := t.lockCopies(i.Lost); err != nil {
			return err
		}
		for _, id := range i.Lost {
			if err := t.notThere(id, i.Who); err != nil {
				return err
			}
		}
		for route, n := range i.Numbers {
			if err := t.exec(`INSERT INTO route_number (route, last) VALUES ($1, $2) ON CONFLICT (route) DO UPDATE SET last = greatest(route_number.last, excluded.last)`, route, n); err != nil {
				return err
			}
		}
		t.event(opsdb.Event{Actor: person(i.Who), Kind: opsdb.EventInventory, Subject: "location:" + i.Location, Location: i.Location, Why: i.Accepted,
			After: text(map[string]int{"found": i.Found, "lost": len(i.Lost), "unknown": i.Unknown})})
		return t.exec(`INSERT INTO inventory (location, epoch, at, who, found, lost, unknown, accepted, passed) VALUES ($1, (SELECT epoch FROM opsdb), $2, $3, $4, $5, $6, $7, $8)
		  ON CONFLICT (location) DO UPDATE SET epoch = excluded.epoch, at = excluded.at, who = excluded.who, found = excluded.found, lost = excluded.lost,
		    unknown = excluded.unknown, accepted = excluded.accepted, passed = excluded.passed`,
			i.Location, us(t.now), i.Who, i.Found, len(i.Lost), i.Unknown, i.Accepted, i.Passed())
	})
}

// notThere makes a copy lost, unless a task is at it, which will say so itself.
func (t *tx) notThere(id opsdb.ID, who string) error {
	c, err := tables.CopyOf(t, id)
	if err != nil {
		return fmt.Errorf("copy %s: %w", id, err)
	}
	busy, err := t.count(`SELECT count(*) FROM task WHERE package = $1 AND (target_copy = $2 OR source_copy = $2) AND open`,
		string(c.Package), string(id))
	if err != nil || busy > 0 || !c.Live() {
		return err
	}
	tables.CopyEvent(t, c, opsdb.EventCopyLost, person(who), "an inventory did not find it", 0, string(opsdb.Lost))
	if err := t.exec(`UPDATE copy SET state = 'lost', before = $1, reason = 'an inventory did not find it', condemned_age = NULL WHERE id = $2`, string(c.State), string(id)); err != nil {
		return err
	}
	return t.exec(`UPDATE package_state SET version = version + 1, urgent = true WHERE id = $1`, string(c.Package))
}

// lockCopies takes the packages of copies.
func (t *tx) lockCopies(copies []opsdb.ID) error {
	packages, err := query(&t.view, tables.ScanID, `SELECT DISTINCT package FROM copy WHERE id = ANY($1::text[])`, idList(copies))
	if err != nil {
		return err
	}
	return t.lock(packages...)
}
