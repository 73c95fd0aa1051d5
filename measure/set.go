package measure

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// scope is the name under which the instruments are made.
const scope = "github.com/ccatobs/cdt"

// Set holds all instruments of a process. A nil *Set measures nothing, so
// that nobody must ask whether there is one. Its methods are quick, never
// block and may be called from several goroutines.
type Set struct {
	counters   map[string]metric.Int64Counter
	histograms map[string]metric.Float64Histogram
	gauges     map[string]metric.Float64Gauge
}

// New makes the instruments with a provider; nil: one that keeps nothing.
func New(p metric.MeterProvider) (*Set, error) {
	if p == nil {
		p = noop.NewMeterProvider()
	}
	m := p.Meter(scope)
	s := &Set{counters: map[string]metric.Int64Counter{}, histograms: map[string]metric.Float64Histogram{}, gauges: map[string]metric.Float64Gauge{}}
	for _, i := range Instruments() {
		if err := s.make(m, i); err != nil {
			return nil, fmt.Errorf("make the instrument %s: %w", i.Name, err)
		}
	}
	s.begin()
	return s, nil
}

// begin has what rarely happens, and is told of when it does, begin at zero: a series that begins with its
// first event never rises, and whoever asks for its rate does not see that event.
func (s *Set) begin() {
	ctx := context.Background()
	for _, sink := range []string{"influxdb", "otlp_traces", "otlp_logs"} {
		s.counters[lost].Add(ctx, 0, metric.WithAttributes(attribute.String(labelSink, sink)))
	}
	for _, end := range []string{"ok", "failed", "lost"} {
		s.counters[renewals].Add(ctx, 0, metric.WithAttributes(attribute.String(labelEnd, end)))
	}
	s.counters[passFailed].Add(ctx, 0)
}

func (s *Set) make(m metric.Meter, i Instrument) (err error) {
	unit, help := metric.WithUnit(i.Unit), metric.WithDescription(i.Help)
	switch i.Kind {
	case Counter:
		s.counters[i.Name], err = m.Int64Counter(i.Name, unit, help)
	case Histogram:
		s.histograms[i.Name], err = m.Float64Histogram(i.Name, unit, help, metric.WithExplicitBucketBoundaries(i.Bounds...))
	default:
		s.gauges[i.Name], err = m.Float64Gauge(i.Name, unit, help)
	}
	return err
}

func (s *Set) add(ctx context.Context, name string, n int64, labels ...attribute.KeyValue) {
	if s != nil && n > 0 {
		s.counters[name].Add(ctx, n, metric.WithAttributes(labels...))
	}
}

func (s *Set) record(ctx context.Context, name string, v float64, labels ...attribute.KeyValue) {
	if s != nil {
		s.histograms[name].Record(ctx, max(v, 0), metric.WithAttributes(labels...))
	}
}

func (s *Set) set(ctx context.Context, name string, v float64, labels ...attribute.KeyValue) {
	if s != nil {
		s.gauges[name].Record(ctx, v, metric.WithAttributes(labels...))
	}
}
