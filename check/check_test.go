package check_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ccatobs/cdt/check"
)

func TestCleanWorld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var read atomic.Int64
	w.config.Progress = func(_ string, n int64) { read.Add(n) }
	report := w.run()
	for _, v := range report.Violations {
		t.Errorf("violation in a clean world: %s", v)
	}
	if report.Files != 3 || report.SourcesDeleted != 3 || report.Archived[first] != 3 || report.Archived[second] != 3 {
		t.Errorf("report is %+v", report)
	}
	if report.CopiesLeft[summit] != 0 || report.CopiesLeft[telescope] != 0 || len(report.CopiesLeft) != 4 {
		t.Errorf("copies left: %v", report.CopiesLeft)
	}
	if report.Events != int64(len(w.db.events)) || read.Load() < 2*w.pkg.Size {
		t.Errorf("%d events checked, %d bytes read", report.Events, read.Load())
	}
}

func TestDatabaseThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"packages", "members", "files", "skips", "tasks", "totals", "events"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.db.broken[what] = errors.New("away")
			if _, err := check.Run(t.Context(), w.config); err == nil {
				t.Error("no error")
			}
		})
	}
}

// spoil is one way to break the world, and the rule that must be found broken.
type spoil struct {
	name  string
	rule  string
	spoil func(w *world)
}

// judge runs each spoilt world and looks for its rule.
func judge(t *testing.T, spoils []spoil) {
	t.Helper()
	for _, s := range spoils {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s.spoil(w)
			report := w.run()
			if !slices.ContainsFunc(report.Violations, func(v check.Violation) bool { return v.Rule == s.rule }) {
				t.Errorf("no violation of %s found; violations: %v", s.rule, report.Violations)
			}
		})
	}
}
