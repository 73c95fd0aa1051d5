package telemetry

import (
	"fmt"
	"strings"

	"github.com/prometheus/otlptranslator"

	"github.com/ccatobs/cdt/measure"
)

// PrometheusName is the name of an instrument at /metrics, without the
// _bucket, _sum and _count of a histogram.
func PrometheusName(i measure.Instrument) (string, error) {
	kind := otlptranslator.MetricType(otlptranslator.MetricTypeGauge)
	switch i.Kind {
	case measure.Counter:
		kind = otlptranslator.MetricTypeMonotonicCounter
	case measure.Histogram:
		kind = otlptranslator.MetricTypeHistogram
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	name, err := namer.Build(otlptranslator.Metric{Name: i.Name, Unit: i.Unit, Type: kind})
	if err != nil {
		return "", fmt.Errorf("name %s for Prometheus: %w", i.Name, err)
	}
	return name, nil
}

// InfluxName is the measurement of an instrument in InfluxDB.
func InfluxName(i measure.Instrument) string { return strings.ReplaceAll(i.Name, ".", "_") }

// Reference is the page of all that is measured.
func Reference() (string, error) {
	var b strings.Builder
	b.WriteString("# What is measured\n\nGenerated from the code (`make generate`). Prometheus fetches these from `/metrics` (`--listen`), InfluxDB is sent them (`--influx-url`).\n" +
		"In InfluxDB counters and gauges have the field `value`, histograms `count`, `sum` and `le_<bound>` (cumulated); labels are tags, and so are `service` and `instance`.\n" +
		"No label has ids of packages, files or tasks for values; one instrument has 5,000 series at most, the rest is summed up as one with `otel.metric.overflow`.\n\n" +
		"| Prometheus | InfluxDB | Kind | Unit | Labels | Meaning |\n|---|---|---|---|---|---|\n")
	for _, i := range measure.Instruments() {
		name, err := PrometheusName(i)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | `%s` | %s | %s |\n", name, InfluxName(i), i.Kind, i.Unit, strings.Join(i.Labels, ", "), i.Help)
	}
	b.WriteString("\n## Traces\n\nA package has one trace, whose id is the package's id without its dashes; its first span goes from the filing of the oldest file to the first receipt of the last archive, and is written by the engine then; below it `gathered` is the time until the package was made, and every other span is one attempt at a task. An attempt's attributes `cdt.waited.<reason>` say how many seconds it had waited for what before it began, since the task was last given out: the [reasons](reasons.md) of the gates, and `dispatched` until a worker took it. Sites and processes that know nothing of each other write into the same trace.\n" +
		"Log lines carry `trace_id` and `span_id`.\n")
	return b.String(), nil
}
