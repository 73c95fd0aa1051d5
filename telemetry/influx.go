package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	influxdb "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/write"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Influx is where an InfluxDB takes points (version 2, or 1.8 with its /api/v2/write).
type Influx struct {
	URL    string
	Token  string // "user:password" for 1.8
	Org    string // any for 1.8
	Bucket string // "database/retention-policy" for 1.8
}

// influx is the exporter that a periodic reader feeds; it hands batches of points to a pipe.
type influx struct {
	client influxdb.Client
	write  api.WriteAPIBlocking
	pipe   *pipe[[]*write.Point]
	tags   map[string]string
}

// batches is how many pushes may wait by default: ten minutes of them.
const batches = 64

func newInflux(c Config, log *slog.Logger, lost func(int)) (*influx, error) {
	if err := c.Influx.valid(); err != nil {
		return nil, err
	}
	o := influxdb.DefaultOptions().SetHTTPRequestTimeout(uint(c.Timeout/time.Second) + 1).SetApplicationName("cdt").SetLogLevel(0)
	x := &influx{client: influxdb.NewClientWithOptions(c.Influx.URL, c.Influx.Token, o), tags: map[string]string{"service": c.Service, "instance": c.Instance}}
	x.write = x.client.WriteAPIBlocking(c.Influx.Org, c.Influx.Bucket)
	x.pipe = newPipe("influxdb", c.room(batches), 1, c.Timeout, log, lost, x.deliver)
	return x, nil
}

// deliver writes the points of one push.
func (x *influx) deliver(ctx context.Context, pushes [][]*write.Point) error {
	for _, points := range pushes {
		if err := x.write.WritePoint(ctx, points...); err != nil {
			return classified(err)
		}
	}
	return nil
}

// classified tells an answer that refuses the points from one that may change.
func classified(err error) error {
	answer := new(influxhttp.Error)
	if errors.As(err, &answer) && refuses(answer.StatusCode) {
		return &refusedError{err: fmt.Errorf("InfluxDB refuses the points: %w", err)}
	}
	return refusal(answer.StatusCode, err)
}

// Temporality implements [sdkmetric.Exporter]: counters are sums since the start; difference() and derivative() are the reader's.
func (*influx) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

// Aggregation implements [sdkmetric.Exporter].
func (*influx) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

// Export implements [sdkmetric.Exporter]: it never waits for InfluxDB.
func (x *influx) Export(_ context.Context, m *metricdata.ResourceMetrics) error {
	if points := x.points(m); len(points) > 0 {
		x.pipe.put(points)
	}
	return nil
}

// ForceFlush implements [sdkmetric.Exporter].
func (*influx) ForceFlush(context.Context) error { return nil }

// Shutdown implements [sdkmetric.Exporter].
func (x *influx) Shutdown(ctx context.Context) error {
	err := x.pipe.stop(ctx)
	x.client.Close()
	return err
}

// points are one measurement per instrument, named like the series of
// Prometheus without its suffixes; labels are tags; counters and gauges have the field value,
// histograms count, sum and one field le_<bound> for each bucket, cumulated.
func (x *influx) points(m *metricdata.ResourceMetrics) []*write.Point {
	var out []*write.Point
	for _, scope := range m.ScopeMetrics {
		for _, i := range scope.Metrics {
			name := strings.ReplaceAll(i.Name, ".", "_")
			switch d := i.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					out = append(out, x.point(name, p.Attributes, map[string]any{"value": p.Value}, p.Time))
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					out = append(out, x.point(name, p.Attributes, map[string]any{"value": p.Value}, p.Time))
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					out = append(out, x.point(name, p.Attributes, buckets(p), p.Time))
				}
			}
		}
	}
	return out
}

func buckets(p metricdata.HistogramDataPoint[float64]) map[string]any {
	fields, n := map[string]any{"count": int64(p.Count), "sum": p.Sum}, uint64(0) //nolint:gosec // counts of attempts
	for i, bound := range p.Bounds {
		n += p.BucketCounts[i]
		fields[fmt.Sprintf("le_%g", bound)] = int64(n) //nolint:gosec // counts of attempts
	}
	return fields
}

func (x *influx) point(name string, labels attribute.Set, fields map[string]any, at time.Time) *write.Point {
	tags := make(map[string]string, len(x.tags)+labels.Len())
	for k, v := range x.tags {
		tags[k] = v
	}
	for _, kv := range labels.ToSlice() {
		if v := kv.Value.String(); v != "" { // an empty tag is none
			tags[string(kv.Key)] = v
		}
	}
	return write.NewPoint(name, tags, fields, at)
}
