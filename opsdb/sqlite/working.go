package sqlite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Present implements opsdb.Working.
func (s *Store) Present(ctx context.Context, w opsdb.Worker) error {
	return s.write(ctx, "Present", func(t *tx) error {
		known, err := t.count(`SELECT count(*) FROM worker WHERE id = ? AND at_once >= ? AND seen_at >= ?`, w.ID, w.AtOnce, us(t.now.Add(-opsdb.WorkerTTL)))
		if err != nil {
			return err
		}
		t.quiet = known > 0
		if err := t.exec(`INSERT INTO worker (id, sites, version, seen_at, at_once, protocol) VALUES (?, ?, ?, ?, ?, ?)
		  ON CONFLICT DO UPDATE SET sites = excluded.sites, version = excluded.version, seen_at = excluded.seen_at, at_once = excluded.at_once, protocol = excluded.protocol`,
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
	n, err := t.execN(`UPDATE site SET seen_at = ?1, up = 1 WHERE name = ?2 AND up = 0`, us(t.now), site)
	if err != nil {
		return err
	}
	if n > 0 {
		t.quiet = false
		return t.wake("site:"+site, 0)
	}
	return t.exec(`UPDATE site SET seen_at = ? WHERE name = ?`, us(t.now), site)
}

// Absent implements opsdb.Working.
func (s *Store) Absent(ctx context.Context, worker string) error {
	return s.write(ctx, "Absent", func(t *tx) error {
		if err := t.exec(`DELETE FROM worker WHERE id = ?`, worker); err != nil {
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
		n, err := t.execN(`UPDATE site SET up = 0 WHERE name = ? AND up = 1`, name)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := t.exec(`UPDATE package SET version = version + 1 WHERE id IN (SELECT m.package FROM open_move m WHERE m.from_loc IN (SELECT name FROM location WHERE name LIKE ?1 || '.%')
			  UNION SELECT m.package FROM open_move m WHERE m.to_loc IN (SELECT name FROM location WHERE name LIKE ?1 || '.%'))`, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Claim implements opsdb.Working.
func (s *Store) Claim(ctx context.Context, task opsdb.ID, worker string, lease time.Duration) (a opsdb.Assignment, err error) {
	err = s.write(ctx, "Claim", func(t *tx) error {
		j, err := tables.JobOf(t, task)
		if err != nil {
			return errors.Join(opsdb.ErrNotClaim, err)
		}
		if err := errors.Join(t.notPaused(j.Task), t.mayClaim(j.Task)); err != nil {
			return err
		}
		n, err := t.execN(`UPDATE task SET state = 'in_progress', token = token + 1, worker = ?, lease_until = ?, phase = '', done = 0, total = 0, updated_at = ?
		  WHERE id = ? AND state = 'scheduled' AND lease_until > ?`, worker, us(t.now.Add(lease)), us(t.now), string(task), us(t.now))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("task %s: %w", task, opsdb.ErrNotClaim)
		}
		a, err = t.assignment(task)
		return err
	})
	return a, err
}

func (v *view) assignment(task opsdb.ID) (a opsdb.Assignment, err error) {
	j, err := tables.JobOf(v, task)
	if err != nil {
		return a, err
	}
	a.Task = j.Task
	if a.Package, err = tables.Whole(v, j.Package); err != nil {
		return a, err
	}
	if a.Source, err = v.maybeCopy(j.SourceCopy); err != nil {
		return a, err
	}
	if a.Target, err = v.maybeCopy(j.TargetCopy); err != nil {
		return a, err
	}
	if _, err = v.get([]any{&a.FromType}, `SELECT type FROM location WHERE name = ?`, j.From); err != nil {
		return a, err
	}
	if _, err = v.get([]any{&a.ToType}, `SELECT type FROM location WHERE name = ?`, j.To); err != nil {
		return a, err
	}
	if a.Receipts, err = query(v, tables.ScanReceipt, `SELECT `+tables.ReceiptColumns+` FROM receipt WHERE package = ? ORDER BY key`, string(j.Package)); err != nil {
		return a, err
	}
	a.Peers, err = query(v, tables.ScanID, `SELECT o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE p.id = ? ORDER BY o.id`, string(j.Package))
	if err != nil || j.Type != "delete" {
		return a, err
	}
	a.Earlier, err = query(v, tables.ScanID, `SELECT id FROM task WHERE package = ? AND target_copy = ? AND type = 'delete' AND confirmed > 0 AND id <> ? ORDER BY id`,
		string(j.Package), string(j.TargetCopy), string(task))
	return a, err
}

func (v *view) maybeCopy(id opsdb.ID) (*opsdb.Copy, error) {
	all, err := query(v, tables.ScanCopy, `SELECT `+tables.CopyColumns+tables.CopyFrom+`WHERE c.id = ?`, string(id))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// Renew implements opsdb.Working.
func (s *Store) Renew(ctx context.Context, task opsdb.ID, token int64, lease time.Duration, phase string, done, total int64) error {
	return s.write(ctx, "Renew", func(t *tx) error {
		t.quiet = true
		if _, err := t.owned(task, token); err != nil {
			return err
		}
		return t.exec(`UPDATE task SET state = 'in_progress', lease_until = ?, phase = ?, done = ?, total = ?, updated_at = ? WHERE id = ?`,
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
			  WHERE m.package = (SELECT key FROM package WHERE id = ?) AND m.path > ? ORDER BY m.path LIMIT ?`, string(pkg), blob(after), page)
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
		for i := range members {
			m := &members[i]
			n, err := t.execN(`UPDATE member SET name = ?, start = ?, size = ?, digest = ? WHERE package = ? AND path = ?`,
				m.Name, m.Offset, m.Size, string(m.Digest), p.Row, blob(m.Path))
			if err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("%s is no member of %s: %w", opsdb.ShowPath(m.Path), p.Name, opsdb.ErrNotFound)
			}
		}
		return t.cancel.Err()
	})
}

// RecordReceipts implements opsdb.Working.
func (s *Store) RecordReceipts(ctx context.Context, receipts []opsdb.Receipt) error {
	return s.write(ctx, "RecordReceipts", func(t *tx) error { return t.receipts(receipts) })
}

// receipts stores readings and makes each the latest one of its copy, unless a later one is known. A good
// reading of a copy that stands refreshes it; only Finish makes one stand.
func (t *tx) receipts(receipts []opsdb.Receipt) error {
	for _, r := range receipts {
		if r.ID == "" {
			r.ID = opsdb.NewID()
		}
		r.At = r.ReadAt(t.now)
		n, err := t.execN(`INSERT INTO receipt (`+tables.ReceiptColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
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
	unread, err := query(&t.view, tables.ScanCopy, `SELECT `+tables.CopyColumns+tables.CopyFrom+`WHERE c.package = ? AND c.location = ? AND c.path = ? AND c.state = 'present' AND c.receipt IS NULL`,
		string(r.Package), r.Location, blob(r.Path))
	if err != nil {
		return err
	}
	if err := t.exec(`UPDATE copy SET receipt = (SELECT key FROM receipt WHERE id = ?1) WHERE package = ?2 AND location = ?3 AND path = ?4
	  AND NOT EXISTS (SELECT 1 FROM receipt k WHERE k.key = copy.receipt AND k.at > ?5)`,
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
	return t.exec(`UPDATE copy SET verified_at = max(verified_at, ?1), verify_asked = CASE WHEN verify_asked > ?1 THEN verify_asked END
	  WHERE package = ?2 AND location = ?3 AND path = ?4 AND verified_at IS NOT NULL
	  AND state NOT IN ('deleted', 'quarantined', 'lost')`, us(r.At), string(r.Package), r.Location, blob(r.Path))
}

// mismatch notes a bad reading of a package that has its digest.
func (t *tx) mismatch(p opsdb.Package, r opsdb.Receipt) {
	if p.Packed() && r.Digest != "" {
		t.event(opsdb.Event{Actor: "worker:" + r.Worker, Kind: opsdb.EventCopyMismatch, Subject: tables.PackageSubject(p.ID), Package: p.ID, Location: r.Location, After: text(r)})
	}
}
