package opsdbtest

import (
	"maps"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// balancedBehind recomputes what engine, sequencer and verification are behind with.
func (d *desk) balancedBehind(totals opsdb.Totals, w opsdb.World, facts []opsdb.Facts) {
	d.Helper()
	unread, dirty, unchained := map[string]time.Time{}, 0, 0
	for _, f := range facts {
		if f.Package.Version > f.Package.Evaluated {
			dirty++
		}
		for _, c := range f.Copies {
			if w.Locations[c.Location].Type != opsdb.Archive || c.State != opsdb.Present && c.State != opsdb.Staged {
				continue
			}
			if at, ok := unread[c.Location]; !ok || c.VerifiedAt.Before(at) {
				unread[c.Location] = c.VerifiedAt
			}
		}
	}
	for e, err := range d.store.Events(d.Context(), 0) {
		d.check(err)
		if e.Seq == 0 {
			unchained++
		}
	}
	if !maps.EqualFunc(totals.Unverified, unread, time.Time.Equal) {
		d.Errorf("unverified: counted %v, they are %v", totals.Unverified, unread)
	}
	if totals.Dirty != dirty || totals.Unchained != unchained {
		d.Errorf("counted %d dirty and %d unchained, they are %d and %d", totals.Dirty, totals.Unchained, dirty, unchained)
	}
}
