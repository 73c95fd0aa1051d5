package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
)

// An engine that stood still, or was cut off from OpsDB, while another one ticked: nobody's clock has jumped (S7, E4).
func TestAnEngineThatStoodStill(t *testing.T) {
	t.Parallel()
	c, path := clock.NewVirtual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), filepath.Join(t.TempDir(), "cdt.db")
	var engines [2]*Store
	for i := range engines {
		s, err := Open(t.Context(), path, Options{Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		engines[i] = s
	}
	tick := func(engine int, passed time.Duration) {
		t.Helper()
		if err := engines[engine].Tick(t.Context(), passed, false); err != nil {
			t.Fatal(err)
		}
	}
	tick(0, 0)
	tick(1, 0)
	for range 60 {
		c.Advance(time.Minute)
		tick(0, time.Minute)
	}
	tick(1, time.Hour)
	w, err := engines[1].World(t.Context())
	if err != nil || w.TimeSuspect || !w.Observed.Equal(c.Now()) {
		t.Fatalf("suspect %v, observed %s at %s: %v", w.TimeSuspect, w.Observed, c.Now(), err)
	}
	c.Advance(time.Hour) // nobody saw it pass
	tick(1, time.Minute)
	if w, err := engines[0].World(t.Context()); err != nil || !w.TimeSuspect {
		t.Fatalf("the clock jumped and is not suspect: %v", err)
	}
}
