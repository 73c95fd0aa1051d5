package postgres

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// behindTotals is what the engine, the sequencer and verification are behind with.
func (v *view) behindTotals(n *opsdb.Totals) error {
	n.Unverified = map[string]time.Time{}
	_, err := query(v, func(r scanner) (none, error) {
		var place string
		var at *time.Time
		err := r.Scan(&place, &at)
		if at != nil {
			n.Unverified[place] = timeOf(at)
		}
		return none{}, err
	}, `SELECT l.name, (SELECT min(c.verified_at) FROM copy c WHERE c.location = l.name AND c.state IN ('present', 'staged') AND c.verified_at IS NOT NULL)
		FROM location l WHERE l.type = 'long_term_archive'`)
	if err != nil {
		return err
	}
	if _, err := v.get([]any{&n.Dirty}, `SELECT count(*) FROM package_state WHERE dirty`); err != nil {
		return err
	}
	_, err = v.get([]any{&n.Unchained}, `SELECT count(*) FROM event WHERE seq IS NULL`)
	return err
}
