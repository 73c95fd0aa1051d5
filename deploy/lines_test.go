package deploy

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/telemetry"
)

// aLine is a log line as the processes write it, by its fields.
func aLine(t *testing.T) map[string]any {
	t.Helper()
	var out bytes.Buffer
	c, err := telemetry.Start(t.Context(), telemetry.Config{Service: "cdt-worker", Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	c.Log.WarnContext(measure.InPackage(t.Context(), "0192f3a4-5b6c-7d8e-9fab-0123456789ab"), "attempt failed")
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	line := map[string]any{}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

// TestPromtailReadsTheLines: the fields it looks for are those of the lines; and what it calls them are the names that panels ask Loki
// for, whether lines come through Promtail or through the collector.
func TestPromtailReadsTheLines(t *testing.T) {
	t.Parallel()
	var promtail struct {
		Clients []struct{ URL string }
		Scrape  []struct {
			Static []struct {
				Labels map[string]string
			} `yaml:"static_configs"`
			Stages []struct {
				JSON struct {
					Expressions map[string]string
				}
				Timestamp  struct{ Source, Format string }
				Labels     map[string]string
				Structured map[string]string `yaml:"structured_metadata"`
			} `yaml:"pipeline_stages"`
		} `yaml:"scrape_configs"`
	}
	decode(t, "promtail/promtail.yaml", &promtail)
	if port := found(t, "loki.yaml", read(t, "loki/loki.yaml"), `http_listen_port: (\d+)`); promtail.Clients[0].URL != "http://loki:"+port+"/loki/api/v1/push" {
		t.Errorf("Promtail sends to %s, Loki listens on %s", promtail.Clients[0].URL, port)
	}
	line, job := aLine(t), promtail.Scrape[0]
	extracted, labels, fields := map[string]bool{}, []string{}, []string{}
	for label := range job.Static[0].Labels {
		labels = append(labels, label)
	}
	for _, s := range job.Stages {
		for name, field := range s.JSON.Expressions {
			extracted[name] = true
			if _, ok := line[field]; !ok {
				t.Errorf("Promtail looks for %s in lines that have %v", field, line)
			}
		}
		for name := range s.Structured {
			fields = append(fields, name)
		}
		for name := range s.Labels {
			labels = append(labels, name)
		}
		if s.Timestamp.Source != "" && !extracted[s.Timestamp.Source] {
			t.Errorf("Promtail takes the time from %s, which it does not read", s.Timestamp.Source)
		}
	}
	for _, name := range slices.Concat(fields, labels[len(job.Static[0].Labels):]) {
		if !extracted[name] {
			t.Errorf("Promtail keeps %s, which it does not read", name)
		}
	}
	indexed := strings.Split(found(t, "loki.yaml", read(t, "loki/loki.yaml"), `index_label, attributes: \[([^\]]+)\]`), ", ")
	for _, q := range linesAsked(t) {
		for _, m := range regexp.MustCompile(`[{,]\s*([a-z_]+)\s*=~?\s*"`).FindAllStringSubmatch(q, -1) {
			if !slices.Contains(labels, m[1]) || !slices.Contains(indexed, strings.ReplaceAll(m[1], "_", ".")) {
				t.Errorf("%s: %s is a label of Promtail's (%v) and of the collector's lines (%v)?", q, m[1], labels, indexed)
			}
		}
		for _, m := range regexp.MustCompile(`\|\s*([a-z_]+)\s*=~?\s*"`).FindAllStringSubmatch(q, -1) {
			if !slices.Contains(fields, m[1]) {
				t.Errorf("%s: Promtail's lines have no %s, but %v", q, m[1], fields)
			}
		}
	}
	if trace := found(t, "datasources", read(t, "grafana/provisioning/datasources/cdt.yaml"), `matcherRegex: ([a-z_]+)`); !slices.Contains(fields, trace) || line[trace] == nil {
		t.Errorf("Grafana leads from a line to its trace by %s", trace)
	}
}

// linesAsked are the queries of panels for Loki.
func linesAsked(t *testing.T) (out []string) {
	t.Helper()
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if p.Datasource["uid"] == "loki" {
					out = append(out, q.Expr)
				}
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("no panel asks Loki")
	}
	return out
}
