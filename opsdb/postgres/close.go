package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// CloseGroup implements opsdb.Planning, in three round trips.
func (s *Store) CloseGroup(ctx context.Context, id opsdb.ID, version, revision int64, packages []opsdb.NewPackage) (made []opsdb.Package, err error) {
	err = s.writeHow(ctx, soon, "CloseGroup", func(t *tx) error {
		t.quiet = true
		made, err = t.closeGroup(id, version, revision, packages)
		return err
	})
	return made, err
}

func (t *tx) closeGroup(id opsdb.ID, version, revision int64, packages []opsdb.NewPackage) (made []opsdb.Package, err error) {
	g, err := t.shutGroup(id, version, revision, len(packages))
	if err != nil {
		return nil, err
	}
	for i, n := range packages {
		p, err := t.freeze(g, n, g.last-int64(len(packages)-1-i), revision)
		if err != nil {
			return nil, fmt.Errorf("freeze a package of group %s: %w", id, err)
		}
		made = append(made, p)
	}
	if err := t.emptyGroup(g, made); err != nil {
		return nil, err
	}
	return made, t.flush() // whether all members were there
}

// shut is a group that is being closed, and what its packages need to know.
type shut struct {
	group
	observed time.Time
	last     int64 // number of the last package
	shared   bool  // other stages have packages of this source: some may hold the same files
}

func (t *tx) shutGroup(id opsdb.ID, version, revision int64, packages int) (g shut, err error) {
	var active int64
	var restored bool
	var found []group
	t.each(func(r scanner) error { return r.Scan(&active, &restored) }, `SELECT revision, restored_at IS NOT NULL FROM opsdb FOR SHARE`)
	// Two packages that get the same files at the same time must see each other (S1f).
	t.queue(`SELECT pg_advisory_xact_lock($1, hashtext(location)) FROM file_group WHERE id = $2`, closing, string(id))
	t.queue(`SELECT FROM file_group WHERE id = $1 FOR UPDATE`, string(id))
	ask(&t.view, &found, tables.ScanGrouped, `SELECT `+tables.GroupColumns+` FROM file_group g WHERE g.id = $1`, string(id))
	t.askObserved(&g.observed)
	t.each(func(r scanner) error { return r.Scan(&g.last) }, `INSERT INTO route_number AS r (route, last) SELECT route, $2::bigint FROM file_group WHERE id = $1 AND NOT closed AND version = $3 AND $2::bigint > 0
	  ON CONFLICT (route) DO UPDATE SET last = r.last + $2::bigint RETURNING last`, string(id), packages, version)
	t.each(func(r scanner) error { return r.Scan(&g.shared) }, `SELECT coalesce((SELECT (p.route, p.stage) <> (g.route, g.stage) FROM package p WHERE p.source = g.location ORDER BY p.source, p.route, p.stage LIMIT 1), false)
	  OR coalesce((SELECT (p.route, p.stage) <> (g.route, g.stage) FROM package p WHERE p.source = g.location ORDER BY p.source DESC, p.route DESC, p.stage DESC LIMIT 1), false)
	  FROM file_group g WHERE g.id = $1`, string(id))
	if err := t.flush(); err != nil {
		return g, err
	}
	switch {
	case active != revision:
		return g, fmt.Errorf("revision %d is active, not %d: %w", active, revision, opsdb.ErrChanged)
	case restored:
		return g, fmt.Errorf("%w: %w", opsdb.ErrRestored, opsdb.ErrChanged)
	case len(found) == 0:
		return g, fmt.Errorf("group %s: %w", id, opsdb.ErrNotFound)
	}
	if g.group = found[0]; g.Closed || g.Version != version {
		return g, fmt.Errorf("group %s is no longer open at version %d: %w", id, version, opsdb.ErrChanged)
	}
	t.groupClosed(g.Group, revision)
	return g, t.exec(`UPDATE file_group SET closed = true, wake_at = NULL, evaluated = version WHERE key = $1`, g.Row)
}

func (t *tx) groupClosed(g opsdb.Group, revision int64) {
	t.event(opsdb.Event{Kind: opsdb.EventGroupClosed, Subject: "group:" + string(g.ID), Location: g.Location, Revision: revision,
		After: text(map[string]any{"files": g.Files, "bytes": g.Bytes, "key": g.Key})})
}

// freeze makes one package with its members and its copy of form Files.
func (t *tx) freeze(g shut, n opsdb.NewPackage, number, revision int64) (opsdb.Package, error) {
	p := n.Package
	t.complete(&p, g, n, number)
	if err := t.insertPackage(p, revision, us(firstFiled(n))); err != nil {
		return p, err
	}
	if n.Span != nil {
		t.freezeSpan(p, g.Row, *n.Span)
	} else {
		t.freezeMembers(p.ID, g.Row, n.Files)
	}
	if g.shared {
		if err := t.meetPeers(p); err != nil {
			return p, err
		}
	}
	p.Version = 2
	return p, tables.InsertCopy(t, opsdb.Copy{ID: opsdb.NewID(), Package: p.ID, Location: p.Source, Form: opsdb.Files, State: opsdb.Present,
		Size: p.Bytes, VerifiedAge: g.observed})

}

// complete fills in what the store gives: number, names, sums and times.
func (t *tx) complete(p *opsdb.Package, g shut, n opsdb.NewPackage, number int64) {
	if p.ID == "" {
		p.ID = opsdb.NewID()
	}
	p.Route, p.Stage, p.Group, p.Source = g.Route, g.Stage, g.ID, g.Location
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
	p.MadeAt, p.MadeAge = t.now, g.observed
	p.Name = opsdb.PackageName(*p)
	if p.Dir == "" {
		p.Dir = opsdb.PackageDir(*p)
	}
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
// caller read: what is frozen is what the database knows. The next flush fails if some are not there.
func (t *tx) freezeMembers(pkg opsdb.ID, grp int64, files []opsdb.File) {
	for len(files) > 0 {
		n := min(len(files), tables.MemberChunk)
		ids := make([]opsdb.ID, n)
		for i := range ids {
			ids[i] = files[i].ID
		}
		t.changes++
		t.queued.Queue(`INSERT INTO member (package, path, file, size, mod_time, identity)
		  SELECT p.key, f.path, f.key, f.size, f.mod_time, f.identity FROM package p, unnest($2::text[]) j (id) JOIN file f ON f.id = j.id JOIN group_file gf ON gf.grp = $3 AND gf.file = f.key
		  WHERE p.id = $1`, string(pkg), idList(ids), grp).Exec(func(tag pgconn.CommandTag) error {
			if got := tag.RowsAffected(); got != int64(n) {
				return fmt.Errorf("%d of %d files are not in the group: %w", int64(n)-got, n, opsdb.ErrChanged)
			}
			return nil
		})
		files = files[n:]
	}
}

// meetPeers records which other packages hold some of the same files.
func (t *tx) meetPeers(p opsdb.Package) error {
	err := errors.Join(
		t.exec(`INSERT INTO peer (package, other) SELECT DISTINCT a.package, b.package FROM package p JOIN member a ON a.package = p.key JOIN member b ON b.file = a.file AND b.package <> a.package
		  WHERE p.id = $1`, string(p.ID)),
		t.exec(`INSERT INTO peer (package, other) SELECT e.other, e.package FROM package p JOIN peer e ON e.package = p.key WHERE p.id = $1`, string(p.ID)))
	if err != nil {
		return err
	}
	var peers []opsdb.ID
	ask(&t.view, &peers, tables.ScanID, `SELECT o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE p.id = $1`, string(p.ID))
	if err := t.flush(); err != nil || len(peers) == 0 {
		return err
	}
	return errors.Join(t.lock(peers...), t.touch(peers...))
}

// emptyGroup lets the files go on: those in no package are looked at anew.
func (t *tx) emptyGroup(g shut, packages []opsdb.Package) error {
	packed := 0
	for _, p := range packages {
		packed += p.Files
	}
	if packed < g.Files {
		if err := t.exec(`UPDATE file SET homes = homes - 1, routed = false WHERE key IN (
		  SELECT gf.file FROM group_file gf WHERE gf.grp = $1 AND NOT EXISTS (
		    SELECT 1 FROM member m JOIN package p ON p.key = m.package WHERE m.file = gf.file AND p.grp = $2))`, g.Row, string(g.ID)); err != nil {
			return err
		}
	}
	return t.exec(`DELETE FROM group_file WHERE grp = $1`, g.Row)
}
