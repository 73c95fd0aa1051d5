package check_test

import (
	"testing"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

const (
	ocean = "ccat>cologne"
	desk  = "cologne.ramses"
)

// crossed records that n bytes crossed the ocean.
func (w *world) crossed(n int64, arrived bool) {
	w.event(opsdb.EventCopySent, "copy:x", landing, opsdb.Sent{Link: ocean, Bytes: n, Arrived: arrived})
}

// TestWhatCrossesALink: once is enough; what a fault cost may come on top, and nothing else.
func TestWhatCrossesALink(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events func(w *world, size int64)
		faults int64 // in sizes
		bad    bool
	}{
		"once": {func(w *world, size int64) { w.crossed(size, true) }, 0, false},
		"twice": {func(w *world, size int64) {
			w.crossed(size, true)
			w.crossed(size, true)
		}, 0, true},
		"again after a cut": {func(w *world, size int64) {
			w.crossed(size, false)
			w.crossed(size, true)
		}, 1, false},
		"again after it was spoilt": {func(w *world, size int64) {
			w.crossed(size, true)
			w.event(opsdb.EventCopySpoilt, "copy:x", landing, nil)
			w.crossed(size, true)
		}, 1, false},
		"twice after one fault": {func(w *world, size int64) {
			w.crossed(size, true)
			w.event(opsdb.EventCopySpoilt, "copy:x", landing, nil)
			w.crossed(size, true)
			w.crossed(size, true)
		}, 1, true},
		"another place's fault": {func(w *world, size int64) {
			w.crossed(size, true)
			w.event(opsdb.EventCopySpoilt, "copy:x", "elsewhere.buffer", nil)
			w.crossed(size, true)
		}, 0, true},
		"once to be kept and once to be processed": {func(w *world, size int64) {
			w.config.Types[desk] = opsdb.Processing
			w.event(opsdb.EventCopySent, "copy:x", desk, opsdb.Sent{Link: ocean, Bytes: size, Arrived: true})
			w.crossed(size, true)
		}, 0, false},
		"twice to be processed": {func(w *world, size int64) {
			w.config.Types[desk] = opsdb.Processing
			w.event(opsdb.EventCopySent, "copy:x", desk, opsdb.Sent{Link: ocean, Bytes: size, Arrived: true})
			w.event(opsdb.EventCopySent, "copy:x", desk, opsdb.Sent{Link: ocean, Bytes: size, Arrived: true})
		}, 0, true},
		"a little more":   {func(w *world, size int64) { w.crossed(size*103/100, true) }, 0, false},
		"rather too much": {func(w *world, size int64) { w.crossed(size*104/100, true) }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.events(w, w.pkg.Size)
			w.chainEvents()
			r := w.run()
			bad := false
			for _, v := range r.Violations {
				bad = bad || v.Rule == check.Crossed
			}
			if bad != c.bad || len(r.Links) != 1 || r.Links[0].Unique != w.pkg.Size*int64(r.Links[0].Packages) || r.Links[0].Faults != c.faults*w.pkg.Size {
				t.Errorf("violations %v, links %+v", r.Violations, r.Links)
			}
		})
	}
}
