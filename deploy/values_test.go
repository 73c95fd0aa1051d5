package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/telemetry"
)

// targets are the jobs that Prometheus fetches from, and the labels it adds, with their values.
func targets(t *testing.T) (jobs []string, labels map[string][]string) {
	t.Helper()
	var file struct {
		Scrape []struct {
			Job    string `yaml:"job_name"`
			Static []struct {
				Labels map[string]string `yaml:"labels"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	decode(t, "prometheus/prometheus.yml", &file)
	labels = map[string][]string{}
	for _, s := range file.Scrape {
		jobs = append(jobs, s.Job)
		for _, of := range s.Static {
			for k, v := range of.Labels {
				labels[k] = append(labels[k], v)
			}
		}
	}
	return jobs, labels
}

// TestLabelsHaveTheseValues: what a query compares a label with is a word of the program, or a label of what Prometheus fetches from.
func TestLabelsHaveTheseValues(t *testing.T) {
	t.Parallel()
	jobs, ours := targets(t)
	ours["job"] = jobs
	words, seen := program(t), 0
	compared := regexp.MustCompile(`\b([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"$]*)"`)
	for where, expr := range queries(t) {
		for _, m := range metricName.FindAllStringSubmatch(expr, -1) {
			for _, l := range compared.FindAllStringSubmatch(m[2], -1) {
				for _, value := range strings.Split(l[2], "|") {
					if value == "" || l[1] == "le" || strings.ContainsAny(value, ".*+>") {
						continue
					}
					seen++
					if known, is := ours[l[1]]; is && !slices.Contains(known, value) || !is && !strings.Contains(words, `"`+value+`"`) {
						t.Errorf("%s: %s is never %q", where, l[1], value)
					}
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d values were looked at", seen)
	}
	for label := range ours {
		if !slices.Contains([]string{"job", "role", "at"}, label) {
			t.Errorf("Prometheus adds a label %s, which nobody asks for", label)
		}
	}
	for _, want := range []string{"role", "at"} {
		if ours[want] == nil {
			t.Errorf("Prometheus adds no label %s", want)
		}
	}
}

// queries are all expressions for Prometheus, by where they stand.
func queries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if p.Datasource["uid"] == "prometheus" {
					out[d.Title+": "+p.Title+": "+q.Expr] = q.Expr
				}
			}
		}
	}
	var all rules
	decode(t, "prometheus/rules.yml", &all)
	for _, r := range all.Groups[0].Rules {
		out[r.Alert+r.Record] = r.Expr
	}
	for _, m := range regexp.MustCompile(`query\?query=([^']+)'`).FindAllStringSubmatch(read(t, "compose/smoke.sh"), -1) {
		out["smoke.sh: "+m[1]] = m[1]
	}
	if len(out) < 40 {
		t.Fatalf("only %d queries", len(out))
	}
	return out
}

// TestRecordedSeriesAreRecorded: what rules and panels ask for beside what is measured, a rule records; and make smoke asks for what is measured.
func TestRecordedSeriesAreRecorded(t *testing.T) {
	t.Parallel()
	var all rules
	decode(t, "prometheus/rules.yml", &all)
	recorded := map[string]bool{}
	for _, r := range all.Groups[0].Rules {
		recorded[r.Record] = true
	}
	have := series(t)
	for where, expr := range queries(t) {
		for _, name := range regexp.MustCompile(`\bcdt:[a-z_:]+`).FindAllString(expr, -1) {
			if !recorded[name] {
				t.Errorf("%s asks for %s, which nobody records", where, name)
			}
		}
		checkPromQL(t, where, expr, have)
	}
}

// TestPanelsOfInfluxDB: their fields and tags are those of what is written.
func TestPanelsOfInfluxDB(t *testing.T) {
	t.Parallel()
	labels := map[string][]string{}
	for _, i := range measure.Instruments() {
		labels[telemetry.InfluxName(i)] = append([]string{"service", "instance"}, i.Labels...)
	}
	seen := 0
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if p.Datasource["uid"] != "influxdb" {
					continue
				}
				seen++
				have := labels[found(t, p.Title, q.Query, `_measurement == "([^"]+)"`)]
				for _, m := range regexp.MustCompile(`_field == "([^"]+)"`).FindAllStringSubmatch(q.Query, -1) {
					if !slices.Contains([]string{"value", "count", "sum"}, m[1]) && !strings.HasPrefix(m[1], "le_") {
						t.Errorf("%s asks for the field %s", p.Title, m[1])
					}
				}
				tags := regexp.MustCompile(`\br\.([a-z][a-z]*)`).FindAllStringSubmatch(q.Query, -1)
				tags = append(tags, regexp.MustCompile(`columns: \["([a-z]+)"`).FindAllStringSubmatch(q.Query, -1)...)
				for _, m := range tags {
					if !slices.Contains(have, m[1]) {
						t.Errorf("%s asks for the tag %s; there are %v", p.Title, m[1], have)
					}
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no panel asks InfluxDB")
	}
}

// TestLinksBetweenDataSources: those that are linked are there.
func TestLinksBetweenDataSources(t *testing.T) {
	t.Parallel()
	text := read(t, "grafana/provisioning/datasources/cdt.yaml")
	for _, m := range regexp.MustCompile(`datasourceUid: ([a-z]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, "uid: "+m[1]+"\n") {
			t.Errorf("a data source leads to %s, which is none", m[1])
		}
	}
	folder := found(t, "dashboards", read(t, "grafana/provisioning/dashboards/cdt.yaml"), `path: ([^}]+)\}`)
	if at := loadCompose(t).Services["grafana"].mounted()[folder]; at != "./deploy/grafana/dashboards" {
		t.Errorf("Grafana looks for dashboards in %s, where %q is mounted", folder, at)
	}
}

// TestPipelinesOfTheCollector: what they name is configured, and lines go where Loki takes them over OTLP.
func TestPipelinesOfTheCollector(t *testing.T) {
	t.Parallel()
	var c struct {
		Receivers, Processors, Exporters map[string]struct {
			Endpoint string `yaml:"endpoint"`
		}
		Service struct {
			Pipelines map[string]map[string][]string
		}
	}
	decode(t, "otel-collector/collector.yaml", &c)
	for name, p := range c.Service.Pipelines {
		for kind, have := range map[string]map[string]struct {
			Endpoint string `yaml:"endpoint"`
		}{"receivers": c.Receivers, "processors": c.Processors, "exporters": c.Exporters} {
			for _, part := range p[kind] {
				if _, ok := have[part]; !ok {
					t.Errorf("%s: %s is not among the %s", name, part, kind)
				}
			}
			if len(p[kind]) == 0 {
				t.Errorf("%s has no %s", name, kind)
			}
		}
	}
	if got := c.Exporters["otlphttp/loki"].Endpoint; !strings.HasSuffix(got, ":3100/otlp") {
		t.Errorf("Loki takes OTLP below /otlp, not at %s", got)
	}
	if got := c.Exporters["otlphttp/jaeger"].Endpoint; !strings.HasSuffix(got, ":4318") {
		t.Errorf("Jaeger takes OTLP over HTTP at 4318, not at %s", got)
	}
}

// pod is what is looked at of a workload in Kubernetes.
type pod struct {
	Spec struct {
		Template struct {
			Metadata struct{ Annotations map[string]string }
			Spec     struct {
				Containers []struct {
					Args  []string
					Env   []struct{ Name, Value string }
					Ports []struct {
						ContainerPort string `yaml:"containerPort"`
						Name          string
					}
					Live   probe `yaml:"livenessProbe"`
					Ready  probe `yaml:"readinessProbe"`
					Mounts []struct {
						Path string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
	}
}

type probe struct {
	Get struct{ Path, Port string } `yaml:"httpGet"`
}

// TestKubernetes: the example calls the program as it is, asks it where it listens, and mounts what it reads.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	text, help, seen := read(t, "kubernetes/cdt.yaml"), helper(t), 0
	for doc := range strings.SplitSeq(text, "\n---\n") {
		var p pod
		if err := yaml.Unmarshal([]byte(doc), &p); err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Spec.Template.Spec.Containers {
			seen++
			command(t, "kubernetes", help, c.Args)
			env := map[string]string{}
			for _, e := range c.Env {
				env[e.Name] = e.Value
				if !strings.HasPrefix(e.Value, "/") {
					continue
				}
				if !slices.ContainsFunc(c.Mounts, func(m struct {
					Path string `yaml:"mountPath"`
				}) bool {
					return e.Value == m.Path || strings.HasPrefix(e.Value, m.Path+"/")
				}) {
					t.Errorf("kubernetes: nothing is mounted at %s=%s", e.Name, e.Value)
				}
				if name, is := strings.CutPrefix(e.Value, "/run/keys/"); is && !strings.Contains(text, "--from-literal="+name+"=") {
					t.Errorf("kubernetes: no secret has %s", name)
				}
			}
			port := strings.TrimPrefix(env["CDT_LISTEN"], ":")
			if len(c.Ports) != 1 || c.Ports[0].ContainerPort != port || p.Spec.Template.Metadata.Annotations["prometheus.io/port"] != port {
				t.Errorf("kubernetes: it listens on %s, and is asked at %v and %v", port, c.Ports, p.Spec.Template.Metadata.Annotations)
				continue
			}
			for get, path := range map[struct{ Path, Port string }]string{c.Live.Get: "/healthz", c.Ready.Get: "/readyz"} {
				if get.Path != path || get.Port != c.Ports[0].Name {
					t.Errorf("kubernetes: a probe asks %v, want %s", get, path)
				}
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d containers were looked at", seen)
	}
}

// command holds the words of a command of dtctl against the program: verb, flags, role.
func command(t *testing.T, where string, help func(string) string, words []string) {
	t.Helper()
	known := help(words[0])
	if known == "" {
		t.Errorf("%s: there is no verb in dtctl %v", where, words)
		return
	}
	for i, w := range words {
		if strings.HasPrefix(w, "--") && !strings.Contains(known, w+" ") {
			t.Errorf("%s: dtctl %s has no %s", where, words[0], w)
		}
		if w == "--role" && !slices.Contains([]string{"engine", "worker", "all"}, words[i+1]) {
			t.Errorf("%s: there is no role %s", where, words[i+1])
		}
	}
}

// TestRolesSitesAndLocations: services do what the routes know.
func TestRolesSitesAndLocations(t *testing.T) {
	t.Parallel()
	var routes struct {
		Sites map[string]struct {
			Locations map[string]any `yaml:"locations"`
		} `yaml:"sites"`
	}
	decode(t, "../examples/compose/routes.yaml", &routes)
	help, initialised := helper(t), map[string]bool{}
	for name, s := range loadCompose(t).Services {
		if strings.HasPrefix(s.Image, "cdt:") && len(s.Command) > 0 {
			command(t, name, help, s.Command)
		}
		site, is := strings.CutPrefix(name, "init-")
		if !is {
			continue
		}
		for _, l := range s.Command[2:] {
			at, location, _ := strings.Cut(l, ".")
			if _, ok := routes.Sites[at].Locations[location]; !ok || at != site {
				t.Errorf("%s gives a marker to %s, which is none of its places", name, l)
			}
			initialised[l] = true
		}
	}
	for site, s := range routes.Sites {
		for l := range s.Locations {
			if !initialised[site+"."+l] {
				t.Errorf("nobody gives %s.%s its marker", site, l)
			}
		}
	}
	for _, unit := range []string{"systemd/cdt-engine.service", "systemd/cdt-worker@.service"} {
		text := read(t, unit)
		command(t, unit, help, strings.Fields(found(t, unit, text, `ExecStart=\S+dtctl (.*)`)))
		for _, m := range regexp.MustCompile(`(CDT_[A-Z_]+)=%d/(\S+)`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(text, "\nLoadCredential="+m[2]+":") || !strings.HasSuffix(m[1], config.InFile) {
				t.Errorf("%s: %s reads the credential %s, which is not loaded", unit, m[1], m[2])
			}
		}
	}
	for _, m := range regexp.MustCompile(`inside ([a-z-]+)`).FindAllStringSubmatch(read(t, "compose/smoke.sh"), -1) {
		if _, ok := loadCompose(t).Services[m[1]]; !ok {
			t.Errorf("smoke.sh asks the service %s, which is none", m[1])
		}
	}
	smoke := read(t, "compose/smoke.sh")
	for _, m := range regexp.MustCompile(`(/data/[a-z]+)/`).FindAllStringSubmatch(smoke, -1) {
		if from, _ := loadCompose(t).Services["worker-ccat"].below(m[1]); from == "" {
			t.Errorf("smoke.sh writes into %s, where worker-ccat has nothing", m[1])
		}
	}
	if name := found(t, "smoke.sh", smoke, `service=([a-z-]+)`); !strings.Contains(program(t), `"`+name+`"`) {
		t.Errorf("no process writes spans as %s", name)
	}
}
