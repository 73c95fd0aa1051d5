package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// watched is a worker's configuration, and what it measures and traces.
func watched(t *testing.T) (worker.Config, *metric.ManualReader, *tracetest.SpanRecorder) {
	t.Helper()
	r, spans := metric.NewManualReader(), tracetest.NewSpanRecorder()
	set, err := measure.New(metric.NewMeterProvider(metric.WithReader(r)))
	if err != nil {
		t.Fatal(err)
	}
	return worker.Config{Measure: set, Tracer: measure.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))}, r, spans
}

// figures are sums, last values and the numbers of recordings, as "name label=value …".
func figures(t *testing.T, r *metric.ManualReader) map[string]float64 {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	keep := func(name string, s attribute.Set, v float64) {
		for _, kv := range s.ToSlice() {
			if text := kv.Value.String(); text != "" {
				name += " " + string(kv.Key) + "=" + text
			}
		}
		out[name] = v
	}
	for _, scope := range got.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					keep(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					keep(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					keep(m.Name, p.Attributes, p.Sum)
				}
			}
		}
	}
	return out
}

// An attempt is measured from its claim to its end: what it waited for, how long it took, what went through, and how it ended.
func TestAttemptsAreMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, r, spans := watched(t)
		var fails bool
		s := newShop(cfg, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			w.Phase("moving", 40)
			if err := moves(ctx, w, time.Second, 40); err != nil {
				return opsdb.Outcome{}, err
			}
			sent := &opsdb.Sent{Link: "ccat>cologne", Bytes: 40, Kept: 2, Arrived: !fails}
			if fails {
				return opsdb.Outcome{Sent: sent}, errors.New("cut")
			}
			return opsdb.Outcome{Sent: sent}, nil
		}, moving)
		at := time.Unix(1_700_000_000, 0)
		task := s.desk.add(func(k *opsdb.Task) {
			k.Route, k.Stage, k.Bytes = "raw", "ship", 500
			k.Waits, k.UpdatedAt = opsdb.Waits("").At("window", at).At(opsdb.ForClaim, at.Add(time.Hour)), at.Add(time.Hour+2*time.Second)
		})
		s.do(t, task.ID)
		fails = true
		other := s.desk.add(func(k *opsdb.Task) { k.Route, k.Stage, k.Bytes = "raw", "ship", 500 })
		s.do(t, other.ID)
		got := figures(t, r)
		const of = " link=ccat>cologne piece=whole route=raw stage=ship to=cologne.buffer type=scripted"
		for name, want := range map[string]float64{
			"cdt.gate.waited reason=window type=scripted": 3600, "cdt.task.waited site=cologne type=scripted": 2, "cdt.task.running type=scripted": 0,
			"cdt.task.ended end=finished" + of: 1, "cdt.task.ended end=failed failure=transient" + of: 1,
			"cdt.task.duration end=finished" + of: 40, "cdt.task.bytes" + of: 500,
			"cdt.moved link=ccat>cologne phase=moving to=cologne.buffer type=scripted": 80,
			"cdt.link.crossed link=ccat>cologne what=arrived":                          40, "cdt.link.crossed link=ccat>cologne what=lost": 40, "cdt.link.crossed link=ccat>cologne what=kept": 4,
			"cdt.lease.renewals end=ok": 4,
		} {
			if n, is := got[name]; !is || n != want {
				t.Errorf("%s is %v, want %v", name, n, want)
			}
		}
		if t.Failed() {
			t.Log(got)
		}
		ended := spans.Ended()
		if len(ended) != 2 || ended[0].Status().Code == codes.Error || ended[1].Status().Code != codes.Error || !strings.Contains(ended[1].Status().Description, "cut") {
			t.Fatalf("spans: %+v", ended)
		}
		want := map[attribute.Key]any{"cdt.waited.window": 3600.0, "cdt.waited.dispatched": 2.0, "cdt.attempt": int64(1), "cdt.stage": "ship", "cdt.site": "cologne", "cdt.worker": "w1", "cdt.end": "finished", "cdt.package": string(task.Package)}
		for _, kv := range ended[0].Attributes() {
			if v, asked := want[kv.Key]; asked && kv.Value.AsInterface() == v {
				delete(want, kv.Key)
			}
		}
		if len(want) > 0 {
			t.Errorf("the span has no %v: %v", want, ended[0].Attributes())
		}
	})
}

// A worker says how long OpsDB has not taken a sign of life, and counts renewals that failed or came too late.
func TestRenewalsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, r, _ := watched(t)
		s := newShop(cfg, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			w.Phase("moving", 100)
			return opsdb.Outcome{}, moves(ctx, w, time.Second, 100)
		}, moving)
		if s.Spoken() >= 0 {
			t.Errorf("it spoke %s ago, and never did", s.Spoken())
		}
		task := s.desk.add(nil)
		done := make(chan error)
		go func() {
			_, err := s.RunTask(t.Context(), task.ID)
			done <- err
		}()
		time.Sleep(16 * time.Second) // of the bubble
		if s.Spoken() != time.Second {
			t.Errorf("after the first renewal it spoke %s ago", s.Spoken())
		}
		s.desk.set(func(d *desk) { d.away = true })
		time.Sleep(30 * time.Second)
		if s.Spoken() != 31*time.Second {
			t.Errorf("with OpsDB away it spoke %s ago", s.Spoken())
		}
		s.desk.set(func(d *desk) { d.away = false; d.tasks[task.ID].Token++ }) // somebody else has it now
		if err := <-done; err != nil {
			t.Errorf("a run that lost its lease: %v", err)
		}
		got := figures(t, r)
		for name, want := range map[string]float64{"cdt.lease.renewals end=ok": 1, "cdt.lease.renewals end=failed": 2, "cdt.lease.renewals end=lost": 1} {
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
	})
}
