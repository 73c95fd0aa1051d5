package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Wake implements [tables.Tx]. It only notes the cause: see serveWakes.
func (t *tx) Wake(cause string, limit int) error {
	t.wakes = true
	return t.exec(`INSERT INTO wakeup (cause, most, what) SELECT $1::text, $2::integer, 'waiting' WHERE EXISTS (SELECT 1 FROM waiting WHERE cause = $1::text)`, cause, limit)
}

// TouchMoves implements [tables.Tx].
func (t *tx) TouchMoves(subject string) error {
	t.wakes = true
	return t.exec(`INSERT INTO wakeup (cause, most, what) VALUES ($1, 0, 'moves')`, subject)
}

// TryAgain implements [tables.Tx].
func (t *tx) TryAgain(subject string, pkg opsdb.ID) error {
	t.wakes = true
	return t.exec(`INSERT INTO wakeup (cause, most, what, package) VALUES ($1, 0, 'tries', $2)`, subject, string(pkg))
}

// Wake implements opsdb.Planning.
func (s *Store) Wake(ctx context.Context, causes []string, limit int) error {
	return s.write(ctx, "Wake", func(t *tx) error {
		for _, cause := range causes {
			if err := t.Wake(cause, limit); err != nil {
				return err
			}
		}
		return nil
	})
}

// serveWakes marks dirty what the noted causes wake. It holds nothing but
// packages, in their order. Who is woken waits no more; it says so again if it must.
func (s *Store) serveWakes(ctx context.Context) error {
	any := false
	if !s.wakes {
		return nil // it is for an engine to do
	}
	err := s.read(ctx, "Dirty", func(v *view) (err error) {
		any, err = v.yes(`SELECT EXISTS (SELECT 1 FROM wakeup)`)
		return err
	})
	if err != nil || !any {
		return err
	}
	return s.serveNoted(ctx)
}

// serveNoted serves what is noted until nothing is.
func (s *Store) serveNoted(ctx context.Context) (err error) {
	for any := true; any && err == nil; { // who is woken may wake others
		err = s.write(ctx, "Wake", func(t *tx) error {
			t.quiet = true
			noted, err := query(&t.view, scanWakeup, `DELETE FROM wakeup WHERE key IN (SELECT key FROM wakeup ORDER BY key LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING key, cause, most, what, package`)
			any = len(noted) > 0
			if err != nil || !any {
				return err
			}
			t.changes++
			return t.serve(noted)
		})
	}
	return err
}

type wakeup struct {
	key   int64
	cause string
	most  int
	what  string
	pkg   opsdb.ID
}

func scanWakeup(r scanner) (w wakeup, err error) {
	err = r.Scan(&w.key, &w.cause, &w.most, &w.what, &w.pkg)
	return w, err
}

// woken is who is to be woken, and why.
type woken struct {
	ids              []opsdb.ID
	causes, packages []string // rows of waiting
	subjects, only   []string // of tasks that are tried again, of one package or of all
}

// serve finds out whom to wake, and then takes them all at once.
func (t *tx) serve(noted []wakeup) error {
	var w woken
	if err := t.find(&w, noted); err != nil || len(w.ids) == 0 {
		return err
	}
	if err := t.lock(w.ids...); err != nil {
		return err
	}
	return errors.Join(
		t.exec(`DELETE FROM waiting w USING unnest($1::text[], $2::text[]) x (cause, package) WHERE w.cause = x.cause AND w.package = x.package`, w.causes, w.packages),
		t.exec(`UPDATE task t SET next_try = NULL, subject = '' FROM unnest($1::text[], $2::text[]) x (subject, package)
		  WHERE t.state = 'pending' AND t.subject = x.subject AND t.subject <> '' AND x.package IN ('', t.package) AND t.package = ANY($3::text[])`, w.subjects, w.only, idList(w.ids)),
		t.touch(w.ids...))
}

func (t *tx) find(w *woken, noted []wakeup) error {
	most := map[string]int{} // by cause; -1: all
	for _, n := range noted {
		var found []opsdb.ID
		var err error
		switch {
		case n.what == "moves":
			found, err = t.withMoves(n.cause)
		case n.what == "tries":
			found, err = query(&t.view, tables.ScanID, `SELECT package FROM task WHERE state = 'pending' AND subject = $1 AND subject <> '' AND $2::text IN ('', package)`, n.cause, string(n.pkg))
			w.subjects, w.only = append(w.subjects, n.cause), append(w.only, string(n.pkg))
			if n.pkg != "" {
				found = append(found, n.pkg)
			}
		case n.most == 0:
			most[n.cause] = -1
		case most[n.cause] >= 0:
			most[n.cause] += n.most
		}
		if err != nil {
			return err
		}
		w.ids = append(w.ids, found...)
	}
	for cause, limit := range most {
		found, err := query(&t.view, tables.ScanID, `SELECT package FROM waiting WHERE cause = $1 ORDER BY package LIMIT $2`, cause, limitOf(limit))
		if err != nil {
			return err
		}
		for _, id := range found {
			w.causes, w.packages = append(w.causes, cause), append(w.packages, string(id))
		}
		w.ids = append(w.ids, found...)
	}
	return nil
}

// withMoves finds the packages with a move under a subject.
func (t *tx) withMoves(subject string) ([]opsdb.ID, error) {
	kind, name, _ := strings.Cut(subject, ":")
	where := map[string]string{
		"route":    `m.route = $1`,
		"stage":    `m.route || '/' || m.stage = $1`,
		"location": `m.from_loc = $1 OR m.to_loc = $1`,
		"link":     `m.link = $1 AND m.link <> ''`,
		"site":     `m.from_loc IN (SELECT name FROM location WHERE starts_with(name, $1 || '.')) OR m.to_loc IN (SELECT name FROM location WHERE starts_with(name, $1 || '.'))`,
	}[kind]
	if where == "" {
		return nil, nil
	}
	return query(&t.view, tables.ScanID, `SELECT DISTINCT m.package FROM open_move m WHERE `+where, name)
}
