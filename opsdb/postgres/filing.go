package postgres

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// place is what a file is known by.
type place struct{ location, path string }

// filer files one batch: what is known is looked up at once, what is new is
// gathered and written in bulk.
type filer struct {
	t       *tx
	old     map[place]filed
	taken   map[opsdb.ID]bool // ids of files that are known, or gathered
	packed  map[int64]bool
	fresh   []opsdb.File
	waiting map[place]bool // gathered
	filed   int
}

// FileFiles implements opsdb.Filing.
func (s *Store) FileFiles(ctx context.Context, files []opsdb.File) (filed int, results []error, err error) {
	err = s.write(ctx, "FileFiles", func(t *tx) error {
		f := &filer{t: t, waiting: map[place]bool{}}
		if err := f.lookUp(files); err != nil {
			return err
		}
		results = make([]error, len(files))
		for i, file := range files {
			if results[i], err = f.file(file); err != nil {
				return err
			}
		}
		err := f.flush()
		filed = f.filed
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return filed, results, nil
}

// lookUp reads what is known of files. Those with another content than is known are read under their locks.
func (f *filer) lookUp(files []opsdb.File) error {
	ids := make([]string, 0, len(files))
	for i := range files {
		if files[i].ID != "" {
			ids = append(ids, string(files[i].ID))
		}
	}
	taken, err := query(&f.t.view, tables.ScanID, `SELECT id FROM file WHERE id = ANY($1::text[])`, ids)
	if err != nil {
		return err
	}
	f.taken = map[opsdb.ID]bool{}
	for _, id := range taken {
		f.taken[id] = true
	}
	if f.old, err = f.t.filesKnown(files); err != nil {
		return err
	}
	var others []opsdb.File
	var keys []int64
	for i := range files {
		old, known := f.old[place{files[i].Location, files[i].Path}]
		if known && (old.State == opsdb.Lost || !tables.SameContent(old.File, files[i])) {
			others, keys = append(others, files[i]), append(keys, old.Row)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return f.lookAgain(others, keys)
}

// lookAgain reads files under their locks, and which of them are packed.
func (f *filer) lookAgain(files []opsdb.File, keys []int64) error {
	if err := tables.LockFiles(f.t, keys); err != nil {
		return err
	}
	again, err := f.t.filesKnown(files)
	if err != nil {
		return err
	}
	for at, old := range again {
		f.old[at] = old
	}
	packed, err := query(&f.t.view, tables.ScanRow, `SELECT DISTINCT file FROM member WHERE file = ANY($1::bigint[])`, keys)
	f.packed = tables.Set(packed)
	return err
}

// filesKnown finds what is known at the places of files: the file that is there, or the last one that was lost.
func (v *view) filesKnown(files []opsdb.File) (map[place]filed, error) {
	locations, paths := make([]string, len(files)), make([][]byte, len(files))
	for i := range files {
		locations[i], paths[i] = files[i].Location, blob(files[i].Path)
	}
	known := map[place]filed{}
	for _, where := range []string{`f.state = 'lost'`, `f.state NOT IN ('deleted', 'lost')`} {
		rows, err := query(v, tables.ScanFiled, `SELECT `+tables.FileColumns+` FROM unnest($1::text[], $2::bytea[]) x (location, path) JOIN file f ON f.location = x.location AND f.path = x.path
		  WHERE `+where+` ORDER BY f.key`, locations, paths)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			known[place{row.Location, row.Path}] = row
		}
	}
	return known, nil
}

func (f *filer) file(n opsdb.File) (refused, err error) {
	if n.Location == "" || n.Path == "" || n.Size < 0 {
		return fmt.Errorf("file %s:%s: a location, a path and a size are needed", n.Location, opsdb.ShowPath(n.Path)), nil
	}
	at := place{n.Location, n.Path}
	if f.waiting[at] { // twice in one call
		if err := f.flush(); err != nil {
			return nil, err
		}
		if err := f.lookUp([]opsdb.File{n}); err != nil {
			return nil, err
		}
	}
	old, known := f.old[at]
	if !known || old.State == opsdb.Lost && !tables.SameContent(old.File, n) {
		return f.first(n)
	}
	return f.again(old, n)
}

// first is a file that is filed for the first time. Its id, if the client made one, must be new.
func (f *filer) first(n opsdb.File) (refused, err error) {
	if n.ID == "" {
		n.ID = opsdb.NewID()
	} else if f.taken[n.ID] {
		return fmt.Errorf("file %s:%s: %w: id %s is another file's", n.Location, opsdb.ShowPath(n.Path), opsdb.ErrConflict, n.ID), nil
	}
	n.FiledAt, n.State, n.Version = f.t.now, opsdb.Present, 1
	f.waiting[place{n.Location, n.Path}], f.taken[n.ID] = true, true
	f.fresh = append(f.fresh, n)
	return nil, nil
}

// again is a file that is known already.
func (f *filer) again(old filed, n opsdb.File) (refused, err error) {
	switch {
	case old.State == opsdb.Lost:
		f.filed++
		return nil, tables.FoundAgain(f.t, old)
	case tables.SameContent(old.File, n):
		return nil, nil
	}
	if f.packed[old.Row] {
		return tables.Refuse(f.t, old, n)
	}
	f.filed++
	return nil, tables.ChangeFile(f.t, old, n.Size, n.ModTime.UnixNano(), n.Identity, n.Digest, "filing", "filed with another content before it was packed")
}

// flush writes the new files gathered so far.
func (f *filer) flush() error {
	if len(f.fresh) == 0 {
		return nil
	}
	at := us(f.t.now)
	columns := []string{"id", "location", "path", "size", "mod_time", "identity", "digest", "instrument", "observation", "module", "program", "tags", "state", "filed_at"}
	err := f.t.fill("file", columns, len(f.fresh), func(i int) []any {
		n := &f.fresh[i]
		return []any{string(n.ID), n.Location, blob(n.Path), n.Size, n.ModTime.UnixNano(), n.Identity, string(n.Digest),
			n.Instrument, n.Observation, n.Module, n.Program, text(n.Tags), string(n.State), at}
	})
	if err != nil {
		return err
	}
	for i := range f.fresh {
		f.t.event(tables.FiledEvent(&f.fresh[i]))
	}
	f.filed += len(f.fresh)
	f.t.filed = append(f.t.filed, f.fresh[:min(len(f.fresh), hinted+1)]...)
	f.fresh = f.fresh[:0]
	clear(f.waiting)
	return nil
}
