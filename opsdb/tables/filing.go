package tables

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/ccatobs/cdt/opsdb"
)

// SameContent reports whether a file is as it was.
func SameContent(a, b opsdb.File) bool { return a.Size == b.Size && a.ModTime.Equal(b.ModTime) }

// FoundAgain records that a lost file is there again as it was.
func FoundAgain(t Tx, old Filed) error {
	if err := t.Exec(`UPDATE file SET state = 'present', routed = false WHERE key = $1`, old.Row); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE package SET missed = missed - 1, gone = gone - 1 WHERE key IN (SELECT package FROM member WHERE file = $1)`, old.Row); err != nil {
		return err
	}
	if err := touchHolders(t, old.Row); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE copy SET size = size + $1 WHERE form = 'files' AND state NOT IN ('deleted', 'quarantined', 'lost')
	  AND package IN (SELECT p.id FROM member m JOIN package p ON p.key = m.package WHERE m.file = $2)`, old.Size, old.Row); err != nil {
		return err
	}
	t.Event(opsdb.Event{Actor: "filing", Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: "it is there again", Before: string(opsdb.Lost), After: string(opsdb.Present)})
	return nil
}

// Refuse says once per other content that a packed file may not change (A2).
func Refuse(t Tx, old Filed, n opsdb.File) (refused, err error) {
	other := fmt.Sprintf("%d@%d", n.Size, n.ModTime.UnixNano())
	refused = fmt.Errorf("file %s:%s: %w: packed with %d bytes of %s, now %d bytes of %s", n.Location, opsdb.ShowPath(n.Path), opsdb.ErrConflict,
		old.Size, old.ModTime.Format("2006-01-02T15:04:05.999999999Z"), n.Size, n.ModTime.UTC().Format("2006-01-02T15:04:05.999999999Z"))
	if old.Conflict == other {
		return refused, nil
	}
	t.Event(opsdb.Event{Actor: "filing", Kind: opsdb.EventFileChanged, Subject: "file:" + string(old.ID), Location: old.Location,
		Why: "refused: the file is packed with another content", Before: contentOf(old.Size, old.ModTime.UnixNano()), After: contentOf(n.Size, n.ModTime.UnixNano())})
	return refused, t.Exec(`UPDATE file SET conflict = $1 WHERE key = $2`, other, old.Row)
}

// FiledEvent is the event of a file that is filed for the first time.
func FiledEvent(n *opsdb.File) opsdb.Event {
	after := `{"location":` + strconv.Quote(n.Location) + `,"path":"` + base64.StdEncoding.EncodeToString([]byte(n.Path)) + `","size":` + strconv.FormatInt(n.Size, 10) + `}`
	return opsdb.Event{Actor: "filing", Kind: opsdb.EventFiled, Subject: "file:" + string(n.ID), Location: n.Location, After: after}
}

// Skip implements opsdb.Filing.
func (s Store) Skip(ctx context.Context, skips []opsdb.Skip) error {
	return s.write(ctx, "Skip", func(t Tx) error {
		for _, k := range skips {
			n, err := t.ExecN(`INSERT INTO skip (location, path, reason, at) VALUES ($1, $2, $3, $4)
			  ON CONFLICT (location, path) DO UPDATE SET reason = excluded.reason, at = excluded.at WHERE skip.reason <> excluded.reason`, k.Location, Blob(k.Path), k.Reason, Time(t.Now()))
			if err != nil {
				return err
			}
			if n > 0 {
				t.Event(opsdb.Event{Actor: "filing", Kind: opsdb.EventFileSkipped, Subject: "location:" + k.Location, Location: k.Location, Why: k.Reason,
					After: JSON(map[string]any{"location": k.Location, "path": []byte(k.Path)})})
			}
		}
		return nil
	})
}

// FinishObservation implements opsdb.Filing.
func (s Store) FinishObservation(ctx context.Context, instrument, observation string) error {
	return s.write(ctx, "FinishObservation", func(t Tx) error {
		t.Take(t.Dialect().FinishAlone, observation)
		if err := t.Exec(`INSERT INTO observation (instrument, observation, finished_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			instrument, observation, Time(t.Now())); err != nil {
			return err
		}
		return t.Exec(`UPDATE file_group SET finished = true, version = version + 1
		  WHERE closed = `+t.Dialect().No+` AND finished = `+t.Dialect().No+` AND observation = $1 AND ($2 = '' OR instrument = $2)`, observation, instrument)
	})
}
