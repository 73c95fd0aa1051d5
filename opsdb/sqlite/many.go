package sqlite

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// errEnough ends a stream whose reader has stopped.
var errEnough = errors.New("the reader has stopped")

// StreamGroup implements opsdb.Planning: the database sorts, and rows come as they are looked at.
func (s *Store) StreamGroup(ctx context.Context, id opsdb.ID) iter.Seq2[opsdb.File, error] {
	return func(yield func(opsdb.File, error) bool) {
		err := s.read(ctx, "StreamGroup", func(v *view) error { return v.streamGroup(id, yield) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(opsdb.File{}, err)
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
	  WHERE g.id = ? ORDER BY f.path`, string(id))
}

// freezeSpan is freezeMembers for the files of a group in a range of paths, which never leave the database.
func (t *tx) freezeSpan(pkg, grp int64, files int, span opsdb.Span) error {
	got, err := t.execN(`INSERT INTO member (package, path, file, size, mod_time, identity)
	  SELECT ?, f.path, f.key, f.size, f.mod_time, f.identity FROM group_file gf JOIN file f ON f.key = gf.file
	  WHERE gf.grp = ? AND f.path > ? AND f.path <= ?`, pkg, grp, tables.Blob(span.After), tables.Blob(span.To))
	if err == nil && got != int64(files) {
		err = fmt.Errorf("%d files of the group are in the span, %d were counted: %w", got, files, opsdb.ErrChanged)
	}
	return err
}
