package postgres

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// Totals implements opsdb.Reading. It reads counters, never the rows they
// count, and fails with opsdb.ErrInvariant if what was registered at a location
// is not the sum over the states (S12).
func (s *Store) Totals(ctx context.Context) (n opsdb.Totals, err error) {
	err = s.read(ctx, "Totals", func(v *view) error {
		n = opsdb.Totals{Files: map[string]map[opsdb.CopyState]opsdb.Sum{}, Copies: map[string]map[opsdb.CopyState]opsdb.Sum{},
			Packages: map[string]int{}, Tasks: map[opsdb.TaskState]int{}, Moves: map[string]map[string]int{}}
		for _, read := range []func(*opsdb.Totals) error{v.fileTotals, v.copyTotals, v.packageTotals, v.taskTotals, v.moveTotals, v.pendingTotals, v.behindTotals} {
			if err := read(&n); err != nil {
				return err
			}
		}
		return v.balanced(n.Files)
	})
	return n, err
}

func (v *view) fileTotals(n *opsdb.Totals) error {
	_, err := query(v, func(r scanner) (none, error) {
		var place string
		var state opsdb.CopyState
		var kind string
		var s opsdb.Sum
		err := r.Scan(&kind, &place, &state, &s.Count, &s.Bytes)
		if kind == "homeless" {
			n.Unrouted = plus(n.Unrouted, s)
		} else {
			add(n.Files, place, state, s)
		}
		return none{}, err
	}, `SELECT kind, a, b, count, bytes FROM tally_now WHERE kind IN ('file', 'homeless') AND (count <> 0 OR bytes <> 0)`)
	return err
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

func (v *view) copyTotals(n *opsdb.Totals) error {
	_, err := query(v, func(r scanner) (none, error) {
		var place string
		var state opsdb.CopyState
		var s opsdb.Sum
		err := r.Scan(&place, &state, &s.Count, &s.Bytes)
		add(n.Copies, place, state, s)
		return none{}, err
	}, `SELECT a, b, count, bytes FROM tally_now WHERE kind = 'copy' AND count <> 0`)
	return err
}

func (v *view) packageTotals(n *opsdb.Totals) error {
	_, err := query(v, func(r scanner) (none, error) {
		var status string
		var count int
		err := r.Scan(&status, &count)
		n.Packages[status] = count
		return none{}, err
	}, `SELECT a, count FROM tally_now WHERE kind = 'package' AND count <> 0`)
	return err
}

func (v *view) taskTotals(n *opsdb.Totals) error {
	_, err := query(v, func(r scanner) (none, error) {
		var state opsdb.TaskState
		var count int
		err := r.Scan(&state, &count)
		n.Tasks[state] = count
		return none{}, err
	}, `SELECT a, count FROM tally_now WHERE kind = 'task' AND count <> 0`)
	return err
}

func (v *view) moveTotals(n *opsdb.Totals) error {
	_, err := query(v, func(r scanner) (none, error) {
		var verdict, reason string
		var count int
		err := r.Scan(&verdict, &reason, &count)
		if n.Moves[verdict] == nil {
			n.Moves[verdict] = map[string]int{}
		}
		n.Moves[verdict][reason] = count
		return none{}, err
	}, `SELECT a, b, count FROM tally_now WHERE kind = 'move' AND count <> 0`)
	return err
}

// The filing times of the oldest file of each kind that is not in every archive.
const (
	oldestUnrouted = `SELECT min(filed_at) FROM file WHERE NOT routed AND state = 'present'`
	oldestGrouped  = `SELECT min(first_filed) FROM file_group WHERE NOT closed AND files > 0`
	oldestPackage  = `SELECT min(first_filed) FROM package_state WHERE status <> 'archived'`
)

func (v *view) pendingTotals(n *opsdb.Totals) error {
	if _, err := v.get([]any{&n.Grouped.Count, &n.Grouped.Bytes}, `SELECT coalesce(sum(files), 0)::bigint, coalesce(sum(bytes), 0)::bigint FROM file_group WHERE NOT closed`); err != nil {
		return err
	}
	var err error
	n.OldestPending, err = v.earliest(oldestUnrouted, oldestGrouped, oldestPackage)
	return err
}

// balanced is S12: the registered bytes are the sum over known states.
func (v *view) balanced(files map[string]map[opsdb.CopyState]opsdb.Sum) error {
	_, err := query(v, func(r scanner) (none, error) {
		var place string
		var want, sum opsdb.Sum
		if err := r.Scan(&place, &want.Count, &want.Bytes); err != nil {
			return none{}, err
		}
		for _, s := range files[place] {
			sum = plus(sum, s)
		}
		if sum != want {
			return none{}, fmt.Errorf("%w: S12: %d files, %d bytes were registered at %s, the states add up to %d files, %d bytes",
				opsdb.ErrInvariant, want.Count, want.Bytes, place, sum.Count, sum.Bytes)
		}
		return none{}, nil
	}, `SELECT a, count, bytes FROM tally_now WHERE kind = 'registered'`)
	return err
}
