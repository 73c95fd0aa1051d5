package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/measure"
)

// A round is measured by what it took and did; one that failed is counted, one that had no routes or was stopped is none.
func TestRoundsAreMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := metric.NewManualReader()
		set, err := measure.New(metric.NewMeterProvider(metric.WithReader(reader)))
		if err != nil {
			t.Fatal(err)
		}
		e := New(Config{Clock: clock.System{}, Measure: set})
		if e.Passed() >= 0 || e.Sweep() != 30*time.Second {
			t.Errorf("passed %s ago, sweeps every %s", e.Passed(), e.Sweep())
		}
		round := func(ctx context.Context, did Progress, err error) {
			t.Helper()
			got, failed := e.measured(ctx, func(context.Context) (Progress, error) {
				time.Sleep(2 * time.Second) // of the bubble
				return did, err
			})
			if got != did || !errors.Is(failed, err) {
				t.Errorf("a round that did %+v, %v came out as %+v, %v", did, err, got, failed)
			}
		}
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		round(t.Context(), Progress{Routed: 1, Evaluated: 3, Dispatched: 2}, nil)
		round(t.Context(), Progress{Chained: 5}, errors.New("connection refused"))
		round(t.Context(), Progress{}, ErrNotActive)
		round(stopped, Progress{}, context.Canceled)
		e.wentWell()
		time.Sleep(7 * time.Second)
		if e.Passed() != 7*time.Second {
			t.Errorf("passed %s ago, want 7 s", e.Passed())
		}
		rounds, seconds, failed, did := rounds(t, reader)
		if rounds != 2 || seconds != 4 || failed != 1 || did["routed"] != 1 || did["evaluated"] != 3 || did["dispatched"] != 2 || did["chained"] != 5 {
			t.Errorf("%d rounds of %v s, %d failed, and did %v", rounds, seconds, failed, did)
		}
	})
}

func rounds(t *testing.T, reader *metric.ManualReader) (n uint64, seconds float64, failed int64, did map[string]int64) {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	did = map[string]int64{}
	for _, m := range got.ScopeMetrics[0].Metrics {
		switch d := m.Data.(type) {
		case metricdata.Histogram[float64]:
			n, seconds = d.DataPoints[0].Count, d.DataPoints[0].Sum
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				if what, is := p.Attributes.Value("what"); is {
					did[what.AsString()] = p.Value
				} else {
					failed = p.Value
				}
			}
		}
	}
	return n, seconds, failed, did
}
