package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Present implements opsdb.Working.
func (s *Store) Present(ctx context.Context, w opsdb.Worker) error {
	return s.write(ctx, "Present", func(t *tx) error {
		known, err := t.yes(`SELECT EXISTS (SELECT 1 FROM worker WHERE id = $1 AND at_once >= $2 AND seen_at >= $3)`, w.ID, w.AtOnce, us(t.now.Add(-opsdb.WorkerTTL)))
		if err != nil {
			return err
		}
		t.quiet = known
		if err := t.exec(`INSERT INTO worker (id, sites, version, seen_at, at_once, protocol) VALUES ($1, $2, $3, $4, $5, $6)
		  ON CONFLICT (id) DO UPDATE SET sites = excluded.sites, version = excluded.version, seen_at = excluded.seen_at, at_once = excluded.at_once, protocol = excluded.protocol`,
			w.ID, text(append([]string{}, w.Sites...)), w.Version, us(t.now), w.AtOnce, w.Protocol); err != nil {
			return err
		}
		for _, site := range w.Sites {
			if err := t.siteSeen(site); err != nil {
				return err
			}
		}
		return nil
	})
}

// siteSeen notes that a site has a worker; if it had none, those who wait for it are woken.
func (t *tx) siteSeen(site string) error {
	n, err := t.execN(`UPDATE site SET seen_at = $1, up = true WHERE name = $2 AND NOT up`, us(t.now), site)
	if err != nil {
		return err
	}
	if n > 0 {
		t.quiet = false
		return t.wake("site:"+site, 0)
	}
	return t.exec(`UPDATE site SET seen_at = $1 WHERE name = $2`, us(t.now), site)
}

// Absent implements opsdb.Working.
func (s *Store) Absent(ctx context.Context, worker string) error {
	return s.write(ctx, "Absent", func(t *tx) error {
		if err := t.exec(`DELETE FROM worker WHERE id = $1`, worker); err != nil {
			return err
		}
		return t.sitesDown()
	})
}

// sitesDown finds sites that have lost their last worker and has every package
// with a move from or to them looked at again.
func (t *tx) sitesDown() error {
	var w opsdb.World
	w.Sites = map[string]opsdb.Site{}
	if err := t.sites(&w); err != nil {
		return err
	}
	for name, site := range w.Sites {
		if site.Down == nil {
			continue
		}
		n, err := t.execN(`UPDATE site SET up = false WHERE name = $1 AND up`, name)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := t.touchMoves("site:" + name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Renew implements opsdb.Working.
func (s *Store) Renew(ctx context.Context, task opsdb.ID, token int64, lease time.Duration, phase string, done, total int64) error {
	return s.write(ctx, "Renew", func(t *tx) error {
		t.quiet = true
		if _, err := t.owned(task, token); err != nil {
			return err
		}
		return t.exec(`UPDATE task SET state = 'in_progress', lease_until = $1, look_at = least(look_at, $1), phase = $2, done = $3, total = $4, updated_at = $5 WHERE id = $6`,
			us(t.now.Add(lease)), phase, done, total, us(t.now), string(task))
	})
}

// Members implements opsdb.Working.
func (s *Store) Members(ctx context.Context, pkg opsdb.ID) iter.Seq2[opsdb.Member, error] {
	return stream(func(last opsdb.Member, first bool) (members []opsdb.Member, err error) {
		after := ""
		if !first {
			after = last.Path
		}
		err = s.read(ctx, "Members", func(v *view) error {
			members, err = query(v, tables.ScanMember(pkg), `SELECT `+tables.MemberColumns+` FROM member m JOIN file f ON f.key = m.file
			  WHERE m.package = (SELECT key FROM package WHERE id = $1) AND m.path > $2 ORDER BY m.path LIMIT $3`, string(pkg), blob(after), page)
			return err
		})
		return members, err
	})
}

// RecordMembers implements opsdb.Working.
func (s *Store) RecordMembers(ctx context.Context, task opsdb.ID, token int64, members []opsdb.Member) error {
	return s.write(ctx, "RecordMembers", func(t *tx) error {
		t.quiet = true
		j, err := t.owned(task, token)
		if err != nil {
			return err
		}
		p, err := tables.PackOf(t, j.Package)
		if err != nil {
			return err
		}
		if p.Packed() {
			return fmt.Errorf("package %s has its digest already: %w", p.Name, opsdb.ErrChanged)
		}
		return t.members(p, members)
	})
}

// members writes what was born of members, in chunks.
func (t *tx) members(p pack, all []opsdb.Member) error {
	for chunk := range slices.Chunk(all, memberChunk) {
		paths, names, digests := make([][]byte, len(chunk)), make([]string, len(chunk)), make([]string, len(chunk))
		offsets, sizes := make([]int64, len(chunk)), make([]int64, len(chunk))
		for i, m := range chunk {
			paths[i], names[i], digests[i], offsets[i], sizes[i] = blob(m.Path), m.Name, string(m.Digest), m.Offset, m.Size
		}
		n, err := t.execN(`UPDATE member m SET name = x.name, start = x.start, size = x.size, digest = x.digest
		  FROM unnest($2::bytea[], $3::text[], $4::bigint[], $5::bigint[], $6::text[]) x (path, name, start, size, digest) WHERE m.package = $1 AND m.path = x.path`,
			p.Row, paths, names, offsets, sizes, digests)
		if err != nil {
			return err
		}
		if n < int64(len(chunk)) {
			return fmt.Errorf("%d of %d files are no members of %s: %w", int64(len(chunk))-n, len(chunk), p.Name, opsdb.ErrNotFound)
		}
	}
	return nil
}

// RecordReceipts implements opsdb.Working.
func (s *Store) RecordReceipts(ctx context.Context, receipts []opsdb.Receipt) error {
	return s.write(ctx, "RecordReceipts", func(t *tx) error {
		packages := make([]opsdb.ID, len(receipts))
		for i, r := range receipts {
			packages[i] = r.Package
		}
		return errors.Join(t.lock(packages...), t.receipts(receipts))
	})
}

// receipts stores readings and makes each the latest one of its copy, unless a later one is known. A good
// reading of a copy that stands refreshes it; only Finish makes one stand.
func (t *tx) receipts(receipts []opsdb.Receipt) error {
	for _, r := range receipts {
		if r.ID == "" {
			r.ID = opsdb.NewID()
		}
		r.At = r.ReadAt(t.now)
		n, err := t.execN(`INSERT INTO receipt (`+tables.ReceiptColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`,
			string(r.ID), string(r.Package), r.Location, blob(r.Path), string(r.Digest), r.Size, us(r.At), r.Worker, string(r.Task), r.Token, string(r.Medium))
		if err != nil {
			return fmt.Errorf("receipt of package %s at %s: %w", r.Package, r.Location, err)
		}
		if n == 0 {
			continue
		}
		if err := t.refresh(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) refresh(r opsdb.Receipt) error {
	p, err := tables.PackOf(t, r.Package)
	if err != nil {
		return err
	}
	unread, err := query(&t.view, tables.ScanCopy, `SELECT `+tables.CopyColumns+tables.CopyFrom+`WHERE c.package = $1 AND c.location = $2 AND c.path = $3 AND c.state = 'present' AND c.receipt IS NULL`,
		string(r.Package), r.Location, blob(r.Path))
	if err != nil {
		return err
	}
	if err := t.exec(`UPDATE copy SET receipt = (SELECT key FROM receipt WHERE id = $1) WHERE package = $2 AND location = $3 AND path = $4
	  AND NOT EXISTS (SELECT 1 FROM receipt k WHERE k.key = copy.receipt AND k.at > $5)`,
		string(r.ID), string(r.Package), r.Location, blob(r.Path), us(r.At)); err != nil {
		return err
	}
	if !r.Speaks(p.Package, t.now, 0) {
		t.mismatch(p.Package, r)
		return nil
	}
	for _, c := range unread { // found again with its site, and right
		tables.CopyEvent(t, c, opsdb.EventCopyVerified, "worker:"+r.Worker, "", 0, text(r))
	}
	return t.exec(`UPDATE copy SET verified_at = greatest(verified_at, $1), verify_asked = CASE WHEN verify_asked > $1 THEN verify_asked END
	  WHERE package = $2 AND location = $3 AND path = $4 AND verified_at IS NOT NULL
	  AND state NOT IN ('deleted', 'quarantined', 'lost')`, us(r.At), string(r.Package), r.Location, blob(r.Path))
}

// mismatch notes a bad reading of a package that has its digest.
func (t *tx) mismatch(p opsdb.Package, r opsdb.Receipt) {
	if p.Packed() && r.Digest != "" {
		t.event(opsdb.Event{Actor: "worker:" + r.Worker, Kind: opsdb.EventCopyMismatch, Subject: tables.PackageSubject(p.ID), Package: p.ID, Location: r.Location, After: text(r)})
	}
}
