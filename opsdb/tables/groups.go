package tables

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Merge appends what is not there yet, up to limit (0: all).
func Merge[T any, K comparable](a, b []T, limit int, id func(T) K) []T {
	if len(b) == 0 {
		return a
	}
	seen := map[K]bool{}
	for _, x := range a {
		seen[id(x)] = true
	}
	for _, x := range b {
		if limit > 0 && len(a) >= limit {
			break
		}
		if !seen[id(x)] {
			a = append(a, x)
		}
	}
	return a
}

// GroupFiles implements opsdb.Planning.
func (s Store) GroupFiles(ctx context.Context, id opsdb.ID) (files []opsdb.File, err error) {
	err = s.read(ctx, "GroupFiles", func(v View) error {
		files, err = FilesOf(v, id)
		return err
	})
	return files, err
}

// FilesOf reads the files of an open group.
func FilesOf(v View, group opsdb.ID) ([]opsdb.File, error) {
	return Query(v, ScanFile, `SELECT `+FileColumns+` FROM file_group g JOIN group_file gf ON gf.grp = g.key JOIN file f ON f.key = gf.file
	  WHERE g.id = $1 ORDER BY f.path`, string(group))
}

// KeepGroup implements opsdb.Planning.
func (s Store) KeepGroup(ctx context.Context, id opsdb.ID, version int64, wake time.Time, reason string) error {
	return s.write(ctx, "KeepGroup", func(t Tx) error {
		t.Quiet(true)
		n, err := t.ExecN(`UPDATE file_group SET evaluated = $1, wake_at = $2, reason = $3 WHERE id = $4 AND closed = `+t.Dialect().No+` AND version = $5`,
			version, Time(wake), reason, string(id), version)
		if err == nil && n == 0 {
			err = fmt.Errorf("group %s at version %d: %w", id, version, opsdb.ErrChanged)
		}
		return err
	})
}
