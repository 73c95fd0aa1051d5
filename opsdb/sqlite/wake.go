package sqlite

import (
	"context"
	"errors"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

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

// Wake implements [tables.Tx].
func (t *tx) Wake(cause string, limit int) error {
	ids, err := query(&t.view, tables.ScanID, `SELECT package FROM waiting WHERE cause = ? ORDER BY package LIMIT ?`, cause, limitOf(limit))
	if err != nil || len(ids) == 0 {
		return err
	}
	return errors.Join(t.exec(`DELETE FROM waiting WHERE cause = ? AND package IN (SELECT value FROM json_each(?))`, cause, ids), tables.Touch(t, ids...))
}

// TouchMoves implements [tables.Tx].
func (t *tx) TouchMoves(subject string) error {
	kind, name, _ := strings.Cut(subject, ":")
	moves := map[string]string{
		"route":    `SELECT package FROM open_move WHERE route = ?1`,
		"stage":    `SELECT package FROM open_move WHERE route || '/' || stage = ?1`,
		"location": `SELECT package FROM open_move WHERE from_loc = ?1 UNION SELECT package FROM open_move WHERE to_loc = ?1`,
		"link":     `SELECT package FROM open_move WHERE link = ?1 AND link <> ''`,
		"site": `SELECT m.package FROM open_move m WHERE m.from_loc IN (SELECT name FROM location WHERE name LIKE ?1 || '.%')
		  UNION SELECT m.package FROM open_move m WHERE m.to_loc IN (SELECT name FROM location WHERE name LIKE ?1 || '.%')`,
	}[kind]
	if moves == "" {
		return nil
	}
	return t.exec(`UPDATE package SET version = version + 1 WHERE id IN (`+moves+`)`, name)
}

// TryAgain implements [tables.Tx].
func (t *tx) TryAgain(subject string, pkg opsdb.ID) error {
	if err := t.exec(`UPDATE task SET next_try = NULL, subject = '' WHERE state = 'pending' AND subject = ?1 AND subject <> '' AND ?2 IN ('', package)`, subject, string(pkg)); err != nil || pkg == "" {
		return err
	}
	return tables.Touch(t, pkg)
}
