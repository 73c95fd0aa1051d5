package sqlite

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// place is what a file is known by.
type place struct{ location, path string }

// filer files one batch: what is new is gathered and written in bulk.
type filer struct {
	t     *tx
	fresh []opsdb.File
	seen  map[place]bool
	ids   map[opsdb.ID]bool
	lost  map[string]bool
	filed int
}

// FileFiles implements opsdb.Filing.
func (s *Store) FileFiles(ctx context.Context, files []opsdb.File) (filed int, results []error, err error) {
	err = s.write(ctx, "FileFiles", func(t *tx) error {
		f := &filer{t: t, seen: map[place]bool{}, ids: map[opsdb.ID]bool{}, lost: map[string]bool{}}
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

func (f *filer) file(n opsdb.File) (refused, err error) {
	if n.Location == "" || n.Path == "" || n.Size < 0 {
		return fmt.Errorf("file %s:%s: a location, a path and a size are needed", n.Location, opsdb.ShowPath(n.Path)), nil
	}
	at := place{n.Location, n.Path}
	if f.seen[at] {
		if err := f.flush(); err != nil {
			return nil, err
		}
	}
	old, known, err := f.known(n)
	if err != nil {
		return nil, err
	}
	if !known {
		return f.first(n)
	}
	return f.again(old, n)
}

func (f *filer) known(n opsdb.File) (filed, bool, error) {
	const q = `SELECT ` + tables.FileColumns + ` FROM file f WHERE f.location = ? AND f.path = ? AND `
	which := []string{`f.state NOT IN ('deleted', 'lost')`, `f.state = 'lost'`}
	lost, err := f.anyLost(n.Location)
	if err != nil {
		return filed{}, false, err
	}
	if !lost {
		which = which[:1]
	}
	for _, which := range which {
		all, err := query(&f.t.view, tables.ScanFiled, q+which+` ORDER BY f.key DESC LIMIT 1`, n.Location, blob(n.Path))
		if err != nil {
			return filed{}, false, err
		}
		if len(all) == 1 && (all[0].State != opsdb.Lost || tables.SameContent(all[0].File, n)) {
			return all[0], true, nil
		}
	}
	return filed{}, false, nil
}

// anyLost tells, asking once a call, whether a location has lost files at all.
func (f *filer) anyLost(location string) (bool, error) {
	if lost, asked := f.lost[location]; asked {
		return lost, nil
	}
	n, err := f.t.count(`SELECT coalesce(sum(count), 0) FROM file_total WHERE location = ? AND state = 'lost'`, location)
	f.lost[location] = n > 0
	return n > 0, err
}

// first is a file that is filed for the first time. Its id, if the client made one, must be new.
func (f *filer) first(n opsdb.File) (refused, err error) {
	if n.ID == "" {
		n.ID = opsdb.NewID()
	} else if taken, err := f.t.count(`SELECT count(*) FROM file WHERE id = ?`, string(n.ID)); err != nil || taken > 0 || f.ids[n.ID] {
		return fmt.Errorf("file %s:%s: %w: id %s is another file's", n.Location, opsdb.ShowPath(n.Path), opsdb.ErrConflict, n.ID), err
	}
	n.FiledAt, n.State = f.t.now, opsdb.Present
	f.seen[place{n.Location, n.Path}], f.ids[n.ID] = true, true
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
	packed, err := f.t.count(`SELECT count(*) FROM member WHERE file = ?`, old.Row)
	if err != nil {
		return nil, err
	}
	if packed > 0 {
		return tables.Refuse(f.t, old, n)
	}
	f.filed++
	return nil, tables.ChangeFile(f.t, old, n.Size, n.ModTime.UnixNano(), n.Identity, n.Digest, "filing", "filed with another content before it was packed")
}

// register keeps the count of registered files and bytes apart from their states (S12).
const register = `INSERT INTO registered (location, count, bytes) VALUES ($1, $2, $3)
	  ON CONFLICT (location) DO UPDATE SET count = registered.count + excluded.count, bytes = registered.bytes + excluded.bytes`

const fileInsert = `INSERT INTO file (id, location, path, size, mod_time, identity, digest, instrument, observation, module, program, tags, state, filed_at, version) VALUES `

// flush writes the new files gathered so far.
func (f *filer) flush() error {
	at := us(f.t.now)
	err := f.t.bulk(fileInsert, "", len(f.fresh), 15, func(i int, args []any) []any {
		n := &f.fresh[i]
		return append(args, string(n.ID), n.Location, blob(n.Path), n.Size, n.ModTime.UnixNano(), n.Identity, string(n.Digest),
			n.Instrument, n.Observation, n.Module, n.Program, text(n.Tags), string(n.State), at, 1)
	})
	if err != nil {
		return err
	}
	sums := map[string]opsdb.Sum{}
	for i := range f.fresh {
		n := &f.fresh[i]
		sums[n.Location] = opsdb.Sum{Count: sums[n.Location].Count + 1, Bytes: sums[n.Location].Bytes + n.Size}
		f.t.event(tables.FiledEvent(n))
	}
	for location, sum := range sums {
		if err := f.t.exec(register, location, sum.Count, sum.Bytes); err != nil {
			return err
		}
	}
	f.filed += len(f.fresh)
	f.fresh = f.fresh[:0]
	clear(f.seen)
	clear(f.ids)
	return nil
}
