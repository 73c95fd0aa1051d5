package sqlite

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Save implements opsdb.Planning.
func (s *Store) Save(ctx context.Context, revision int64, evals []opsdb.Evaluation) (left []opsdb.ID, err error) {
	err = s.write(ctx, "Save", func(t *tx) error {
		t.quiet = true
		active, err := t.count(`SELECT revision FROM opsdb`)
		if err != nil {
			return err
		}
		left = left[:0]
		for _, e := range evals {
			saved := false
			if active == revision {
				if saved, err = t.save(e, revision); err != nil {
					return err
				}
			}
			if !saved {
				left = append(left, e.Package)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return left, nil
}

func (t *tx) save(e opsdb.Evaluation, revision int64) (bool, error) {
	urgent := 0
	for _, m := range e.Moves {
		if m.Class == opsdb.Repair || m.Class == opsdb.Request {
			urgent = 1
		}
	}
	policies := e.Policies
	if policies == nil {
		policies = map[string]opsdb.Policy{}
	}
	n, err := t.execN(`UPDATE package SET evaluated = ?1, wake_at = ?2, wanted = ?3, policies = ?4, urgent = ?5, revision = ?7 WHERE id = ?6 AND version = ?1`,
		e.Version, us(e.WakeAt), text(append([]string{}, e.Wanted...)), text(policies), urgent, string(e.Package), revision)
	if err != nil || n == 0 {
		return false, err
	}
	if err := t.saveMoves(e); err != nil {
		return false, err
	}
	if err := t.saveCauses(e); err != nil {
		return false, err
	}
	return true, t.saveActs(e, revision)
}

func (t *tx) saveMoves(e opsdb.Evaluation) error {
	id := string(e.Package)
	for _, q := range []string{`DELETE FROM hop WHERE package = ?`, `DELETE FROM open_move WHERE package = ?`} {
		if err := t.exec(q, id); err != nil {
			return err
		}
	}
	for _, m := range e.Moves {
		m.Package, m.Version = e.Package, e.Version
		if err := t.insertMove(m); err != nil {
			return err
		}
	}
	if err := t.exec(`INSERT INTO hop (package, location, bytes) SELECT package, from_loc, max(bytes) FROM open_move
	  WHERE package = ? AND type NOT IN ('verify', 'delete') GROUP BY package, from_loc`, id); err != nil {
		return err
	}
	return t.exec(`UPDATE package SET status = `+packageStatus+` WHERE id = ?1`, id)
}

// packageStatus is where a package stands, in a word, for the totals.
const packageStatus = `CASE
  WHEN quarantined <> '' AND files = 0 AND digest = '' THEN 'superseded'
  WHEN quarantined <> '' OR EXISTS (SELECT 1 FROM open_move m WHERE m.package = ?1 AND m.verdict = 'blocked') THEN 'blocked'
  WHEN digest = '' THEN 'packing'
  WHEN EXISTS (SELECT 1 FROM open_move m WHERE m.package = ?1 AND m.type NOT IN ('verify', 'delete')) THEN 'moving'
  WHEN EXISTS (SELECT 1 FROM copy c JOIN location l ON l.name = c.location WHERE c.package = ?1 AND l.type = 'long_term_archive' AND c.state = 'present') THEN 'archived'
  ELSE 'moving' END`

func (t *tx) saveCauses(e opsdb.Evaluation) error {
	if err := t.exec(`DELETE FROM waiting WHERE package = ?`, string(e.Package)); err != nil {
		return err
	}
	for _, cause := range e.Causes {
		if err := t.exec(`INSERT INTO waiting (cause, package) VALUES (?, ?) ON CONFLICT DO NOTHING`, cause, string(e.Package)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) saveActs(e opsdb.Evaluation, revision int64) error {
	copies, err := tables.Copies(t, e.Package)
	if err != nil {
		return err
	}
	return tables.Act(t, e, copies, revision)
}
