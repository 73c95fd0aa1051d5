package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// answer is what one look at a location said.
type answer struct {
	free, total int64
	marker      opsdb.ID
	err         error
}

// check looks at a location, waiting no longer than the timeout: a dead mount
// answers nobody. While such a look hangs no other one is begun.
func (w *Watch) check(ctx context.Context, location string) opsdb.LocationReport {
	report := opsdb.LocationReport{Location: location, Free: -1}
	if !w.begin(location) {
		report.Down = &opsdb.Down{Reason: "offline", Text: "the storage still does not answer"}
		return report
	}
	limited, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	answered := make(chan answer, 1)
	go func() {
		defer cancel()
		var a answer
		a.free, a.total, a.marker, a.err = w.checker.Check(limited, location)
		w.end(location)
		answered <- a
	}()
	// A little longer than the check's own limit, so that its own words come first.
	late := time.NewTimer(w.cfg.Timeout + time.Second)
	defer late.Stop()
	select {
	case a := <-answered:
		return w.read(ctx, report, a)
	case <-late.C:
		report.Down = &opsdb.Down{Reason: "offline", Text: fmt.Sprintf("the storage does not answer within %s", w.cfg.Timeout)}
	case <-ctx.Done():
	}
	return report
}

// read makes a report of an answer.
func (w *Watch) read(ctx context.Context, r opsdb.LocationReport, a answer) opsdb.LocationReport {
	if a.err != nil {
		f := stages.FailureOf(a.err)
		r.Down = &opsdb.Down{Reason: or(f.Reason, "offline"), Text: f.Text}
		return r
	}
	r.Free, r.Total = a.free, a.total
	r.Down = w.foreign(ctx, r.Location, a.marker)
	return r
}

// foreign compares the marker with the one OpsDB knows for the location (S9).
func (w *Watch) foreign(ctx context.Context, location string, marker opsdb.ID) *opsdb.Down {
	if w.cfg.Marker == nil {
		return nil
	}
	known, err := w.cfg.Marker(ctx, location)
	switch {
	case err != nil || known == "" || known == marker:
		return nil // unreadable is not foreign: OpsDB gets no report while it is away
	default:
		return &opsdb.Down{Reason: "foreign", Text: fmt.Sprintf("the marker says %s, OpsDB knows %s as %s", marker, location, known)}
	}
}

func (w *Watch) begin(location string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hangs[location] {
		return false
	}
	w.hangs[location] = true
	return true
}

func (w *Watch) end(location string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.hangs, location)
}
