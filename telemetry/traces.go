package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/ccatobs/cdt/measure"
)

// The default sizes of the queues and batches of spans and log lines.
const (
	waiting = 8192
	atOnce  = 512
)

// traces makes the provider whose spans go to the collector.
func (t *Telemetry) traces(ctx context.Context, c Config, about *resource.Resource, plain *slog.Logger) error {
	if c.OTLP == "" {
		t.Traces = noop.NewTracerProvider()
		return nil
	}
	to, err := endpoint(c.OTLP, "/v1/traces")
	if err != nil {
		return err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to), otlptracehttp.WithHTTPClient(newAnswers()), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	if err != nil {
		return fmt.Errorf("begin to send spans: %w", err)
	}
	s := spans{replacer(c.Hide), newPipe("otlp_traces", c.room(waiting), atOnce, c.Timeout, plain, func(n int) { t.lost("otlp_traces", n) }, exporter.ExportSpans)}
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSpanProcessor(s), sdktrace.WithIDGenerator(ids{}), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	t.Traces = p
	t.stops = append(t.stops, exporter.Shutdown, p.Shutdown)
	return nil
}

// spans hands ended spans to a pipe. It implements [sdktrace.SpanProcessor].
type spans struct {
	secrets *strings.Replacer
	*pipe[sdktrace.ReadOnlySpan]
}

func (spans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (s spans) OnEnd(span sdktrace.ReadOnlySpan)              { s.put(newHiddenSpan(span, s.secrets)) }
func (s spans) Shutdown(ctx context.Context) error            { return s.stop(ctx) }
func (spans) ForceFlush(context.Context) error                { return nil }

// ids makes random ids, but those of a package's first span (see [measure.RootIDs]).
type ids struct{}

// NewIDs implements [sdktrace.IDGenerator].
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if t, s, ok := measure.RootIDs(ctx); ok {
		return t, s
	}
	var t trace.TraceID
	_, _ = rand.Read(t[:])
	return t, ids{}.NewSpanID(ctx, t)
}

// NewSpanID implements [sdktrace.IDGenerator].
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	var s trace.SpanID
	_, _ = rand.Read(s[:])
	return s
}
