package tables

import (
	"context"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
)

// Missing implements opsdb.Filing.
func (s Store) Missing(ctx context.Context, location string, files []opsdb.ID) error {
	return s.write(ctx, "Missing", func(t Tx) error {
		if err := LockFilesOf(t, files); err != nil {
			return err
		}
		known, err := Query(t, ScanFiled, `SELECT `+FileColumns+` FROM file f
		  WHERE `+t.Dialect().In("f.id", 1)+` AND f.location = $2 AND f.state NOT IN ('deleted', 'lost') AND NOT `+underDeletion, files, location)
		if err != nil {
			return err
		}
		for _, f := range known {
			cut, err := cutDeletion(t, f)
			if err != nil {
				return err
			}
			if cut == nil {
				err = lose(t, f, "filing", "no longer at its source")
			} else {
				err = removedChunk(t, *cut, []opsdb.ID{f.ID})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// cutDeletion finds the last confirmed deletion of a file's package: it was
// taken back before it could tell what it had removed.
func cutDeletion(t Tx, f Filed) (*Job, error) {
	jobs, err := Query(t, ScanJob, `SELECT `+TaskColumns+` FROM member m JOIN package p ON p.key = m.package
	  JOIN task t ON t.package = p.id AND t.type = 'delete' AND t.to_loc = $2 AND t.confirmed > 0 WHERE m.file = $1 ORDER BY t.id DESC LIMIT 1`, f.Row, f.Location)
	if err != nil || len(jobs) == 0 {
		return nil, err
	}
	return &jobs[0], nil
}

// underDeletion holds for a file whose deletion the gate has confirmed: that it
// is not at its place is the deletion's work, and the deletion will say so.
const underDeletion = `EXISTS (SELECT 1 FROM member m JOIN package p ON p.key = m.package JOIN copy c ON c.package = p.id
  WHERE m.file = f.key AND c.location = f.location AND c.form = 'files' AND c.state = 'deletion_in_progress')`

// lose makes a file lost: it leaves its groups, and the packages that hold it hear of it.
func lose(t Tx, f Filed, actor, why string) error {
	if err := leaveGroups(t, f); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE file SET state = 'lost' WHERE key = $1`, f.Row); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE copy SET size = CASE WHEN size > $1 THEN size - $1 ELSE 0 END WHERE form = 'files' AND state NOT IN ('deleted', 'quarantined', 'lost')
	  AND package IN (SELECT p.id FROM member m JOIN package p ON p.key = m.package WHERE m.file = $2)`, f.Size, f.Row); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE package SET gone = gone + 1, missed = missed + 1 WHERE key IN (SELECT package FROM member WHERE file = $1)`, f.Row); err != nil {
		return err
	}
	if err := touchHolders(t, f.Row); err != nil {
		return err
	}
	t.Event(opsdb.Event{Actor: actor, Kind: opsdb.EventFileChanged, Subject: "file:" + string(f.ID), Location: f.Location, Why: why,
		Before: string(f.State), After: string(opsdb.Lost)})
	return nil
}

// leaveGroups takes a file out of the open groups it is in.
func leaveGroups(t Tx, f Filed) error {
	if err := t.Exec(`UPDATE file_group SET files = files - 1, bytes = bytes - $1, version = version + 1
	  WHERE key IN (SELECT grp FROM group_file WHERE file = $2)`, f.Size, f.Row); err != nil {
		return err
	}
	n, err := t.ExecN(`DELETE FROM group_file WHERE file = $1`, f.Row)
	if err != nil || n == 0 {
		return err
	}
	return t.Exec(`UPDATE file SET homes = homes - $1 WHERE key = $2`, n, f.Row)
}

// page is how many rows a stream reads at once: it holds no snapshot between pages.
const page = 2000

// KnownFiles implements opsdb.Filing.
func (s Store) KnownFiles(ctx context.Context, location string) iter.Seq2[opsdb.File, error] {
	return stream(func(last opsdb.File, first bool) (files []opsdb.File, err error) {
		err = s.read(ctx, "KnownFiles", func(v View) error {
			after := Blob(last.Path)
			files, err = Query(v, ScanFile, `SELECT `+FileColumns+` FROM file f
			  WHERE f.location = $1 AND f.path > $2 AND f.state NOT IN ('deleted', 'lost') ORDER BY f.path LIMIT $3`, location, after, page)
			return err
		})
		return files, err
	})
}

// stream yields page after page; next returns the rows after the last one, none at the end.
func stream[T any](next func(last T, first bool) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last T
		for first := true; ; first = false {
			rows, err := next(last, first)
			if err != nil {
				yield(last, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
				last = row
			}
			if len(rows) < page {
				return
			}
		}
	}
}
