package sqlite

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Ready implements opsdb.Planning. It reads each lane by itself, as far as limit.
func (s *Store) Ready(ctx context.Context, limit int) (moves []opsdb.OpenMove, err error) {
	err = s.read(ctx, "Ready", func(v *view) error {
		moves, err = v.ready(limit)
		return err
	})
	return moves, err
}

// lane is what can get stuck together: moves of one stage to one place over one link, of one class.
type lane struct {
	route, stage, to, link string
	class                  int64
}

func scanLane(r scanner) (l lane, err error) {
	err = r.Scan(&l.route, &l.stage, &l.to, &l.link, &l.class)
	return l, err
}

// nextLane is the first lane after another; the index is entered once for each.
const nextLane = `SELECT route, stage, to_loc, link, class FROM open_move WHERE queued = 1 AND (route, stage, to_loc, link, class) > (?, ?, ?, ?, ?)
  ORDER BY route, stage, to_loc, link, class LIMIT 1`

const laneMoves = `SELECT ` + tables.MoveColumns + ` FROM open_move m WHERE queued = 1 AND route = ? AND stage = ? AND to_loc = ? AND link = ? AND class = ?
  ORDER BY priority DESC, made_at, number, package LIMIT ?`

// lowestLeft is who may use the reserve of a place.
const lowestLeft = `SELECT ` + tables.MoveColumns + ` FROM open_move m WHERE queued = 1 AND has_left = 1 AND to_loc = ? AND type NOT IN ('verify', 'delete')
  ORDER BY number, package LIMIT 1`

// ready reads the lanes, in the order of dispatch.
func (v *view) ready(limit int) (moves []opsdb.OpenMove, err error) {
	places := map[string]bool{}
	for at := (lane{class: -1}); ; {
		next, err := query(v, scanLane, nextLane, at.route, at.stage, at.to, at.link, at.class)
		if err != nil || len(next) == 0 {
			return opsdb.InOrder(moves), err
		}
		at = next[0]
		found, err := query(v, tables.ScanMove, laneMoves, at.route, at.stage, at.to, at.link, at.class, limitOf(limit))
		if err != nil {
			return nil, err
		}
		moves = append(moves, found...)
		if limit > 0 && !places[at.to] {
			places[at.to] = true
			if moves, err = v.withLowest(moves, at.to); err != nil {
				return nil, err
			}
		}
	}
}

// withLowest adds the lowest-numbered move to a place of who has left its source site.
func (v *view) withLowest(moves []opsdb.OpenMove, to string) ([]opsdb.OpenMove, error) {
	lowest, err := query(v, tables.ScanMove, lowestLeft, to)
	return append(moves, lowest...), err
}
