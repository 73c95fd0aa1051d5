package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Save implements opsdb.Planning. However many evaluations there are, it takes
// the same few statements in two round trips, and more only for what is
// condemned, pardoned, lost or withdrawn.
func (s *Store) Save(ctx context.Context, revision int64, evals []opsdb.Evaluation) (left []opsdb.ID, err error) {
	if len(evals) == 0 {
		return nil, nil
	}
	err = s.writeHow(ctx, soon, "Save", func(t *tx) error {
		left, err = t.save(revision, evals)
		return err
	})
	if err != nil {
		return nil, err
	}
	return left, nil
}

func (t *tx) save(revision int64, evals []opsdb.Evaluation) (left []opsdb.ID, err error) {
	packages := make([]opsdb.ID, len(evals))
	for i, e := range evals {
		packages[i] = e.Package
	}
	t.quiet = true
	t.queue(`SELECT FROM opsdb FOR SHARE`)
	old := new(replaced)
	current := t.saveStates(revision, evals, old)
	copies := t.askCopies(evals)
	if err := t.flush(); err != nil {
		return nil, err
	}
	t.changes += int64(len(current))
	var saved []opsdb.Evaluation
	for _, e := range evals {
		if version, same := current[e.Package]; same && version == e.Version {
			saved = append(saved, e)
		} else {
			left = append(left, e.Package)
		}
	}
	if len(saved) == 0 {
		return left, nil
	}
	saved = lastOfEach(saved)
	return left, errors.Join(t.saveMoves(saved, *old), t.saveCauses(saved, *old), t.saveActs(saved, *copies, revision))
}

// replaced is whether anything is there that evaluations replace.
type replaced struct{ moves, hops, waits bool }

// lastOfEach leaves out evaluations of packages that come again later.
func lastOfEach(evals []opsdb.Evaluation) (out []opsdb.Evaluation) {
	last := map[opsdb.ID]int{}
	for i, e := range evals {
		last[e.Package] = i
	}
	for i, e := range evals {
		if last[e.Package] == i {
			out = append(out, e)
		}
	}
	return out
}

// saveStates takes the packages and writes what each is evaluated at, unless
// another revision is active; with the next flush it fills in those whose version
// was the one evaluated. One that somebody holds is about to change, and is left as if it had.
func (t *tx) saveStates(revision int64, evals []opsdb.Evaluation, old *replaced) map[opsdb.ID]int64 {
	n := len(evals)
	ids, wanted, policies := make([]string, n), make([]string, n), make([]string, n)
	versions, wakes, urgent := make([]int64, n), make([]*time.Time, n), make([]bool, n)
	for i, e := range evals {
		ids[i], versions[i], wanted[i] = string(e.Package), e.Version, text(append([]string{}, e.Wanted...))
		if policies[i] = "{}"; e.Policies != nil {
			policies[i] = text(e.Policies)
		}
		if !e.WakeAt.IsZero() {
			wake := e.WakeAt.UTC().Truncate(time.Microsecond)
			wakes[i] = &wake
		}
		urgent[i] = slices.ContainsFunc(e.Moves, func(m opsdb.OpenMove) bool { return m.Class == opsdb.Repair || m.Class == opsdb.Request })
	}
	current := map[opsdb.ID]int64{}
	t.each(func(r scanner) error {
		var id opsdb.ID
		var version int64
		var is replaced
		err := r.Scan(&id, &version, &is.moves, &is.hops, &is.waits)
		current[id] = version
		old.moves, old.hops, old.waits = old.moves || is.moves, old.hops || is.hops, old.waits || is.waits
		return err
	}, `WITH mine AS MATERIALIZED (SELECT id FROM package_state WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
	  UPDATE package_state s SET evaluated = x.version, wake_at = x.wake, wanted = x.wanted, policies = x.policies, urgent = x.urgent, revision = $7
	    FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::boolean[]) x (id, version, wake, wanted, policies, urgent) JOIN mine ON mine.id = x.id
	  WHERE s.id = x.id AND s.version = x.version AND (SELECT revision FROM opsdb) = $7 RETURNING s.id, s.version,
	    EXISTS (SELECT 1 FROM open_move m WHERE m.package = s.id), EXISTS (SELECT 1 FROM hop h WHERE h.package = s.id), EXISTS (SELECT 1 FROM waiting w WHERE w.package = s.id)`, ids, versions, wakes, wanted, policies, urgent, revision)
	return current
}

func (t *tx) saveMoves(evals []opsdb.Evaluation, replaced replaced) error {
	ids := make([]string, len(evals))
	var moves []opsdb.OpenMove
	for i, e := range evals {
		ids[i] = string(e.Package)
		for _, m := range e.Moves {
			m.Package, m.Version = e.Package, e.Version
			moves = append(moves, m)
		}
	}
	if replaced.hops {
		t.queue(`DELETE FROM hop WHERE package = ANY($1::text[])`, ids)
	}
	if replaced.moves {
		t.queue(`DELETE FROM open_move WHERE package = ANY($1::text[])`, ids)
	}
	if len(moves) == 0 {
		return t.saveStatus(ids)
	}
	return errors.Join(
		t.fill("open_move", tables.MoveFields(), len(moves), func(i int) []any { return tables.MoveRow(moves[i]) }),
		t.exec(`INSERT INTO hop (package, location, bytes) SELECT package, from_loc, max(bytes) FROM open_move
		  WHERE package = ANY($1::text[]) AND type NOT IN ('verify', 'delete') GROUP BY package, from_loc`, ids),
		t.saveStatus(ids))
}

func (t *tx) saveStatus(ids []string) error {
	return t.exec(`UPDATE package_state s SET status = x.status FROM (SELECT p.key, `+packageStatus+` AS status FROM package p WHERE p.id = ANY($1::text[])) x
	  WHERE s.package = x.key AND s.status <> x.status`, ids)
}

// packageStatus is where a package stands, in a word, for the totals.
const packageStatus = `CASE
  WHEN p.quarantined <> '' AND p.files = 0 AND p.digest = '' THEN 'superseded'
  WHEN p.quarantined <> '' OR EXISTS (SELECT 1 FROM open_move m WHERE m.package = p.id AND m.verdict = 'blocked') THEN 'blocked'
  WHEN p.digest = '' THEN 'packing'
  WHEN EXISTS (SELECT 1 FROM open_move m WHERE m.package = p.id AND m.type NOT IN ('verify', 'delete')) THEN 'moving'
  WHEN EXISTS (SELECT 1 FROM copy c JOIN location l ON l.name = c.location WHERE c.package = p.id AND l.type = 'long_term_archive' AND c.state = 'present') THEN 'archived'
  ELSE 'moving' END`

func (t *tx) saveCauses(evals []opsdb.Evaluation, replaced replaced) error {
	var ids, causes, packages []string
	for _, e := range evals {
		ids = append(ids, string(e.Package))
		for _, cause := range e.Causes {
			causes, packages = append(causes, cause), append(packages, string(e.Package))
		}
	}
	if replaced.waits {
		t.queue(`DELETE FROM waiting WHERE package = ANY($1::text[])`, ids)
	}
	if len(causes) == 0 {
		return nil
	}
	return t.exec(`INSERT INTO waiting (cause, package) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (cause, package) DO NOTHING`, causes, packages)
}

// askCopies asks for the copies that acts may be about: what is named, and what is on its way out.
func (t *tx) askCopies(evals []opsdb.Evaluation) *[]opsdb.Copy {
	var ids, named []string
	for _, e := range evals {
		ids = append(ids, string(e.Package))
		named = append(append(append(named, idList(e.Condemn)...), idList(e.Pardon)...), idList(e.Lose)...)
		for _, x := range e.Press {
			named = append(named, string(x.Copy))
		}
	}
	out := new([]opsdb.Copy)
	ask(&t.view, out, tables.ScanCopy, `SELECT `+tables.CopyColumns+tables.CopyFrom+`WHERE c.package = ANY($1::text[])
	  AND (c.id = ANY($2::text[]) OR c.state IN ('deletion_possible', 'deletion_scheduled', 'deletion_failed')) ORDER BY c.id`, ids, named)
	return out
}

// saveActs condemns, pardons, loses and withdraws.
func (t *tx) saveActs(evals []opsdb.Evaluation, copies []opsdb.Copy, revision int64) error {
	pressed := map[opsdb.ID]bool{}
	for _, e := range evals {
		for _, x := range e.Press {
			pressed[x.Copy] = true
		}
	}
	of, rooms := map[opsdb.ID][]opsdb.Copy{}, map[string]bool{}
	for _, c := range copies {
		of[c.Package] = append(of[c.Package], c)
		if pressed[c.ID] {
			rooms[c.Location] = true
		}
	}
	t.takeNamed("room", "location", rooms)
	for _, e := range evals {
		if err := tables.Act(t, e, of[e.Package], revision); err != nil {
			return err
		}
	}
	return nil
}
