package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// errEnough ends a stream whose reader has stopped.
var errEnough = errors.New("the reader has stopped")

// StreamGroup implements opsdb.Planning: the database sorts, and rows come as they are looked at.
func (s *Store) StreamGroup(ctx context.Context, id opsdb.ID) iter.Seq2[opsdb.File, error] {
	return func(yield func(opsdb.File, error) bool) {
		err := s.look(ctx, straight, func(v *view) error { return v.streamGroup(id, yield) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(opsdb.File{}, fmt.Errorf("StreamGroup: %w", explain(err)))
		}
	}
}

func (v *view) streamGroup(id opsdb.ID, yield func(opsdb.File, error) bool) error {
	return v.Rows(func(r tables.Scanner) error {
		f, err := tables.ScanFile(r)
		if err == nil && !yield(f, nil) {
			err = errEnough
		}
		return err
	}, `SELECT `+tables.FileColumns+` FROM file_group g JOIN group_file gf ON gf.grp = g.key JOIN file f ON f.key = gf.file
	  WHERE g.id = $1 ORDER BY f.path`, string(id))
}

// freezeSpan is freezeMembers for the files of a group in a range of paths,
// which never leave the database. The next flush fails if they are not as many as were counted.
func (t *tx) freezeSpan(p opsdb.Package, grp int64, span opsdb.Span) {
	t.changes++
	t.queued.Queue(`INSERT INTO member (package, path, file, size, mod_time, identity)
	  SELECT p.key, f.path, f.key, f.size, f.mod_time, f.identity FROM package p, group_file gf JOIN file f ON f.key = gf.file
	  WHERE p.id = $1 AND gf.grp = $2 AND f.path > $3 AND f.path <= $4`, string(p.ID), grp, blob(span.After), blob(span.To)).Exec(func(tag pgconn.CommandTag) error {
		if got := tag.RowsAffected(); got != int64(p.Files) {
			return fmt.Errorf("%d files of the group are in the span, %d were counted: %w", got, p.Files, opsdb.ErrChanged)
		}
		return nil
	})
}
