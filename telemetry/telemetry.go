// Package telemetry brings what a process measures, traces and logs to those
// who look at it: metrics to Prometheus (which fetches them) and InfluxDB,
// spans and logs by OTLP to a collector, logs as JSON lines to a writer.
//
// It never stands in the way of data: what cannot be delivered waits in a
// queue of bounded size, then is thrown away and counted ([Telemetry.Lost]). That a
// receiver does not answer is said once, and once more when it answers again.
//
// Only cmd imports it; everybody else speaks to the interfaces of
// OpenTelemetry and slog. It imports nothing of ours but measure.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/ccatobs/cdt/measure"
)

// Config says where everything goes. Zero fields take the value named.
type Config struct {
	Service  string // "cdt-engine", "cdt-worker": service.name
	Instance string // identity of the process: service.instance.id
	Version  string
	Sites    []string // whose work the process does

	// Out gets the logs as JSON, one event a line; os.Stderr.
	Out   io.Writer
	Level slog.Level // info
	// Hide are texts that must not appear in any log or span: passwords. Those shorter than four bytes are left alone.
	Hide []string

	// OTLP is the address of a collector, http://host:4318; empty: spans and logs are sent nowhere.
	OTLP string
	// Influx is where metrics are pushed; a zero one: nowhere.
	Influx Influx

	Interval time.Duration // between two pushes of metrics; 10 s
	Timeout  time.Duration // of one delivery; 10 s
	Queue    int           // spans, log lines or batches of points that may wait; 8,192, 8,192 and 64
}

// Telemetry is what a process has for measuring, tracing and logging.
type Telemetry struct {
	Metrics metric.MeterProvider
	Traces  trace.TracerProvider
	Log     *slog.Logger
	// Handler serves the metrics to Prometheus: GET /metrics.
	Handler http.Handler

	set   *measure.Set
	begun chan struct{} // closed once set is there, or cannot be made
	stops []func(context.Context) error
}

// Measure is the process's set of instruments.
func (t *Telemetry) Measure() *measure.Set { return t.set }

// Tracer makes the process's spans.
func (t *Telemetry) Tracer() *measure.Tracer { return measure.NewTracer(t.Traces) }

// Start begins. A receiver that is away is no error; an address that is none is.
func Start(ctx context.Context, c Config) (*Telemetry, error) {
	c = c.filled()
	t := &Telemetry{begun: make(chan struct{})}
	about := c.resource()
	plain := c.plainLog()
	if err := t.metrics(c, about, plain); err != nil {
		return nil, errors.Join(err, t.Stop(ctx))
	}
	if err := t.traces(ctx, c, about, plain); err != nil {
		return nil, errors.Join(err, t.Stop(ctx))
	}
	if err := t.logs(ctx, c, about, plain); err != nil {
		return nil, errors.Join(err, t.Stop(ctx))
	}
	return t, nil
}

// Stop delivers what waits, for as long as ctx allows, and ends. What could not be delivered is lost.
func (t *Telemetry) Stop(ctx context.Context) error {
	var err error
	for i := len(t.stops) - 1; i >= 0; i-- {
		err = errors.Join(err, t.stops[i](ctx))
	}
	t.stops = nil
	return err
}

func (c Config) filled() Config {
	if c.Out == nil {
		c.Out = os.Stderr
	}
	if c.Interval <= 0 {
		c.Interval = 10 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	return c
}

// room is how many items may wait of a kind that has so much room by default.
func (c Config) room(byDefault int) int {
	if c.Queue > 0 {
		return c.Queue
	}
	return byDefault
}

// resource says whose figures, spans and logs these are, by OpenTelemetry's semantic conventions.
func (c Config) resource() *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.namespace", "cdt"), attribute.String("service.name", c.Service), attribute.String("service.instance.id", c.Instance),
		attribute.String("service.version", c.Version), attribute.StringSlice("cdt.sites", c.Sites))
}

// metrics makes the provider, which Prometheus reads from and InfluxDB is fed by.
func (t *Telemetry) metrics(c Config, about *resource.Resource, plain *slog.Logger) error {
	fetched, handler, err := prometheusReader()
	if err != nil {
		return err
	}
	t.Handler = handler
	defer close(t.begun)
	options := []sdkmetric.Option{sdkmetric.WithResource(about), sdkmetric.WithReader(fetched), sdkmetric.WithCardinalityLimit(cardinality)}
	if c.Influx.URL != "" {
		push, err := newInflux(c, plain, func(n int) { t.lost("influxdb", n) })
		if err != nil {
			return err
		}
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(push, sdkmetric.WithInterval(c.Interval))))
	}
	p := sdkmetric.NewMeterProvider(options...)
	t.Metrics = p
	t.stops = append(t.stops, p.Shutdown)
	if t.set, err = measure.New(p); err != nil {
		return fmt.Errorf("begin to measure: %w", err)
	}
	return nil
}

// cardinality is how many series one instrument may have; more are summed up
// as one with the attribute otel.metric.overflow.
const cardinality = 5000

// lost counts what was thrown away. The set is made after the first receiver, which may refuse something before: that waits for it.
func (t *Telemetry) lost(sink string, n int) {
	<-t.begun
	if t.set != nil {
		t.set.Lost(context.Background(), sink, int64(n))
	}
}
