package measure

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// everything calls every method of a set once.
func everything(ctx context.Context, s *Set) {
	task := Task{Type: "transfer", Route: "raw", Stage: "ship", To: "cologne.buffer", Link: "ccat>cologne", Piece: "send"}
	s.Ended(ctx, task, "finished", "", time.Second, 10)
	s.Running(ctx, "transfer", 1)
	s.Claimed(ctx, "transfer", "ccat", time.Second)
	s.Waited(ctx, "transfer", "window", time.Hour)
	s.Moved(ctx, task, "moving", 10)
	s.Crossed(ctx, "ccat>cologne", 10, 1, true)
	s.JournalWaiting(ctx, 1)
	s.Renewed(ctx, "ok")
	s.Archived(ctx, "raw", "cologne.lta", time.Hour)
	s.Lost(ctx, "influxdb", 1)
	s.Pass(ctx, time.Second, Did{1, 1, 1, 1, 1, 1}, true)
	s.PassAge(ctx, time.Second)
	s.Files(ctx, "ccat.primecam", "present", Count{1, 10})
	s.Copies(ctx, "ccat.buffer", "present", Count{1, 10})
	s.Packages(ctx, "moving", 1)
	s.Dirty(ctx, 1)
	s.Tasks(ctx, "pending", 1)
	s.Moves(ctx, "waiting", "slot", 1)
	s.OldestPending(ctx, time.Hour)
	s.OldestUnverified(ctx, "cologne.lta", time.Hour)
	s.Location(ctx, "ccat.buffer", Room{1, 1, 1, 1, 1})
	s.Down(ctx, "link", "ccat>cologne", "breaker", true)
	s.Link(ctx, "ccat>cologne", 10, 1)
	s.Time(ctx, true, time.Second)
	s.Restored(ctx, true)
	s.Audit(ctx, 1, true)
}

// TestEveryInstrumentIsUsedAsListed collects what all methods write and holds
// it against the list: no instrument without a method, and exactly its labels.
func TestEveryInstrumentIsUsedAsListed(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	s, err := New(metric.NewMeterProvider(metric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	everything(t.Context(), s)
	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	seen := map[string]metricdata.Metrics{}
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			seen[m.Name] = m
		}
	}
	for _, want := range Instruments() {
		m, ok := seen[want.Name]
		if !ok {
			t.Errorf("%s: nothing writes it", want.Name)
			continue
		}
		if m.Unit != want.Unit || m.Description != want.Help {
			t.Errorf("%s: unit %q and help %q, want %q and %q", want.Name, m.Unit, m.Description, want.Unit, want.Help)
		}
		labels := slices.Sorted(slices.Values(want.Labels))
		for _, set := range sets(t, want, m.Data) {
			if got := keys(set); !slices.Equal(got, labels) {
				t.Errorf("%s: labels %q, want %q", want.Name, got, labels)
			}
		}
	}
	if len(seen) != len(Instruments()) {
		t.Errorf("%d instruments were written, %d are listed", len(seen), len(Instruments()))
	}
}

func sets(t *testing.T, i Instrument, data metricdata.Aggregation) []attribute.Set {
	t.Helper()
	var out []attribute.Set
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			out = append(out, p.Attributes)
		}
	case metricdata.Gauge[float64]:
		for _, p := range d.DataPoints {
			out = append(out, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			if !slices.Equal(p.Bounds, i.Bounds) {
				t.Errorf("%s: bounds %v, want %v", i.Name, p.Bounds, i.Bounds)
			}
			out = append(out, p.Attributes)
		}
	default:
		t.Errorf("%s: unexpected %T", i.Name, data)
	}
	return out
}

func keys(s attribute.Set) []string {
	var out []string
	for _, kv := range s.ToSlice() {
		out = append(out, string(kv.Key))
	}
	slices.Sort(out)
	return out
}

func TestNothingIsMeasuredWithoutASet(t *testing.T) {
	t.Parallel()
	everything(t.Context(), nil)
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	everything(t.Context(), s)
}

func TestTraceOfAPackage(t *testing.T) {
	t.Parallel()
	a, ok := TraceOf("0192f3a4-5b6c-7d8e-9fab-0123456789ab")
	if !ok || a.TraceID().String() != "0192f3a45b6c7d8e9fab0123456789ab" || !a.SpanID().IsValid() || !a.IsSampled() {
		t.Errorf("trace %s span %s, %v", a.TraceID(), a.SpanID(), ok)
	}
	if b, _ := TraceOf("0192f3a4-5b6c-7d8e-9fab-0123456789ab"); !a.Equal(b) {
		t.Error("the trace of a package differs from time to time")
	}
	for _, bad := range []string{"", "package", "0192f3a4-5b6c-7d8e-9fab-0123456789", "00000000-0000-0000-0000-000000000000"} {
		if _, ok := TraceOf(bad); ok {
			t.Errorf("%q has a trace", bad)
		}
	}
}
