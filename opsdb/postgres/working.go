package postgres

import (
	"context"
	"fmt"
	"slices"
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
		return t.exec(`UPDATE task SET state = 'in_progress', lease_until = $1, look_at = least(look_at, $1), phase = $2, done = $3, total = $4, updated_at = $5 WHERE id = $6`,
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
		return t.members(p, members)
	})
}

// members writes what was born of members, in chunks.
func (t *tx) members(p pack, all []opsdb.Member) error {
	for chunk := range slices.Chunk(all, tables.MemberChunk) {
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
