package tables

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

const revisionColumns = `number, digest, text, who, why, at`

func scanRevision(r Scanner) (v opsdb.Revision, err error) {
	err = r.Scan(&v.Number, &v.Digest, &v.Text, &v.Who, &v.Why, At(&v.At))
	return v, err
}

func activeRevision(v View) (opsdb.Revision, error) {
	return One(v, scanRevision, `SELECT `+revisionColumns+` FROM revision WHERE number = (SELECT revision FROM opsdb)`)
}

// ActiveRevision implements opsdb.Planning.
func (s Store) ActiveRevision(ctx context.Context) (r opsdb.Revision, err error) {
	err = s.read(ctx, "ActiveRevision", func(v View) error {
		r, err = activeRevision(v)
		return err
	})
	return r, err
}

// Activate implements opsdb.Planning.
func (s Store) Activate(ctx context.Context, rev opsdb.Revision, m opsdb.Mirror) (active opsdb.Revision, err error) {
	err = s.write(ctx, "Activate", func(t Tx) error {
		takeRevision(t)
		old, err := Count(t, `SELECT count(*) FROM revision WHERE number = (SELECT revision FROM opsdb) AND digest = $1`, string(rev.Digest))
		if err != nil {
			return err
		}
		if old > 0 {
			active, err = activeRevision(t)
			return err
		}
		active, err = activate(t, rev, m)
		return err
	})
	return active, err
}

func activate(t Tx, rev opsdb.Revision, m opsdb.Mirror) (opsdb.Revision, error) {
	if err := unreferenced(t, m); err != nil {
		return rev, err
	}
	last, err := Count(t, `SELECT coalesce(max(number), 0) FROM revision`)
	if err != nil {
		return rev, err
	}
	rev.Number, rev.At = last+1, t.Now()
	if err := t.Exec(`INSERT INTO revision (`+revisionColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`, rev.Number, string(rev.Digest), rev.Text, rev.Who, rev.Why, Time(rev.At)); err != nil {
		return rev, err
	}
	if err := mirror(t, m); err != nil {
		return rev, err
	}
	t.Event(opsdb.Event{Actor: person(rev.Who), Kind: opsdb.EventRevision, Subject: fmt.Sprintf("revision:%d", rev.Number), Why: rev.Why, Revision: rev.Number,
		Before: fmt.Sprint(last), After: string(rev.Digest)})
	if err := foundAgain(t, rev.Number); err != nil {
		return rev, err
	}
	return rev, allAnew(t, rev.Number, m.Stages)
}

// siteLost is the reason of copies that were lost with their site.
const siteLost = "its site is lost"

// foundAgain lets copies stand again whose site is lost no longer. What was
// read there before says nothing now: it has no receipt until it is read again.
func foundAgain(t Tx, revision int64) error {
	packages, err := Query(t, ScanID, `SELECT DISTINCT c.package`+lostWithSite(t), siteLost)
	if err != nil || len(packages) == 0 {
		return err
	}
	Lock(t, packages...)
	found, err := Query(t, ScanCopy, `SELECT `+CopyColumns+lostWithSite(t)+` ORDER BY c.id`, siteLost)
	if err != nil {
		return err
	}
	for _, c := range found {
		if err := foundOne(t, c, revision); err != nil {
			return err
		}
	}
	return nil
}

// lostWithSite are copies that were lost with a site that stands again, where nothing stands in their place.
func lostWithSite(v View) string {
	return CopyFrom + `WHERE c.state = 'lost' AND c.reason = $1 AND c.before NOT IN ('expected', 'arrived')
    AND EXISTS (SELECT 1 FROM location l JOIN site s ON s.name = ` + v.Dialect().SiteOf("l.name") + `
      WHERE l.name = c.location AND l.active AND s.active AND s.state <> 'lost')
    AND NOT EXISTS (SELECT 1 FROM copy o WHERE o.package = c.package AND o.location = c.location AND o.state NOT IN ('deleted', 'quarantined', 'lost'))`
}

func foundOne(t Tx, c opsdb.Copy, revision int64) error {
	state, asked := opsdb.Present, any(nil)
	if c.Form == opsdb.Tree {
		state = opsdb.Staged
	}
	if c.Form == opsdb.Tar {
		asked = Time(t.Now())
	}
	copyEvent(t, c, opsdb.EventCopyFound, "", "its site is not lost any more", revision, string(state))
	return t.Exec(`UPDATE copy SET state = $1, before = '', reason = '', receipt = NULL, condemned_age = NULL, verify_asked = $2 WHERE id = $3`,
		string(state), asked, string(c.ID))
}

// allAnew has everything evaluated under the new revision, and routed if the package stages changed.
func allAnew(t Tx, revision int64, stages []string) error {
	now := JSON(slices.Sorted(slices.Values(stages)))
	var before string
	if _, err := Get(t, []any{&before}, `SELECT stages FROM opsdb`); err != nil {
		return err
	}
	if before != now {
		if err := t.Exec(`UPDATE file SET routed = false WHERE state = 'present' AND routed = ` + t.Dialect().Yes); err != nil {
			return err
		}
	}
	if !t.Dialect().FindsBehind {
		if err := t.Exec(`UPDATE ` + t.Dialect().State + ` SET version = version + 1`); err != nil {
			return err
		}
	}
	if err := touchGroups(t); err != nil {
		return err
	}
	return t.Exec(`UPDATE opsdb SET revision = $1, stages = $2`, revision, now)
}

// unreferenced fails with opsdb.ErrInUse if a place that goes, or becomes one
// of another type, still holds something, and names what: an archive must not
// become a place in which something is deleted (S3).
func unreferenced(t Tx, m opsdb.Mirror) error {
	types := map[string]opsdb.LocationType{}
	for _, l := range m.Locations {
		types[l.Name] = l.Type
	}
	was, err := Query(t, func(r Scanner) (l opsdb.Location, err error) {
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
		what, err := holds(t, l.Name)
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
func holds(t Tx, location string) (string, error) {
	var out []string
	for _, q := range []struct{ what, sql string }{
		{"copies", `SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM (` + t.Dialect().Counted.Copies + `) x WHERE place = $1 AND state NOT IN ('deleted', 'quarantined', 'lost')`},
		{"files", `SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM (` + t.Dialect().Counted.Files + `) x WHERE place = $1 AND state NOT IN ('deleted', 'lost')`},
		{"open tasks", `SELECT count(*) FROM task WHERE ` + t.Dialect().AmongOpen("task") + ` AND $1 IN (from_loc, to_loc)`},
	} {
		n, err := Count(t, q.sql, location)
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
func mirror(t Tx, m opsdb.Mirror) error {
	for _, table := range []string{"site", "location", "link"} {
		if err := t.Exec(`UPDATE ` + table + ` SET active = false`); err != nil {
			return err
		}
	}
	for _, x := range m.Sites {
		if x.State == "" {
			x.State = opsdb.SiteActive
		}
		if err := t.Exec(`INSERT INTO site (name, title, state, seen_at, active) VALUES ($1, $2, $3, $4, true)
		  ON CONFLICT (name) DO UPDATE SET title = excluded.title, state = excluded.state, active = true`, x.Name, x.Title, string(x.State), Time(t.Now())); err != nil {
			return err
		}
	}
	for _, x := range m.Locations {
		if err := t.Exec(`INSERT INTO location (name, type, storage, capacity, active) VALUES ($1, $2, $3, $4, true)
		  ON CONFLICT (name) DO UPDATE SET type = excluded.type, storage = excluded.storage, capacity = excluded.capacity, active = true`,
			x.Name, string(x.Type), string(x.Storage), x.Capacity); err != nil {
			return err
		}
	}
	for _, x := range m.Links {
		if err := t.Exec(`INSERT INTO link (name, from_site, to_site, active) VALUES ($1, $2, $3, true) ON CONFLICT (name) DO UPDATE SET active = true`,
			opsdb.LinkName(x.From, x.To), x.From, x.To); err != nil {
			return err
		}
	}
	return nil
}
