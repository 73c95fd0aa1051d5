//go:build servers

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A served route is seen from outside: rates and states are read back from Prometheus, which fetches them, and from
// InfluxDB, which is sent them; every query of every panel and rule is taken by these servers, and has data where it can.
func TestTheObservatoryIsSeen(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	t.Run("states and rates", o.statesAndRates)
	t.Run("panels", o.panels)
	t.Run("rules", o.rules)
	t.Run("traces", o.traces)
}

// statesAndRates holds what the servers say against OpsDB.
func (o *observed) statesAndRates(t *testing.T) {
	packages, archived := o.yard.packages(), int64(0)
	for _, k := range o.tasks() {
		if k.Type == "archive" {
			archived += k.Bytes
		}
	}
	want := map[string]float64{
		`cdt_packages{state="archived"}`:                                 float64(packages),
		`sum(cdt_copies{location="cellar.lta",state="present"})`:         float64(packages),
		`sum(cdt_task_ended_total{type="archive",end="finished"})`:       float64(2 * packages),
		`sum(cdt_task_bytes_total{type="archive"})`:                      float64(archived),
		`sum(cdt_archived_after_seconds_count)`:                          float64(2 * packages),
		`sum(cdt_files{location="lab.camera",state="deleted"})`:          float64(len(o.truth)),
		`max(cdt_oldest_pending_age_seconds)`:                            0,
		`sum(cdt_telemetry_lost_total) or vector(0)`:                     0,
		`sum(cdt_task_ended_total{end="failed"}) or vector(0)`:           0,
		`max(cdt_location_size_bytes{what="capacity"})`:                  2e9,
		`count(count by (link) (cdt_link_backlog_bytes{link!=""} == 0))`: 1,
	}
	for query, n := range want {
		o.eventually(t, query+" is "+strconv.FormatFloat(n, 'f', -1, 64), func() bool { return o.number(query) == n })
	}
	if rate := o.number(`max_over_time(sum(rate(cdt_moved_bytes_total{link="lab>cellar",phase="moving"}[10s]))[5m:1s])`); rate <= 0 {
		t.Errorf("nothing was seen to move: %v bytes a second", rate)
	}
	var got []map[string]string
	var err error
	o.eventually(t, "InfluxDB has the archived packages", func() bool {
		got, err = o.flux(`from(bucket: "cdt") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "cdt_packages" and r._field == "value" and r.state == "archived") |> last()`)
		return err == nil && len(got) == 1 && got[0]["_value"] == strconv.Itoa(packages)
	})
	got, err = o.flux(`from(bucket: "cdt") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "cdt_task_bytes" and r._field == "value" and r.type == "archive") |> last() |> group() |> sum()`)
	if err != nil || len(got) != 1 || got[0]["_value"] != strconv.FormatInt(archived, 10) {
		t.Errorf("InfluxDB says that %v bytes were archived, %v; they were %d", got, err, archived)
	}
}

// panel is what a dashboard asks whom.
type panel struct {
	Title      string
	Datasource struct{ UID string }
	Targets    []struct{ Expr, Query string }
}

// noData are panels that may have none after a short run in which nothing went wrong, and why. Loki is not among the servers here.
func noData() map[string]string {
	return map[string]string{
		"Failed attempts an hour":     "nothing failed",
		"Blocked, by reason":          "nothing is blocked",
		"Quarantined and lost copies": "no copy was found wrong",
		"Telemetry thrown away":       "everything was delivered",
		"Full in":                     "it looks at hours",
		"Down":                        "everything can be used",
		"Renewals of leases":          "no task ran for as long as its lease needs no renewal",
		"Moves that wait, by reason":  "none waited when it was looked",
		"Warnings and errors":         "asked of Loki",
	}
}

func (o *observed) panels(t *testing.T) {
	names, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("dashboards: %v, %v", names, err)
	}
	without, asked, empty := noData(), 0, 0
	for _, name := range names {
		for _, p := range panelsOf(t, name) {
			for _, q := range p.Targets {
				asked++
				n, err := o.query(p.Datasource.UID, q.Expr, q.Query)
				if err != nil {
					t.Errorf("%s: %v", p.Title, err)
				}
				if n == 0 && without[p.Title] == "" {
					t.Errorf("%s has no data: %s%s", p.Title, q.Expr, q.Query)
				} else if n == 0 {
					empty++
				}
			}
		}
	}
	t.Logf("%d queries of panels were asked, %d of them had nothing to show", asked, empty)
}

func panelsOf(t *testing.T, name string) []panel {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []panel }
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d.Panels
}

// query asks as Grafana would, and returns how much came back.
func (o *observed) query(source, expr, flux string) (int, error) {
	switch source {
	case "prometheus":
		got, err := o.ask(expr)
		return len(got), err
	case "influxdb":
		got, err := o.flux(strings.NewReplacer("v.timeRangeStart", "-1h", "v.timeRangeStop", "now()", "v.windowPeriod", "10s").Replace(flux))
		return len(got), err
	default:
		return 0, nil
	}
}

// rules holds that Prometheus evaluates every rule without an error, that what each asks for is there, and that none fires.
func (o *observed) rules(t *testing.T) {
	var got struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Query, Health, LastError, State string }
			}
		}
	}
	o.fetch(o.prometheus+"/api/v1/rules", &got)
	var want struct {
		Groups []struct{ Rules []yaml.Node }
	}
	text, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	if err == nil {
		err = yaml.Unmarshal(text, &want)
	}
	if err != nil || len(got.Data.Groups) != 1 || len(got.Data.Groups[0].Rules) != len(want.Groups[0].Rules) {
		t.Fatalf("Prometheus has not the rules of the file: %v, %v", got, err)
	}
	series := regexp.MustCompile(`\b(?:cdt[_:][a-z_:]+|up\b)`)
	absent := []string{"cdt_telemetry_lost_total", "cdt_moves"} // everything was delivered; no move was open at any look
	for _, r := range got.Data.Groups[0].Rules {
		if r.Health != "ok" || r.LastError != "" || r.State == "firing" {
			t.Errorf("%s is %s, %s: %s", r.Name, r.Health, r.State, r.LastError)
		}
		for _, name := range series.FindAllString(r.Query, -1) {
			if n, err := o.ask(name); err != nil || len(n) == 0 && !slices.Contains(absent, name) {
				t.Errorf("%s asks for %s, of which there is nothing: %v", r.Name, name, err)
			}
		}
	}
}
