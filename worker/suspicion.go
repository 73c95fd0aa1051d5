package worker

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
)

// suspicion is a failure that blamed the location. A small probe may pass
// where a package found no room: then the location is full until need bytes
// are free. And one that is suspected again soon after it seemed well must
// seem well for ever longer before it is believed.
type suspicion struct {
	down  opsdb.Down
	need  int64
	looks int // that found it well and are still to be made
}

// How looks are counted: a suspicion soon after another one doubles them, up to
// mostLooks; after calmLooks without one they begin anew.
const (
	mostLooks = 32
	calmLooks = 8
)

// Suspect is told of a failure that blames a location: the location is
// reported as down at once, and looked at again until need bytes are free
// there (full) or a look finds it well.
func (w *Watch) Suspect(ctx context.Context, location string, f opsdb.Failure, need int64) {
	down := opsdb.Down{Reason: or(f.Reason, "breaker"), Text: f.Text}
	w.mu.Lock()
	s := w.sight(location)
	if s.suspect == nil {
		s.doubts = min(max(2*s.doubts, 1), mostLooks)
	}
	s.suspect = &suspicion{down: down, need: need, looks: s.doubts}
	report := s.last
	if !s.reported {
		report = opsdb.LocationReport{Free: -1}
	}
	w.mu.Unlock()
	report.Location, report.Down = location, w.since(location, &down)
	if err := w.reporter.Report(ctx, report); err != nil {
		w.cfg.Log.WarnContext(ctx, "location not reported", "location", location, "error", err)
	}
	w.mu.Lock()
	s.reported, s.last = true, report
	w.mu.Unlock()
	select {
	case w.nudge <- struct{}{}:
	default:
	}
}

// doubt keeps a suspicion up against a look that found nothing wrong.
func (w *Watch) doubt(location string, r opsdb.LocationReport) *opsdb.Down {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sight(location)
	if r.Down != nil {
		return r.Down
	}
	if s.suspect == nil {
		if s.calm++; s.calm >= calmLooks {
			s.doubts = 0
		}
		return nil
	}
	s.suspect.looks--
	full := s.suspect.down.Reason == "full" && r.Free >= 0 && r.Free < s.suspect.need
	if full || s.suspect.looks > 0 {
		down := s.suspect.down
		return &down
	}
	s.suspect, s.calm = nil, 0
	return nil
}
