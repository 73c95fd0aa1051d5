package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

const revisionColumns = `number, digest, text, who, why, at`

func scanRevision(r scanner) (v opsdb.Revision, err error) {
	var at *time.Time
	err = r.Scan(&v.Number, &v.Digest, &v.Text, &v.Who, &v.Why, &at)
	v.At = timeOf(at)
	return v, err
}

func (v *view) activeRevision() (opsdb.Revision, error) {
	return one(v, scanRevision, `SELECT `+revisionColumns+` FROM revision WHERE number = (SELECT revision FROM opsdb)`)
}

// ActiveRevision implements opsdb.Planning.
func (s *Store) ActiveRevision(ctx context.Context) (r opsdb.Revision, err error) {
	err = s.read(ctx, "ActiveRevision", func(v *view) error {
		r, err = v.activeRevision()
		return err
	})
	return r, err
}

// Activate implements opsdb.Planning.
func (s *Store) Activate(ctx context.Context, rev opsdb.Revision, m opsdb.Mirror) (active opsdb.Revision, err error) {
	err = s.write(ctx, "Activate", func(t *tx) error {
		t.queue(`SELECT FROM opsdb FOR UPDATE`)
		old, err := t.count(`SELECT count(*) FROM revision WHERE number = (SELECT revision FROM opsdb) AND digest = $1`, string(rev.Digest))
		if err != nil {
			return err
		}
		if old > 0 {
			active, err = t.activeRevision()
			return err
		}
		active, err = t.activate(rev, m)
		return err
	})
	return active, err
}

func (t *tx) activate(rev opsdb.Revision, m opsdb.Mirror) (opsdb.Revision, error) {
	if err := t.unreferenced(m); err != nil {
		return rev, err
	}
	last, err := t.count(`SELECT coalesce(max(number), 0) FROM revision`)
	if err != nil {
		return rev, err
	}
	rev.Number, rev.At = last+1, t.now
	if err := t.exec(`INSERT INTO revision (`+revisionColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`, rev.Number, string(rev.Digest), rev.Text, rev.Who, rev.Why, us(rev.At)); err != nil {
		return rev, err
	}
	if err := t.mirror(m); err != nil {
		return rev, err
	}
	t.event(opsdb.Event{Actor: person(rev.Who), Kind: opsdb.EventRevision, Subject: fmt.Sprintf("revision:%d", rev.Number), Why: rev.Why, Revision: rev.Number,
		Before: fmt.Sprint(last), After: string(rev.Digest)})
	if err := t.foundAgain(rev.Number); err != nil {
		return rev, err
	}
	return rev, t.allAnew(rev.Number, m.Stages)
}

// siteLost is the reason of copies that were lost with their site.
const siteLost = "its site is lost"

// foundAgain lets copies stand again whose site is lost no longer. What was
// read there before says nothing now: it has no receipt until it is read again.
func (t *tx) foundAgain(revision int64) error {
	packages, err := query(&t.view, tables.ScanID, `SELECT DISTINCT c.package`+lostWithSite, siteLost)
	if err != nil || len(packages) == 0 {
		return err
	}
	if err := t.lock(packages...); err != nil {
		return err
	}
	found, err := query(&t.view, tables.ScanCopy, `SELECT `+tables.CopyColumns+lostWithSite+` ORDER BY c.id`, siteLost)
	if err != nil {
		return err
	}
	for _, c := range found {
		if err := t.foundOne(c, revision); err != nil {
			return err
		}
	}
	return nil
}

const lostWithSite = tables.CopyFrom + `WHERE c.state = 'lost' AND c.reason = $1 AND c.before NOT IN ('expected', 'arrived')
    AND EXISTS (SELECT 1 FROM location l JOIN site s ON s.name = split_part(l.name, '.', 1)
      WHERE l.name = c.location AND l.active AND s.active AND s.state <> 'lost')
    AND NOT EXISTS (SELECT 1 FROM copy o WHERE o.package = c.package AND o.location = c.location AND o.state NOT IN ('deleted', 'quarantined', 'lost'))`

func (t *tx) foundOne(c opsdb.Copy, revision int64) error {
	state, asked := opsdb.Present, any(nil)
	if c.Form == opsdb.Tree {
		state = opsdb.Staged
	}
	if c.Form == opsdb.Tar {
		asked = us(t.now)
	}
	tables.CopyEvent(t, c, opsdb.EventCopyFound, "", "its site is not lost any more", revision, string(state))
	return t.exec(`UPDATE copy SET state = $1, before = '', reason = '', receipt = NULL, condemned_age = NULL, verify_asked = $2 WHERE id = $3`,
		string(state), asked, string(c.ID))
}

// allAnew has everything evaluated under the new revision, and routed if the package stages changed.
func (t *tx) allAnew(revision int64, stages []string) error {
	now := text(slices.Sorted(slices.Values(stages)))
	var before string
	if _, err := t.get([]any{&before}, `SELECT stages FROM opsdb`); err != nil {
		return err
	}
	if before != now {
		if err := t.exec(`UPDATE file SET routed = false WHERE state = 'present' AND routed`); err != nil {
			return err
		}
	}
	if err := t.exec(`UPDATE file_group SET version = version + 1 WHERE key IN (SELECT key FROM file_group WHERE NOT closed ORDER BY key FOR NO KEY UPDATE)`); err != nil {
		return err
	}
	return t.exec(`UPDATE opsdb SET revision = $1, stages = $2`, revision, now)
}

// unreferenced fails with opsdb.ErrInUse if a place that goes, or becomes one
// of another type, still holds something, and names what: an archive must not
// become a place in which something is deleted (S3).
func (t *tx) unreferenced(m opsdb.Mirror) error {
	types := map[string]opsdb.LocationType{}
	for _, l := range m.Locations {
		types[l.Name] = l.Type
	}
	was, err := query(&t.view, func(r scanner) (l opsdb.Location, err error) {
		err = r.Scan(&l.Name, &l.Type)
		return l, err
	}, `SELECT name, type FROM location WHERE active ORDER BY name`)
	if err != nil {
		return err
	}
	var held []string
	for _, l := range was {
		now, kept := types[l.Name]
		if kept && now == l.Type {
			continue
		}
		what, err := t.holds(l.Name)
		if err != nil {
			return err
		}
		switch {
		case what != "" && kept:
			held = append(held, fmt.Sprintf("%s (%s; it is a %s and cannot become a %s)", l.Name, what, l.Type, now))
		case what != "":
			held = append(held, l.Name+" ("+what+")")
		}
	}
	if len(held) > 0 {
		return fmt.Errorf("%w: %s", opsdb.ErrInUse, strings.Join(held, ", "))
	}
	return nil
}

// holds says what a location still holds; "" for nothing.
func (t *tx) holds(location string) (string, error) {
	var out []string
	for _, q := range []struct{ what, sql string }{
		{"copies", `SELECT coalesce(sum(count), 0)::bigint FROM tally_now WHERE kind = 'copy' AND a = $1 AND b NOT IN ('deleted', 'quarantined', 'lost')`},
		{"files", `SELECT coalesce(sum(count), 0)::bigint FROM tally_now WHERE kind = 'file' AND a = $1 AND b NOT IN ('deleted', 'lost')`},
		{"open tasks", `SELECT count(*) FROM task WHERE open AND $1 IN (from_loc, to_loc)`},
	} {
		n, err := t.count(q.sql, location)
		if err != nil {
			return "", err
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, q.what))
		}
	}
	return strings.Join(out, ", "), nil
}

// mirror makes the rows of places what the revision says. Rows of places that
// are gone stay, inactive, with their marker and history.
func (t *tx) mirror(m opsdb.Mirror) error {
	for _, table := range []string{"site", "location", "link"} {
		if err := t.exec(`UPDATE ` + table + ` SET active = false`); err != nil {
			return err
		}
	}
	for _, x := range m.Sites {
		if x.State == "" {
			x.State = opsdb.SiteActive
		}
		if err := t.exec(`INSERT INTO site (name, title, state, seen_at, active) VALUES ($1, $2, $3, $4, true)
		  ON CONFLICT (name) DO UPDATE SET title = excluded.title, state = excluded.state, active = true`, x.Name, x.Title, string(x.State), us(t.now)); err != nil {
			return err
		}
	}
	for _, x := range m.Locations {
		if err := t.exec(`INSERT INTO location (name, type, storage, capacity, active) VALUES ($1, $2, $3, $4, true)
		  ON CONFLICT (name) DO UPDATE SET type = excluded.type, storage = excluded.storage, capacity = excluded.capacity, active = true`,
			x.Name, string(x.Type), string(x.Storage), x.Capacity); err != nil {
			return err
		}
	}
	for _, x := range m.Links {
		if err := t.exec(`INSERT INTO link (name, from_site, to_site, active) VALUES ($1, $2, $3, true) ON CONFLICT (name) DO UPDATE SET active = true`,
			opsdb.LinkName(x.From, x.To), x.From, x.To); err != nil {
			return err
		}
	}
	return nil
}
