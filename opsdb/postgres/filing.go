package postgres

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"

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
		if known && (old.State == opsdb.Lost || !sameContent(old.File, files[i])) {
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
	if err := f.t.lockFiles(keys); err != nil {
		return err
	}
	again, err := f.t.filesKnown(files)
	if err != nil {
		return err
	}
	for at, old := range again {
		f.old[at] = old
	}
	packed, err := query(&f.t.view, scanKey, `SELECT DISTINCT file FROM member WHERE file = ANY($1::bigint[])`, keys)
	f.packed = set(packed)
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
	if !known || old.State == opsdb.Lost && !sameContent(old.File, n) {
		return f.first(n)
	}
	return f.again(old, n)
}

func sameContent(a, b opsdb.File) bool { return a.Size == b.Size && a.ModTime.Equal(b.ModTime) }

// first is a file that is filed for the first time. Its id, if the client made one, must be new.
func (f *filer) first(n opsdb.File) (refused, err error) {
	if n.ID == "" {
		n.ID = opsdb.NewID()
	} else if f.taken[n.ID] {
		return fmt.Errorf("file %s:%s: %w: id %s is another file's", n.Location, opsdb.ShowPath(n.Path), opsdb.ErrConflict, n.ID), nil
	}
	n.FiledAt, n.State = f.t.now, opsdb.Present
	f.waiting[place{n.Location, n.Path}], f.taken[n.ID] = true, true
	f.fresh = append(f.fresh, n)
	return nil, nil
}

// again is a file that is known already.
func (f *filer) again(old filed, n opsdb.File) (refused, err error) {
	switch {
	case old.State == opsdb.Lost:
		f.filed++
		return nil, f.found(old)
	case sameContent(old.File, n):
		return nil, nil
	}
	if f.packed[old.Row] {
		return f.refuse(old, n)
	}
	f.filed++
	return nil, f.t.changeFile(old, n.Size, n.ModTime.UnixNano(), n.Identity, n.Digest, "filing", "filed with another content before it was packed")
}

// found is a lost file that is there again as it was.
func (f *filer) found(old filed) error {
	if err := f.t.exec(`UPDATE file SET state = 'present', routed = false WHERE key = $1`, old.Row); err != nil {
		return err
	}
	if err := f.t.exec(`UPDATE package SET missed = missed - 1, gone = gone - 1 WHERE key IN (SELECT package FROM member WHERE file = $1)`, old.Row); err != nil {
		return err
	}
	if err := f.t.exec(touchHolders, old.Row); err != nil {
		return err
	}
	if err := f.t.exec(`UPDATE copy SET size = size + $1 WHERE form = 'files' AND state NOT IN ('deleted', 'quarantined', 'lost')
	  AND package IN (SELECT p.id FROM member m JOIN package p ON p.key = m.package WHERE m.file = $2)`, old.Size, old.Row); err != nil {
		return err
	}
	f.t.event(opsdb.Event{Actor: "filing", Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: "it is there again", Before: string(opsdb.Lost), After: string(opsdb.Present)})
	return nil
}

// refuse says once per other content that a packed file may not change (A2).
func (f *filer) refuse(old filed, n opsdb.File) (refused, err error) {
	other := fmt.Sprintf("%d@%d", n.Size, n.ModTime.UnixNano())
	refused = fmt.Errorf("file %s:%s: %w: packed with %d bytes of %s, now %d bytes of %s", n.Location, opsdb.ShowPath(n.Path), opsdb.ErrConflict,
		old.Size, old.ModTime.Format("2006-01-02T15:04:05.999999999Z"), n.Size, n.ModTime.UTC().Format("2006-01-02T15:04:05.999999999Z"))
	if old.Conflict == other {
		return refused, nil
	}
	f.t.event(opsdb.Event{Actor: "filing", Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: "refused: the file is packed with another content", Before: contentOf(old.Size, old.ModTime.UnixNano()), After: contentOf(n.Size, n.ModTime.UnixNano())})
	return refused, f.t.exec(`UPDATE file SET conflict = $1 WHERE key = $2`, other, old.Row)
}

func contentOf(size, modTime int64) string {
	return text(map[string]int64{"size": size, "mod_time": modTime})
}

// changeFile gives a file that is not packed another content; the counters of its groups follow.
func (t *tx) changeFile(old filed, size, modTime int64, identity string, digest opsdb.Digest, actor, why string) error {
	err := t.exec(`UPDATE file SET size = $1, mod_time = $2, identity = $3, digest = $4, version = version + 1 WHERE key = $5`,
		size, modTime, identity, string(digest), old.Row)
	if err != nil {
		return err
	}
	observed, err := t.observed()
	if err != nil {
		return err
	}
	err = t.exec(`UPDATE file_group SET bytes = bytes + $1, last = $2, version = version + 1 WHERE NOT closed AND key IN (SELECT grp FROM group_file WHERE file = $3)`,
		size-old.Size, us(observed), old.Row)
	t.event(opsdb.Event{Actor: actor, Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: why, Before: contentOf(old.Size, old.ModTime.UnixNano()), After: contentOf(size, modTime)})
	return err
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
		f.t.event(filedEvent(&f.fresh[i]))
	}
	f.filed += len(f.fresh)
	f.fresh = f.fresh[:0]
	clear(f.waiting)
	return nil
}

func filedEvent(n *opsdb.File) opsdb.Event {
	after := `{"location":` + strconv.Quote(n.Location) + `,"path":"` + base64.StdEncoding.EncodeToString([]byte(n.Path)) + `","size":` + strconv.FormatInt(n.Size, 10) + `}`
	return opsdb.Event{Actor: "filing", Kind: opsdb.EventFiled, Subject: "file:" + string(n.ID), Location: n.Location, After: after}
}

// Skip implements opsdb.Filing.
func (s *Store) Skip(ctx context.Context, skips []opsdb.Skip) error {
	return s.write(ctx, "Skip", func(t *tx) error {
		for _, k := range skips {
			n, err := t.execN(`INSERT INTO skip (location, path, reason, at) VALUES ($1, $2, $3, $4)
			  ON CONFLICT (location, path) DO UPDATE SET reason = excluded.reason, at = excluded.at WHERE skip.reason <> excluded.reason`, k.Location, blob(k.Path), k.Reason, us(t.now))
			if err != nil {
				return err
			}
			if n > 0 {
				t.event(opsdb.Event{Actor: "filing", Kind: opsdb.EventFileSkipped, Subject: "location:" + k.Location, Location: k.Location, Why: k.Reason,
					After: text(map[string]any{"location": k.Location, "path": []byte(k.Path)})})
			}
		}
		return nil
	})
}

// FinishObservation implements opsdb.Filing.
func (s *Store) FinishObservation(ctx context.Context, instrument, observation string) error {
	return s.write(ctx, "FinishObservation", func(t *tx) error {
		t.queue(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, observing, observation)
		if err := t.exec(`INSERT INTO observation (instrument, observation, finished_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			instrument, observation, us(t.now)); err != nil {
			return err
		}
		return t.exec(`UPDATE file_group SET finished = true, version = version + 1
		  WHERE NOT closed AND NOT finished AND observation = $1 AND ($2::text = '' OR instrument = $2::text)`, observation, instrument)
	})
}
