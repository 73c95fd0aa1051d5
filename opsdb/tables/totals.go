package tables

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// Totals implements opsdb.Reading. It reads counters, never the rows they
// count, and fails with opsdb.ErrInvariant if what was registered at a location
// is not the sum over the states (S12).
func (s Store) Totals(ctx context.Context) (n opsdb.Totals, err error) {
	err = s.read(ctx, "Totals", func(v View) error {
		n = opsdb.Totals{Files: map[string]map[opsdb.CopyState]opsdb.Sum{}, Copies: map[string]map[opsdb.CopyState]opsdb.Sum{},
			Packages: map[string]int{}, Tasks: map[opsdb.TaskState]int{}, Moves: map[string]map[string]int{}}
		for _, read := range []func(View, *opsdb.Totals) error{fileTotals, copyTotals, packageTotals, taskTotals, moveTotals, pendingTotals, behindTotals} {
			if err := read(v, &n); err != nil {
				return err
			}
		}
		return balanced(v, n.Files)
	})
	return n, err
}

func fileTotals(v View, n *opsdb.Totals) error {
	if _, err := Get(v, []any{&n.Unrouted.Count, &n.Unrouted.Bytes}, v.Dialect().Counted.Unrouted); err != nil {
		return err
	}
	return sums(v, n.Files, v.Dialect().Counted.Files)
}

func copyTotals(v View, n *opsdb.Totals) error {
	return sums(v, n.Copies, v.Dialect().Counted.Copies)
}

// sums reads places, states, counts and bytes.
func sums(v View, into map[string]map[opsdb.CopyState]opsdb.Sum, sql string) error {
	return v.Rows(func(r Scanner) error {
		var place string
		var state opsdb.CopyState
		var s opsdb.Sum
		err := r.Scan(&place, &state, &s.Count, &s.Bytes)
		if s != (opsdb.Sum{}) {
			add(into, place, state, s)
		}
		return err
	}, sql)
}

func plus(a, b opsdb.Sum) opsdb.Sum {
	return opsdb.Sum{Count: a.Count + b.Count, Bytes: a.Bytes + b.Bytes}
}

func add(m map[string]map[opsdb.CopyState]opsdb.Sum, place string, state opsdb.CopyState, s opsdb.Sum) {
	if m[place] == nil {
		m[place] = map[opsdb.CopyState]opsdb.Sum{}
	}
	m[place][state] = plus(m[place][state], s)
}

func packageTotals(v View, n *opsdb.Totals) error {
	return v.Rows(func(r Scanner) error {
		var status string
		var count int
		err := r.Scan(&status, &count)
		if count != 0 {
			n.Packages[status] = count
		}
		return err
	}, v.Dialect().Counted.Packages)
}

func taskTotals(v View, n *opsdb.Totals) error {
	return v.Rows(func(r Scanner) error {
		var state opsdb.TaskState
		var count int
		err := r.Scan(&state, &count)
		if count != 0 {
			n.Tasks[state] = count
		}
		return err
	}, v.Dialect().Counted.Tasks)
}

func moveTotals(v View, n *opsdb.Totals) error {
	return v.Rows(func(r Scanner) error {
		var verdict, reason string
		var count int
		err := r.Scan(&verdict, &reason, &count)
		if err != nil || count == 0 {
			return err
		}
		if n.Moves[verdict] == nil {
			n.Moves[verdict] = map[string]int{}
		}
		n.Moves[verdict][reason] = count
		return err
	}, v.Dialect().Counted.Moves)
}

func pendingTotals(v View, n *opsdb.Totals) error {
	d := v.Dialect()
	if _, err := Get(v, []any{&n.Grouped.Count, &n.Grouped.Bytes}, `SELECT CAST(coalesce(sum(files), 0) AS bigint), CAST(coalesce(sum(bytes), 0) AS bigint) FROM file_group WHERE closed = `+d.No); err != nil {
		return err
	}
	var err error
	// The filing times of the oldest file of each kind that is not in every archive.
	n.OldestPending, err = Earliest(v, `SELECT min(filed_at) FROM file WHERE routed = `+d.No+` AND state = 'present'`,
		`SELECT min(first_filed) FROM file_group WHERE closed = `+d.No+` AND files > 0`,
		`SELECT min(s.first_filed) FROM `+d.State+` s WHERE s.status <> 'archived' AND s.status <> 'superseded' AND NOT (s.status = 'blocked' AND `+atRest+`)`)
	return err
}

// atRest holds for a row s of State that is archived and not on its way anywhere: what is blocked there is its deletion, or a
// re-read, and its quarantine is about its source files.
const atRest = `NOT EXISTS (SELECT 1 FROM open_move m WHERE m.package = s.id AND m.type NOT IN ('verify', 'delete'))
  AND EXISTS (SELECT 1 FROM copy c JOIN location l ON l.name = c.location WHERE c.package = s.id AND l.type = 'long_term_archive' AND c.state = 'present')`

// balanced is S12: the registered bytes are the sum over known states.
func balanced(v View, files map[string]map[opsdb.CopyState]opsdb.Sum) error {
	return v.Rows(func(r Scanner) error {
		var place string
		var want, sum opsdb.Sum
		if err := r.Scan(&place, &want.Count, &want.Bytes); err != nil {
			return err
		}
		for _, s := range files[place] {
			sum = plus(sum, s)
		}
		if sum != want {
			return fmt.Errorf("%w: S12: %d files, %d bytes were registered at %s, the states add up to %d files, %d bytes",
				opsdb.ErrInvariant, want.Count, want.Bytes, place, sum.Count, sum.Bytes)
		}
		return nil
	}, v.Dialect().Counted.Registered)
}
