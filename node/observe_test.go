package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
)

// told is a store that says what it is told to say.
type told struct {
	opsdb.Store
	totals opsdb.Totals
	world  opsdb.World
	err    error
	chains int
}

func (s *told) Totals(context.Context) (opsdb.Totals, error) { return s.totals, s.err }
func (s *told) World(context.Context) (opsdb.World, error)   { return s.world, nil }
func (s *told) Now(context.Context) (time.Time, error)       { return s.world.Now, s.err }
func (s *told) VerifyChain(context.Context) (opsdb.Chained, error) {
	s.chains++
	return opsdb.Chained{Broken: 7}, nil
}

// gauges are the values of the gauges, by name and one label's value.
func gauges(t *testing.T, r *metric.ManualReader, label string) map[string]float64 {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			if d, ok := m.Data.(metricdata.Gauge[float64]); ok {
				for _, p := range d.DataPoints {
					v, _ := p.Attributes.Value(attribute.Key(label))
					out[m.Name+" "+v.AsString()] = p.Value
				}
			}
		}
	}
	return out
}

// What is no longer there is shown as zero, not as it was for ever.
func TestGaugesFallToZeroWhenAStateVanishes(t *testing.T) {
	t.Parallel()
	r := metric.NewManualReader()
	set, err := measure.New(metric.NewMeterProvider(metric.WithReader(r)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	s := &told{
		totals: opsdb.Totals{Packages: map[string]int{"blocked": 3}, OldestPending: now.Add(-time.Hour), Dirty: 5, Unchained: 2,
			Tasks: map[opsdb.TaskState]int{opsdb.TaskPending: 4}, Moves: map[string]map[string]int{"blocked": {"too_large": 3}},
			Unverified: map[string]time.Time{"lab.lta": now.Add(-time.Minute)}},
		world: opsdb.World{Now: now, Sites: map[string]opsdb.Site{"lab": {Down: &opsdb.Down{Reason: "breaker"}}}},
	}
	o := &observer{store: s, to: set, passed: func() time.Duration { return 2 * time.Second }, shown: map[string]func(){}, audited: -1}
	look := func(label string) map[string]float64 {
		t.Helper()
		if err := o.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		return gauges(t, r, label)
	}
	hold(t, look("state"), map[string]float64{"cdt.packages blocked": 3, "cdt.tasks pending": 4, "cdt.oldest.pending.age ": 3600, "cdt.packages.dirty ": 5,
		"cdt.audit.unchained ": 2, "cdt.audit.broken ": 1, "cdt.engine.pass.age ": 2})
	hold(t, look("reason"), map[string]float64{"cdt.moves too_large": 3, "cdt.down breaker": 1})
	s.totals, s.world.Sites = opsdb.Totals{Packages: map[string]int{"archived": 3}}, map[string]opsdb.Site{"lab": {}}
	hold(t, look("state"), map[string]float64{"cdt.packages blocked": 0, "cdt.packages archived": 3, "cdt.tasks pending": 0, "cdt.oldest.pending.age ": 0, "cdt.packages.dirty ": 0})
	hold(t, look("reason"), map[string]float64{"cdt.moves too_large": 0, "cdt.down breaker": 0, "cdt.down ": 0})
	hold(t, look("location"), map[string]float64{"cdt.oldest.unverified.age lab.lta": 0})
	if s.chains != 1 {
		t.Errorf("the whole audit log was read %d times within %s", s.chains, auditEvery)
	}
	s.err = errors.New("away")
	if err := o.look(t.Context()); !errors.Is(err, s.err) {
		t.Errorf("a database that is away: %v", err)
	}
}

func hold(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, n := range want {
		if v, ok := got[name]; !ok || v != n {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, n)
		}
	}
}
