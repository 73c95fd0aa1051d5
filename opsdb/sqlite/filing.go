package sqlite

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
		if len(all) == 1 && (all[0].State != opsdb.Lost || sameContent(all[0].File, n)) {
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

func sameContent(a, b opsdb.File) bool { return a.Size == b.Size && a.ModTime.Equal(b.ModTime) }

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
		return nil, f.found(old)
	case sameContent(old.File, n):
		return nil, nil
	}
	packed, err := f.t.count(`SELECT count(*) FROM member WHERE file = ?`, old.Row)
	if err != nil {
		return nil, err
	}
	if packed > 0 {
		return f.refuse(old, n)
	}
	f.filed++
	return nil, f.t.changeFile(old, n.Size, n.ModTime.UnixNano(), n.Identity, n.Digest, "filing", "filed with another content before it was packed")
}

// found is a lost file that is there again as it was.
func (f *filer) found(old filed) error {
	if err := f.t.exec(`UPDATE file SET state = 'present', routed = 0 WHERE key = ?`, old.Row); err != nil {
		return err
	}
	if err := f.t.exec(`UPDATE package SET missed = missed - 1, gone = gone - 1, version = version + 1
	  WHERE key IN (SELECT package FROM member WHERE file = ?)`, old.Row); err != nil {
		return err
	}
	if err := f.t.exec(`UPDATE copy SET size = size + ? WHERE form = 'files' AND state NOT IN ('deleted', 'quarantined', 'lost')
	  AND package IN (SELECT p.id FROM member m JOIN package p ON p.key = m.package WHERE m.file = ?)`, old.Size, old.Row); err != nil {
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
	return refused, f.t.exec(`UPDATE file SET conflict = ? WHERE key = ?`, other, old.Row)
}

func contentOf(size, modTime int64) string {
	return text(map[string]int64{"size": size, "mod_time": modTime})
}

// changeFile gives a file that is not packed another content; the counters of its groups follow.
func (t *tx) changeFile(old filed, size, modTime int64, identity string, digest opsdb.Digest, actor, why string) error {
	err := t.exec(`UPDATE file SET size = ?, mod_time = ?, identity = ?, digest = ?, version = version + 1 WHERE key = ?`,
		size, modTime, identity, string(digest), old.Row)
	if err != nil {
		return err
	}
	if err := t.register(old.Location, 0, size-old.Size); err != nil {
		return err
	}
	observed, err := t.observed()
	if err != nil {
		return err
	}
	err = t.exec(`UPDATE file_group SET bytes = bytes + ?, last = ?, version = version + 1 WHERE closed = 0 AND key IN (SELECT grp FROM group_file WHERE file = ?)`,
		size-old.Size, us(observed), old.Row)
	t.event(opsdb.Event{Actor: actor, Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: why, Before: contentOf(old.Size, old.ModTime.UnixNano()), After: contentOf(size, modTime)})
	return err
}

// register keeps the count of registered files and bytes apart from their states (S12).
func (t *tx) register(location string, count int, bytes int64) error {
	return t.exec(`INSERT INTO registered (location, count, bytes) VALUES (?, ?, ?)
	  ON CONFLICT DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes`, location, count, bytes)
}

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
		f.t.event(filedEvent(n))
	}
	for location, sum := range sums {
		if err := f.t.register(location, sum.Count, sum.Bytes); err != nil {
			return err
		}
	}
	f.filed += len(f.fresh)
	f.fresh = f.fresh[:0]
	clear(f.seen)
	clear(f.ids)
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
			n, err := t.execN(`INSERT INTO skip (location, path, reason, at) VALUES (?, ?, ?, ?)
			  ON CONFLICT DO UPDATE SET reason = excluded.reason, at = excluded.at WHERE reason <> excluded.reason`, k.Location, blob(k.Path), k.Reason, us(t.now))
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
		if err := t.exec(`INSERT INTO observation (instrument, observation, finished_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			instrument, observation, us(t.now)); err != nil {
			return err
		}
		return t.exec(`UPDATE file_group SET finished = 1, version = version + 1
		  WHERE closed = 0 AND finished = 0 AND observation = ?1 AND (?2 = '' OR instrument = ?2)`, observation, instrument)
	})
}
