package tables

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// behindTotals is what the engine, the sequencer and verification are behind with.
func behindTotals(v View, n *opsdb.Totals) error {
	n.Unverified = map[string]time.Time{}
	err := v.Rows(func(r Scanner) error {
		var place string
		var at time.Time
		err := r.Scan(&place, At(&at))
		if !at.IsZero() {
			n.Unverified[place] = at
		}
		return err
	}, `SELECT l.name, (SELECT min(c.verified_at) FROM copy c WHERE c.location = l.name AND c.state IN ('present', 'staged') AND c.verified_at IS NOT NULL)
		FROM location l WHERE l.type = 'long_term_archive'`)
	if err != nil {
		return err
	}
	if _, err := Get(v, []any{&n.Dirty}, `SELECT count(*) FROM `+v.Dialect().State+` WHERE `+v.Dialect().Dirty); err != nil {
		return err
	}
	_, err = Get(v, []any{&n.Unchained}, `SELECT count(*) FROM event WHERE `+v.Dialect().Unchained)
	return err
}
