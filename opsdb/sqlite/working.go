package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Renew implements opsdb.Working.
func (s *Store) Renew(ctx context.Context, task opsdb.ID, token int64, lease time.Duration, phase string, done, total int64) error {
	return s.write(ctx, "Renew", func(t *tx) error {
		t.quiet = true
		if _, err := tables.Owned(t, task, token); err != nil {
			return err
		}
		return t.exec(`UPDATE task SET state = 'in_progress', lease_until = ?, phase = ?, done = ?, total = ?, updated_at = ? WHERE id = ?`,
			us(t.now.Add(lease)), phase, done, total, us(t.now), string(task))
	})
}

// RecordMembers implements opsdb.Working.
func (s *Store) RecordMembers(ctx context.Context, task opsdb.ID, token int64, members []opsdb.Member) error {
	return s.write(ctx, "RecordMembers", func(t *tx) error {
		t.quiet = true
		j, err := tables.Owned(t, task, token)
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
