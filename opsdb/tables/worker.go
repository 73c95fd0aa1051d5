package tables

import (
	"context"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
)

// Present implements opsdb.Working.
func (s Store) Present(ctx context.Context, w opsdb.Worker) error {
	return s.write(ctx, "Present", func(t Tx) error {
		known, err := Yes(t, `SELECT EXISTS (SELECT 1 FROM worker WHERE id = $1 AND at_once >= $2 AND seen_at >= $3)`, w.ID, w.AtOnce, Time(t.Now().Add(-opsdb.WorkerTTL)))
		if err != nil {
			return err
		}
		t.Quiet(known)
		if err := t.Exec(`INSERT INTO worker (id, sites, version, seen_at, at_once, protocol) VALUES ($1, $2, $3, $4, $5, $6)
		  ON CONFLICT (id) DO UPDATE SET sites = excluded.sites, version = excluded.version, seen_at = excluded.seen_at, at_once = excluded.at_once, protocol = excluded.protocol`,
			w.ID, JSON(append([]string{}, w.Sites...)), w.Version, Time(t.Now()), w.AtOnce, w.Protocol); err != nil {
			return err
		}
		for _, site := range w.Sites {
			if err := siteSeen(t, site); err != nil {
				return err
			}
		}
		return nil
	})
}

// siteSeen notes that a site has a worker; if it had none, those who wait for it are woken.
func siteSeen(t Tx, site string) error {
	n, err := t.ExecN(`UPDATE site SET seen_at = $1, up = true WHERE name = $2 AND NOT up`, Time(t.Now()), site)
	if err != nil {
		return err
	}
	if n > 0 {
		t.Quiet(false)
		return t.Wake("site:"+site, 0)
	}
	return t.Exec(`UPDATE site SET seen_at = $1 WHERE name = $2`, Time(t.Now()), site)
}

// Absent implements opsdb.Working.
func (s Store) Absent(ctx context.Context, worker string) error {
	return s.write(ctx, "Absent", func(t Tx) error {
		if err := t.Exec(`DELETE FROM worker WHERE id = $1`, worker); err != nil {
			return err
		}
		return SitesDown(t)
	})
}

// SitesDown finds sites that have lost their last worker and has every package
// with a move from or to them looked at again.
func SitesDown(t Tx) error {
	sites, err := t.Sites()
	if err != nil {
		return err
	}
	for name, site := range sites {
		if site.Down == nil {
			continue
		}
		n, err := t.ExecN(`UPDATE site SET up = false WHERE name = $1 AND up`, name)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := t.TouchMoves("site:" + name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Members implements opsdb.Working.
func (s Store) Members(ctx context.Context, pkg opsdb.ID) iter.Seq2[opsdb.Member, error] {
	return stream(func(last opsdb.Member, first bool) (members []opsdb.Member, err error) {
		after := ""
		if !first {
			after = last.Path
		}
		err = s.read(ctx, "Members", func(v View) error {
			members, err = Query(v, scanMember(pkg), `SELECT `+memberColumns+` FROM member m JOIN file f ON f.key = m.file
			  WHERE m.package = (SELECT key FROM package WHERE id = $1) AND m.path > $2 ORDER BY m.path LIMIT $3`, string(pkg), Blob(after), page)
			return err
		})
		return members, err
	})
}

// RecordReceipts implements opsdb.Working.
func (s Store) RecordReceipts(ctx context.Context, receipts []opsdb.Receipt) error {
	return s.write(ctx, "RecordReceipts", func(t Tx) error {
		packages := make([]opsdb.ID, len(receipts))
		for i, r := range receipts {
			packages[i] = r.Package
		}
		Lock(t, packages...)
		return recordReceipts(t, receipts)
	})
}
