//go:build servers

package deploy

import (
	"fmt"
	"strconv"
	"testing"
)

// inPrometheus holds what Prometheus fetched from every process against what was done.
func (d *demonstration) inPrometheus(t *testing.T) {
	n := float64(len(d.packages))
	for query, want := range map[string]float64{
		`count(up{job="cdt"} == 1)`:                                                           4,
		`sum by (state) (cdt_packages{state="archived"})`:                                     n, // one process says it: the engine
		`sum by (location) (cdt_copies{location="cologne.lta",state="present"})`:              n,
		`sum by (location) (cdt_copies{location="cornell.lta",state="present"})`:              n,
		`sum(cdt_task_ended_total{at="cologne",type="archive",end="finished"})`:               n,
		`sum(cdt_task_ended_total{at="cornell",type="archive",end="finished"})`:               n,
		`sum(cdt_task_ended_total{at="ccat",type="package",end="finished"})`:                  n,
		`sum(cdt_task_bytes_total{type="archive"})`:                                           2 * float64(d.bytes()),
		`sum(cdt_archived_after_seconds_count)`:                                               2 * n,
		`sum(cdt_link_crossed_bytes_total{what="arrived",link=~"ccat>.*"})`:                   float64(d.bytes()),
		`max by (location) (cdt_location_size_bytes{location="ccat.buffer",what="capacity"})`: 20e9,
		`max(cdt_oldest_pending_age_seconds)`:                                                 0,
		`sum(cdt_files{location="ccat.primecam",state="deleted"})`:                            5 * n,
		`max(cdt_audit_broken)`:                                                               0,
	} {
		d.reads(t, query, is(want))
	}
	d.reads(t, `sum(cdt_task_ended_total{end="failed",failure="environment"})`, some)
	d.reads(t, `max_over_time(sum by (link) (rate(cdt_moved_bytes_total{link=~"ccat>.*",phase="moving"}[10s]))[5m:1s]) > 0`, some)
	d.reads(t, `max_over_time(sum(rate(cdt_engine_pass_did_total{what="evaluated"}[10s]))[5m:1s])`, some)
	if d.full {
		d.reads(t, `up{job="otel-collector"}`, is(1))
	}
}

// inInflux asks InfluxDB, which was sent them, for the same, in both of its languages.
func (d *demonstration) inInflux(t *testing.T) {
	const from = `from(bucket: "cdt") |> range(start: v.timeRangeStart, stop: v.timeRangeStop) |> `
	n := strconv.Itoa(len(d.packages))
	for query, want := range map[string]string{
		from + `filter(fn: (r) => r._measurement == "cdt_packages" and r._field == "value" and r.state == "archived") |> last()`:                     n,
		from + `filter(fn: (r) => r._measurement == "cdt_task_bytes" and r._field == "value" and r.type == "archive") |> last() |> group() |> sum()`: strconv.FormatInt(2*d.bytes(), 10),
	} {
		d.eventually(t, patience, query+" is "+want, func() (bool, string) {
			got, err := d.flux(query)
			return err == nil && len(got) == 1 && got[0]["_value"] == want, fmt.Sprint(got, err)
		})
	}
	for statement, want := range map[string]func(float64) bool{
		`SELECT last("value") FROM "cdt_copies" WHERE "location" = 'cornell.lta' AND "state" = 'present'`:                                                                  is(float64(len(d.packages))),
		`SELECT max("rate") FROM (SELECT non_negative_derivative(sum("value"), 1s) AS "rate" FROM "cdt_engine_pass_did" WHERE time > now() - 1h GROUP BY time(10s))`:       some,
		`SELECT last("sum") FROM (SELECT sum("value") FROM (SELECT last("value") AS "value" FROM "cdt_moved" WHERE "link" =~ /^ccat>/ AND "phase" = 'moving' GROUP BY *))`: func(v float64) bool { return v >= float64(d.bytes()) },
	} {
		d.eventually(t, patience, statement, func() (bool, string) {
			got, err := d.influxQL(statement)
			return err == nil && len(got) == 1 && want(got[0]), fmt.Sprint(got, err)
		})
	}
}

// inLoki finds the log lines of one package, by its trace, from every site: one for each attempt, the failed ones too.
func (d *demonstration) inLoki(t *testing.T) {
	p := d.packages[0]
	d.eventually(t, patience, "lines of "+p.Name+" from engine and workers of three sites", func() (bool, string) {
		streams, err := d.lines(`{service_namespace="cdt"} | trace_id="` + p.trace() + `"`)
		from, lines := map[string]int{}, 0
		for _, s := range streams {
			from[s.Stream["service_instance_id"]] += len(s.Values)
			lines += len(s.Values)
		}
		return err == nil && len(from) >= 3, fmt.Sprint(lines, " lines from ", from, ", ", err)
	})
	d.eventually(t, patience, "a warning of the outage", func() (bool, string) {
		streams, err := d.lines(`{service_namespace="cdt"} | severity_text="WARN" | link=~"ccat>.*" |= "attempt failed"`)
		return err == nil && len(streams) > 0, fmt.Sprint(streams, err)
	})
}

// inJaeger finds the whole way of one package: from its filing to its last archive, with spans of all sites.
func (d *demonstration) inJaeger(t *testing.T) {
	for _, p := range d.packages {
		var spans []jaegerSpan
		d.eventually(t, patience, "the whole trace of "+p.Name, func() (bool, string) {
			got, err := d.spans(p.trace())
			spans = got
			return err == nil && rootOf(got) != nil, fmt.Sprint(len(got), " spans, ", err)
		})
		root, sites, ended := rootOf(spans), map[string]bool{}, map[string]int{}
		for _, s := range spans {
			sites[s.tag("cdt.site")] = true
			ended[s.OperationName+" "+s.tag("cdt.end")]++
			if s.SpanID != root.SpanID && (len(s.References) != 1 || s.References[0].SpanID != root.SpanID) {
				t.Errorf("%s: span %s does not lie below the first one", p.Name, s.OperationName)
			}
		}
		for _, want := range []string{"package ccat.buffer finished", "archive cologne.lta finished", "archive cornell.lta finished"} {
			if ended[want] == 0 {
				t.Errorf("%s: its trace has no %s: %v", p.Name, want, ended)
			}
		}
		for _, site := range []string{"ccat", "cologne", "cornell"} {
			if !sites[site] {
				t.Errorf("%s: its trace has nothing of %s: %v", p.Name, site, sites)
			}
		}
		if root.OperationName != "raw" || root.Duration < 1e6 {
			t.Errorf("%s: its first span is %s, of %d µs", p.Name, root.OperationName, root.Duration)
		}
		t.Logf("%s: %d spans %v, the first of %.1f s", p.Name, len(spans), ended, float64(root.Duration)/1e6)
	}
}

// rootOf is the first span, which has none above it and is written last.
func rootOf(spans []jaegerSpan) *jaegerSpan {
	for i, s := range spans {
		if s.OperationName == "raw" {
			return &spans[i]
		}
	}
	return nil
}
