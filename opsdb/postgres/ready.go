package postgres

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

// lanes are what can get stuck together: moves of one stage to one place over
// one link, of one class. The index is entered once for each.
const lanes = `WITH RECURSIVE lane AS (
    (SELECT route, stage, to_loc, link, class FROM open_move WHERE queued ORDER BY route, stage, to_loc, link, class LIMIT 1)
  UNION ALL
    SELECT n.* FROM lane l CROSS JOIN LATERAL (SELECT route, stage, to_loc, link, class FROM open_move
      WHERE queued AND (route, stage, to_loc, link, class) > (l.route, l.stage, l.to_loc, l.link, l.class) ORDER BY route, stage, to_loc, link, class LIMIT 1) n)`

// inLanes are the first moves of each lane, and for each place the
// lowest-numbered one that has left its source site: it may use the reserve.
const inLanes = lanes + ` SELECT ` + tables.MoveColumns + ` FROM lane l CROSS JOIN LATERAL (SELECT * FROM open_move o
    WHERE o.queued AND o.route = l.route AND o.stage = l.stage AND o.to_loc = l.to_loc AND o.link = l.link AND o.class = l.class
    ORDER BY o.priority DESC, o.made_at, o.number, o.package LIMIT $1) m
  UNION ALL SELECT ` + tables.MoveColumns + ` FROM (SELECT DISTINCT to_loc FROM lane) l CROSS JOIN LATERAL (SELECT * FROM open_move o
    WHERE o.queued AND o.has_left AND o.to_loc = l.to_loc AND o.type NOT IN ('verify', 'delete') ORDER BY o.number, o.package LIMIT 1) m`

// ready reads the lanes, in the order of dispatch.
func (v *view) ready(limit int) (moves []opsdb.OpenMove, err error) {
	ask(v, &moves, tables.ScanMove, inLanes, limitOf(limit))
	if err := v.flush(); err != nil {
		return nil, err
	}
	return opsdb.InOrder(moves), nil
}
