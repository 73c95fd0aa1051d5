package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// CloseGroup implements opsdb.Planning.
func (s *Store) CloseGroup(ctx context.Context, id opsdb.ID, version, revision int64, packages []opsdb.NewPackage) (made []opsdb.Package, err error) {
	err = s.write(ctx, "CloseGroup", func(t *tx) error {
		t.quiet = true
		g, err := t.shutGroup(id, version, revision)
		if err != nil {
			return err
		}
		observed, err := tables.Observed(t)
		if err != nil {
			return err
		}
		made = made[:0]
		for _, n := range packages {
			p, err := t.freeze(g, n, observed, revision)
			if err != nil {
				return fmt.Errorf("freeze a package of group %s: %w", id, err)
			}
			made = append(made, p)
		}
		return t.emptyGroup(g)
	})
	return made, err
}

func (t *tx) shutGroup(id opsdb.ID, version, revision int64) (group, error) {
	if err := errors.Join(t.sameRevision(revision), t.mayPack()); err != nil {
		return group{}, err
	}
	g, err := one(&t.view, tables.ScanGrouped, `SELECT `+tables.GroupColumns+` FROM file_group g WHERE g.id = ?`, string(id))
	if err != nil {
		return g, fmt.Errorf("group %s: %w", id, err)
	}
	if g.Closed || g.Version != version {
		return g, fmt.Errorf("group %s is no longer open at version %d: %w", id, version, opsdb.ErrChanged)
	}
	t.event(opsdb.Event{Kind: opsdb.EventGroupClosed, Subject: "group:" + string(id), Location: g.Location, Revision: revision,
		After: text(map[string]any{"files": g.Files, "bytes": g.Bytes, "key": g.Key})})
	return g, t.exec(`UPDATE file_group SET closed = 1, wake_at = NULL, evaluated = version WHERE key = ?`, g.Row)
}

// mayPack fails while the database is not trusted (S8).
func (v *view) mayPack() error {
	restored, err := tables.IsRestored(v)
	if err == nil && restored {
		err = fmt.Errorf("%w: %w", opsdb.ErrRestored, opsdb.ErrChanged)
	}
	return err
}

// sameRevision fails with opsdb.ErrChanged unless the revision is the active one.
func (t *tx) sameRevision(revision int64) error {
	active, err := t.count(`SELECT revision FROM opsdb`)
	if err == nil && active != revision {
		err = fmt.Errorf("revision %d is active, not %d: %w", active, revision, opsdb.ErrChanged)
	}
	return err
}

// freeze makes one package with its members and its copy of form Files.
func (t *tx) freeze(g group, n opsdb.NewPackage, observed time.Time, revision int64) (opsdb.Package, error) {
	p := n.Package
	if err := t.complete(&p, g, n, observed); err != nil {
		return p, err
	}
	key, err := t.insertPackage(p, us(firstFiled(n)))
	if err != nil {
		return p, err
	}
	if n.Span != nil {
		err = t.freezeSpan(key, g.Row, p.Files, *n.Span)
	} else {
		err = t.freezeMembers(key, g.Row, n.Files)
	}
	if err != nil {
		return p, err
	}
	if err := t.meetPeers(key, p); err != nil {
		return p, err
	}
	p.Version, err = 2, tables.InsertCopy(t, opsdb.Copy{ID: opsdb.NewID(), Package: p.ID, Location: p.Source, Form: opsdb.Files, State: opsdb.Present,
		Size: p.Bytes, VerifiedAge: observed})

	return p, err
}

// complete fills in what the store gives: number, names, sums and times.
func (t *tx) complete(p *opsdb.Package, g group, n opsdb.NewPackage, observed time.Time) error {
	if p.ID == "" {
		p.ID = opsdb.NewID()
	}
	p.Route, p.Stage, p.Group, p.Source = g.Route, g.Stage, g.ID, g.Location
	number, err := t.nextNumber(p.Route)
	if err != nil {
		return err
	}
	p.Number = number
	if n.Span == nil {
		p.Files, p.Bytes = len(n.Files), 0
	}
	for i := range n.Files {
		p.Bytes += n.Files[i].Size
		if at := n.Files[i].ModTime; p.ObservedAt.IsZero() || at.Before(p.ObservedAt) {
			p.ObservedAt = at
		}
	}
	if p.Size == 0 {
		p.Size = opsdb.TarBound(p.Files, p.Bytes)
	}
	p.MadeAt, p.MadeAge = t.now, observed
	p.Name = opsdb.PackageName(*p)
	if p.Dir == "" {
		p.Dir = opsdb.PackageDir(*p)
	}
	return nil
}

func (t *tx) nextNumber(route string) (int64, error) {
	if err := t.exec(`INSERT INTO route_number (route, last) VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1`, route); err != nil {
		return 0, err
	}
	return t.count(`SELECT last FROM route_number WHERE route = ?`, route)
}

func firstFiled(n opsdb.NewPackage) (first time.Time) {
	if n.Span != nil {
		return n.Span.First
	}
	for i := range n.Files {
		if at := n.Files[i].FiledAt; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// freezeMembers copies the facts of files from their rows, not from what the
// caller read: what is frozen is what the database knows.
func (t *tx) freezeMembers(pkg, grp int64, files []opsdb.File) error {
	for len(files) > 0 {
		n := min(len(files), tables.MemberChunk)
		ids := make([]opsdb.ID, n)
		for i := range ids {
			ids[i] = files[i].ID
		}
		got, err := t.execN(`INSERT INTO member (package, path, file, size, mod_time, identity)
		  SELECT ?, f.path, f.key, f.size, f.mod_time, f.identity FROM json_each(?) j CROSS JOIN file f ON f.id = j.value CROSS JOIN group_file gf ON gf.grp = ? AND gf.file = f.key`,
			pkg, idList(ids), grp)
		if err != nil {
			return err
		}
		if got != int64(n) {
			return fmt.Errorf("%d of %d files are not in the group: %w", int64(n)-got, n, opsdb.ErrChanged)
		}
		if err := t.cancel.Err(); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// meetPeers records which other packages hold some of the same files.
func (t *tx) meetPeers(key int64, p opsdb.Package) error {
	shared, err := t.count(`SELECT EXISTS (SELECT 1 FROM package WHERE source = ?1 AND (route <> ?2 OR stage <> ?3))`, p.Source, p.Route, p.Stage)
	if err != nil || shared == 0 {
		return err
	}
	if err := t.exec(`INSERT INTO peer (package, other) SELECT DISTINCT ?1, b.package FROM member a CROSS JOIN member b ON b.file = a.file AND b.package <> a.package
	  WHERE a.package = ?1`, key); err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO peer (package, other) SELECT other, package FROM peer WHERE package = ?`, key); err != nil {
		return err
	}
	return t.exec(`UPDATE package SET version = version + 1 WHERE key IN (SELECT other FROM peer WHERE package = ?)`, key)
}

// emptyGroup lets the files go on: those in no package are looked at anew.
func (t *tx) emptyGroup(g group) error {
	if err := t.exec(`UPDATE file SET homes = homes - 1, routed = 0 WHERE key IN (
	  SELECT gf.file FROM group_file gf WHERE gf.grp = ?1 AND NOT EXISTS (
	    SELECT 1 FROM member m JOIN package p ON p.key = m.package WHERE m.file = gf.file AND p.grp = ?2))`, g.Row, string(g.ID)); err != nil {
		return err
	}
	return t.exec(`DELETE FROM group_file WHERE grp = ?`, g.Row)
}
