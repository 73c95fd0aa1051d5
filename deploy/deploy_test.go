package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/telemetry"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// series are the names of what Prometheus has, with the labels of each.
func series(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{"up": {"job", "instance"}}
	for _, i := range measure.Instruments() {
		name, err := telemetry.PrometheusName(i)
		if err != nil {
			t.Fatal(err)
		}
		labels := append([]string{"job", "instance", "role", "at"}, i.Labels...)
		if i.Kind != measure.Histogram {
			out[name] = labels
			continue
		}
		out[name+"_bucket"], out[name+"_sum"], out[name+"_count"] = append(labels, "le"), labels, labels
	}
	return out
}

var (
	metricName = regexp.MustCompile(`\b(cdt_[a-z_]+|up)\b(\{[^}]*\})?`)
	labelName  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`)
	grouping   = regexp.MustCompile(`\b(?:by|on|ignoring|without)\s*\(([^)]*)\)`)
)

// checkPromQL holds an expression against what is measured.
func checkPromQL(t *testing.T, where, expr string, have map[string][]string) {
	t.Helper()
	var labels []string
	found := false
	for _, m := range metricName.FindAllStringSubmatch(expr, -1) {
		of, ok := have[m[1]]
		if !ok {
			t.Errorf("%s: nothing measures %s", where, m[1])
			continue
		}
		found, labels = true, append(labels, of...)
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(of, l[1]) {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for _, l := range strings.Split(g[1], ",") {
			if l = strings.TrimSpace(l); found && l != "" && !slices.Contains(labels, l) {
				t.Errorf("%s: no series in it has a label %s", where, l)
			}
		}
	}
	if !found && !strings.Contains(expr, "cdt:") {
		t.Errorf("%s asks for nothing: %s", where, expr)
	}
}

type rules struct {
	Groups []struct {
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Record      string            `yaml:"record"`
			Expr        string            `yaml:"expr"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func TestAlertRulesAskForWhatIsMeasured(t *testing.T) {
	t.Parallel()
	var all rules
	decode(t, "prometheus/rules.yml", &all)
	have, seen := series(t), map[string]bool{}
	for _, r := range all.Groups[0].Rules {
		name := r.Alert + r.Record
		checkPromQL(t, name, r.Expr, have)
		seen[name] = true
		if r.Alert != "" && (r.Annotations["summary"] == "" || r.Annotations["look"] == "" || !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"])) {
			t.Errorf("%s: it says too little for somebody on call: %v %v", name, r.Labels, r.Annotations)
		}
		for _, page := range regexp.MustCompile(`docs/[a-z/-]+\.md`).FindAllString(r.Annotations["look"], -1) {
			if _, err := os.Stat(filepath.Join("..", page)); err != nil {
				t.Errorf("%s leads to %s: %v", name, page, err)
			}
		}
	}
	for _, must := range []string{"CDTBufferFullWithinADay", "CDTOldestFileTooOld", "CDTBreakerOpen", "CDTVerificationLate", "CDTDeletionBrake", "CDTClockOffset", "CDTAuditChainBroken"} {
		if !seen[must] {
			t.Errorf("there is no alert %s", must)
		}
	}
}

type dashboard struct {
	UID    string `json:"uid"`
	Title  string `json:"title"`
	Panels []struct {
		Title      string            `json:"title"`
		Type       string            `json:"type"`
		Datasource map[string]string `json:"datasource"`
		Targets    []struct {
			Expr  string `json:"expr"`
			Query string `json:"query"`
		} `json:"targets"`
	} `json:"panels"`
}

func dashboards(t *testing.T) []dashboard {
	t.Helper()
	names, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil || len(names) < 3 {
		t.Fatalf("dashboards: %v, %v", names, err)
	}
	var out []dashboard
	for _, name := range names {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, name)), &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.UID != strings.TrimSuffix(filepath.Base(name), ".json") {
			t.Errorf("%s has uid %s", name, d.UID)
		}
		out = append(out, d)
	}
	return out
}

func TestDashboardsAskForWhatIsMeasured(t *testing.T) {
	t.Parallel()
	var sources struct {
		Datasources []struct {
			UID string `yaml:"uid"`
		} `yaml:"datasources"`
	}
	decode(t, "grafana/provisioning/datasources/cdt.yaml", &sources)
	have := series(t)
	influx := map[string]bool{}
	for _, i := range measure.Instruments() {
		influx[telemetry.InfluxName(i)] = true
	}
	asked := map[string]bool{}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			where := d.Title + ": " + p.Title
			if p.Type == "row" {
				continue
			}
			known := slices.ContainsFunc(sources.Datasources, func(s struct {
				UID string `yaml:"uid"`
			}) bool {
				return s.UID == p.Datasource["uid"]
			})
			if !known || len(p.Targets) == 0 {
				t.Errorf("%s asks %v %d queries", where, p.Datasource, len(p.Targets))
			}
			asked[p.Datasource["uid"]] = true
			for _, q := range p.Targets {
				switch p.Datasource["uid"] {
				case "prometheus":
					checkPromQL(t, where, q.Expr, have)
				case "influxdb":
					m := regexp.MustCompile(`_measurement == "([^"]+)"`).FindStringSubmatch(q.Query)
					if m == nil || !influx[m[1]] {
						t.Errorf("%s: nothing writes what it asks for: %s", where, q.Query)
					}
				}
			}
		}
	}
	for _, uid := range []string{"prometheus", "influxdb", "loki"} {
		if !asked[uid] {
			t.Errorf("no panel asks %s", uid)
		}
	}
}

// TestEveryInstrumentIsShown: what is measured and shown nowhere is looked at by nobody.
func TestEveryInstrumentIsShown(t *testing.T) {
	t.Parallel()
	text := read(t, "prometheus/rules.yml")
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				text += "\n" + q.Expr + q.Query
			}
		}
	}
	for _, i := range measure.Instruments() {
		name, err := telemetry.PrometheusName(i)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, name) {
			t.Errorf("%s is on no dashboard and in no rule", name)
		}
	}
}

func TestPromtoolTakesTheRules(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: apt-get install prometheus")
	}
	for _, args := range [][]string{{"check", "rules", "prometheus/rules.yml"}, {"check", "config", "prometheus/prometheus.yml"}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
