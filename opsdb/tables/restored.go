package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// IsRestored reports whether the database was put back and is not trusted yet (S8).
func IsRestored(v View) (bool, error) {
	return Yes(v, `SELECT restored_at IS NOT NULL FROM opsdb`)
}

// Packing is why a package task may not be given out now; nil: it may.
func Packing(d Tx) (*opsdb.Dispatched, error) {
	restored, err := IsRestored(d)
	if err != nil || !restored {
		return nil, err
	}
	return NoPacking(), nil
}

// NoPacking is what Packing returns for who knows already that the database was put back.
func NoPacking() *opsdb.Dispatched {
	r := refused(opsdb.GateShut, "%s", opsdb.ErrRestored)
	return &r
}

// Recognise implements opsdb.Restoring.
func (s Store) Recognise(ctx context.Context, seen opsdb.Seen, who string) (now opsdb.Seen, err error) {
	var why string
	err = s.read(ctx, "Recognise", func(v View) error {
		now, why, err = compare(v, seen)
		return err
	})
	if err != nil || why == "" {
		return now, err
	}
	err = s.write(ctx, "Recognise", func(t Tx) error {
		takeRevision(t)
		if now, why, err = compare(t, seen); err != nil || why == "" { // another one was first
			return err
		}
		now.Epoch, err = markRestored(t, now.Epoch, who, why)
		return err
	})
	return now, err
}

// compare says how far the database is, and why it must have been put back, if so.
func compare(v View, seen opsdb.Seen) (now opsdb.Seen, why string, err error) {
	if now, err = seenNow(v); err != nil || seen.Epoch == "" {
		return now, "", err
	}
	if seen.Epoch != now.Epoch {
		known, err := Count(v, `SELECT count(*) FROM past_epoch WHERE epoch = $1`, seen.Epoch)
		if err == nil && known == 0 {
			why = "it never had the epoch " + seen.Epoch + ", which was seen"
		}
		return now, why, err
	}
	var there opsdb.Digest
	if _, err := Get(v, []any{&there}, `SELECT hash FROM event WHERE seq = $1`, seen.Seq); err != nil {
		return now, "", err
	}
	return now, opsdb.WhyRestored(seen, now, there), nil
}

// seenNow is how far the database is.
func seenNow(v View) (now opsdb.Seen, err error) {
	if _, err := Get(v, []any{&now.Epoch}, `SELECT epoch FROM opsdb`); err != nil {
		return now, err
	}
	_, err = Get(v, []any{&now.Seq, &now.Hash}, v.Dialect().ChainHead)
	return now, err
}

// MarkRestored implements opsdb.Restoring.
func (s Store) MarkRestored(ctx context.Context, who, why string) error {
	return s.write(ctx, "MarkRestored", func(t Tx) error {
		takeRevision(t)
		now, _, err := compare(t, opsdb.Seen{})
		if err == nil {
			_, err = markRestored(t, now.Epoch, who, why)
		}
		return err
	})
}

func markRestored(t Tx, was, who, why string) (epoch string, err error) {
	epoch = opsdb.NewEpoch()
	t.Event(opsdb.Event{Actor: who, Kind: opsdb.EventRestored, Subject: "opsdb", Why: why, Before: was, After: epoch})
	return epoch, t.Dialect().Restore(t, was, epoch, who, why)
}

// LookAgain has every package and open group evaluated.
func LookAgain(t Tx) error {
	t.Take(`SELECT FROM package_state ORDER BY id FOR NO KEY UPDATE`)
	return errors.Join(t.Exec(`UPDATE `+t.Dialect().State+` SET version = version + 1`), touchGroups(t))
}

// EndRestored implements opsdb.Restoring.
func (s Store) EndRestored(ctx context.Context, who, why string) error {
	return s.write(ctx, "EndRestored", func(t Tx) error {
		takeRevision(t)
		restored, err := IsRestored(t)
		if err != nil || !restored {
			return err
		}
		missing, err := uninventoried(t)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("no inventory has passed of %s: %w", strings.Join(missing, ", "), opsdb.ErrInvariant)
		}
		t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventTrusted, Subject: "opsdb", Why: why})
		return errors.Join(t.Exec(`UPDATE opsdb SET restored_at = NULL, restored_by = '', restored_why = ''`), LookAgain(t))
	})
}

// Uninventoried implements opsdb.Restoring.
func (s Store) Uninventoried(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, "Uninventoried", func(v View) error {
		names, err = uninventoried(v)
		return err
	})
	return names, err
}

func uninventoried(v View) ([]string, error) {
	return Query(v, func(r Scanner) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT l.name FROM location l JOIN site s ON s.name = `+v.Dialect().SiteOf("l.name")+`
	  WHERE l.active AND s.active AND s.state NOT IN ('lost', 'planned') AND NOT EXISTS
	    (SELECT 1 FROM inventory i WHERE i.location = l.name AND i.passed AND i.epoch = (SELECT epoch FROM opsdb)) ORDER BY l.name`)
}

// Inventoried implements opsdb.Restoring.
func (s Store) Inventoried(ctx context.Context, i opsdb.Inventory) error {
	return s.write(ctx, "Inventoried", func(t Tx) error {
		shareRevision(t)
		if err := lockCopies(t, i.Lost); err != nil {
			return err
		}
		for _, id := range i.Lost {
			if err := notThere(t, id, i.Who); err != nil {
				return err
			}
		}
		for route, n := range i.Numbers {
			if err := t.Exec(`INSERT INTO route_number (route, last) VALUES ($1, $2) ON CONFLICT (route) DO UPDATE SET last = CASE WHEN excluded.last > route_number.last THEN excluded.last ELSE route_number.last END`, route, n); err != nil {
				return err
			}
		}
		t.Event(opsdb.Event{Actor: person(i.Who), Kind: opsdb.EventInventory, Subject: "location:" + i.Location, Location: i.Location, Why: i.Accepted,
			After: JSON(map[string]int{"found": i.Found, "lost": len(i.Lost), "unknown": i.Unknown})})
		return t.Exec(`INSERT INTO inventory (location, epoch, at, who, found, lost, unknown, accepted, passed) VALUES ($1, (SELECT epoch FROM opsdb), $2, $3, $4, $5, $6, $7, $8)
		  ON CONFLICT (location) DO UPDATE SET epoch = excluded.epoch, at = excluded.at, who = excluded.who, found = excluded.found, lost = excluded.lost,
		    unknown = excluded.unknown, accepted = excluded.accepted, passed = excluded.passed`,
			i.Location, Time(t.Now()), i.Who, i.Found, len(i.Lost), i.Unknown, i.Accepted, i.Passed())
	})
}

// notThere makes a copy lost, unless a task is at it, which will say so itself.
func notThere(t Tx, id opsdb.ID, who string) error {
	c, err := CopyOf(t, id)
	if err != nil {
		return fmt.Errorf("copy %s: %w", id, err)
	}
	busy, err := Count(t, `SELECT count(*) FROM task WHERE package = $1 AND (target_copy = $2 OR source_copy = $2) AND `+t.Dialect().Open("task"),
		string(c.Package), string(id))
	if err != nil || busy > 0 || !c.Live() {
		return err
	}
	copyEvent(t, c, opsdb.EventCopyLost, person(who), "an inventory did not find it", 0, string(opsdb.Lost))
	if err := t.Exec(`UPDATE copy SET state = 'lost', before = $1, reason = 'an inventory did not find it', condemned_age = NULL WHERE id = $2`, string(c.State), string(id)); err != nil {
		return err
	}
	return touchUrgent(t, c.Package)
}

// lockCopies takes the packages of copies.
func lockCopies(t Tx, copies []opsdb.ID) error {
	packages, err := Query(t, ScanID, `SELECT DISTINCT package FROM copy WHERE `+t.Dialect().In("id", 1), copies)
	if err != nil {
		return err
	}
	Lock(t, packages...)
	return nil
}
