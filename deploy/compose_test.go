package deploy

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/config"
)

// compose is docker-compose.yml as `docker-compose config` prints it.
type compose struct {
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       any               `yaml:"build"`
	Profiles    []string          `yaml:"profiles"`
	Command     []string          `yaml:"command"`
	Entrypoint  []string          `yaml:"entrypoint"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Tmpfs       []string          `yaml:"tmpfs"`
	CapDrop     []string          `yaml:"cap_drop"`
	CapAdd      []string          `yaml:"cap_add"`
	Ports       []string          `yaml:"ports"`
	ReadOnly    bool              `yaml:"read_only"`
	User        string            `yaml:"user"`
	MemLimit    string            `yaml:"mem_limit"`
	CPUs        float64           `yaml:"cpus"`
	Restart     string            `yaml:"restart"`
	Healthcheck map[string]any    `yaml:"healthcheck"`
	DependsOn   map[string]any    `yaml:"depends_on"`
	Security    []string          `yaml:"security_opt"`
}

func loadCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	decode(t, "../docker-compose.yml", &c)
	if len(c.Services) < 15 {
		t.Fatalf("docker-compose.yml has %d services", len(c.Services))
	}
	return c
}

func TestComposeTakesTheFile(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Fatal("docker-compose is missing: apt-get install docker-compose")
	}
	for _, profile := range []string{"core", "full"} {
		cmd := exec.CommandContext(t.Context(), program, "--profile", profile, "config", "-q")
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("docker-compose --profile %s config: %v\n%s", profile, err, out)
		}
	}
}

// oneShot are the services that do something and end.
func oneShot(name string) bool {
	return slices.Contains([]string{"prepare", "migrate", "logins"}, name) || strings.HasPrefix(name, "init-")
}

func TestEveryServiceIsKeptInBounds(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?(@sha256:[0-9a-f]{64})?$`)
	for name, s := range loadCompose(t).Services {
		if ours := strings.HasPrefix(s.Image, "cdt:"); !ours && !pinned.MatchString(s.Image) {
			t.Errorf("%s: %s is not pinned by its full version", name, s.Image)
		}
		if len(s.Profiles) == 0 || !slices.Contains(s.Profiles, "full") {
			t.Errorf("%s: profiles %v", name, s.Profiles)
		}
		if s.Restart == "" || !slices.Contains(s.Security, "no-new-privileges:true") && name != "prepare" {
			t.Errorf("%s: restart %q, security %v", name, s.Restart, s.Security)
		}
		if !s.ReadOnly && name != "influxdb" { // it writes its settings beside its program
			t.Errorf("%s: its root file system can be written", name)
		}
		// These begin as root to take their files over, and then are somebody else.
		if s.User == "" && name != "postgres" && name != "influxdb" {
			t.Errorf("%s runs as root", name)
		}
		if name != "prepare" && (s.MemLimit == "" || s.CPUs == 0) {
			t.Errorf("%s has no limits", name)
		}
		if !oneShot(name) && len(s.Healthcheck) == 0 {
			t.Errorf("%s has no health check", name)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to everybody", name, p)
			}
		}
		for on := range s.DependsOn {
			if _, ok := loadCompose(t).Services[on]; !ok {
				t.Errorf("%s depends on %s, which is none", name, on)
			}
		}
		for key, value := range s.Environment {
			if regexp.MustCompile(`(?i)(password|token|secret)$`).MatchString(key) {
				t.Errorf("%s: %s=%s is a secret in the file", name, key, value)
			}
		}
	}
}

// TestSettingsAreThoseOfTheProgram: every CDT_ variable is a setting, every verb and flag exists.
func TestSettingsAreThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	var known []string
	for _, k := range config.Keys() {
		known = append(known, k.Env(), k.Env()+config.InFile)
	}
	dtctl := filepath.Join(t.TempDir(), "dtctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dtctl, "../cmd/dtctl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, s := range loadCompose(t).Services {
		if !strings.HasPrefix(s.Image, "cdt:") {
			continue
		}
		for key := range s.Environment {
			if strings.HasPrefix(key, "CDT_") && !slices.Contains(known, key) {
				t.Errorf("%s: there is no setting %s", name, key)
			}
		}
		if len(s.Command) == 0 {
			continue
		}
		help, err := exec.CommandContext(t.Context(), dtctl, s.Command[0], "--help").CombinedOutput()
		if err != nil {
			t.Errorf("%s: dtctl %s: %v", name, s.Command[0], err)
		}
		for _, arg := range s.Command[1:] {
			if strings.HasPrefix(arg, "--") && !strings.Contains(string(help), arg+" ") {
				t.Errorf("%s: dtctl %s has no %s", name, s.Command[0], arg)
			}
		}
	}
}

// mounted is where a service finds its volumes.
func (s service) mounted() map[string]string {
	out := map[string]string{}
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		out[parts[1]] = parts[0]
	}
	return out
}

func TestVolumesAndRoutesAgree(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	for name, s := range c.Services {
		for at, from := range s.mounted() {
			if strings.HasPrefix(from, "./") {
				if _, err := filepath.Glob("../" + from); err != nil || read(t, existing(t, "../"+from)) == "" {
					t.Errorf("%s mounts %s, which is empty", name, from)
				}
				continue
			}
			if _, ok := c.Volumes[from]; !ok {
				t.Errorf("%s: volume %s at %s is none", name, from, at)
			}
		}
	}
	var routes struct {
		Sites map[string]struct {
			Locations map[string]struct {
				Disk struct {
					Path string `yaml:"path"`
				} `yaml:"disk"`
			} `yaml:"locations"`
		} `yaml:"sites"`
		Links []struct {
			To    string `yaml:"to"`
			From  string `yaml:"from"`
			Rsync struct {
				Host string `yaml:"host"`
				Port int    `yaml:"port"`
			} `yaml:"rsync"`
		} `yaml:"links"`
	}
	decode(t, "../examples/compose/routes.yaml", &routes)
	for site, s := range routes.Sites {
		worker := c.Services["worker-"+site]
		if !slices.Contains(worker.Command, site) {
			t.Errorf("no worker does the work of %s", site)
		}
		for name, l := range s.Locations {
			if l.Disk.Path != "" && worker.mounted()[l.Disk.Path] == "" {
				t.Errorf("worker-%s has no volume at %s for %s", site, l.Disk.Path, name)
			}
		}
		// What comes over a link lands on the disk the worker reads.
		if sshd := c.Services["sshd-"+site]; sshd.mounted()["/data/buffer"] != worker.mounted()["/data/buffer"] {
			t.Errorf("sshd-%s and worker-%s have different buffers", site, site)
		}
	}
	config := read(t, "compose/sshd_config")
	for _, l := range routes.Links {
		if l.Rsync.Host != "sshd-"+l.To || l.Rsync.Port != 2222 || !strings.Contains(config, "Port 2222") {
			t.Errorf("link %s to %s goes to %s:%d", l.From, l.To, l.Rsync.Host, l.Rsync.Port)
		}
	}
}

// existing is a file itself, or one in a folder.
func existing(t *testing.T, path string) string {
	t.Helper()
	for _, pattern := range []string{path + "/*/*.y*ml", path + "/*.y*ml", path + "/*.json", path} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("there is no %s", path)
	return ""
}

// TestServicesFindEachOther: every http address in the files is a service with that port in mind.
func TestServicesFindEachOther(t *testing.T) {
	t.Parallel()
	ports := map[string][]string{
		"engine": {"8080"}, "worker-ccat": {"8080"}, "worker-cologne": {"8080"}, "worker-cornell": {"8080"}, "influxdb": {"8086"}, "prometheus": {"9090"},
		"loki": {"3100"}, "jaeger": {"4318", "16686"}, "otel-collector": {"4318", "8888"}, "s3": {"7070"}, "postgres": {"5432"}, "redis": {"6379"},
	}
	c := loadCompose(t)
	for name := range ports {
		if _, ok := c.Services[name]; !ok {
			t.Errorf("there is no service %s", name)
		}
	}
	address := regexp.MustCompile(`(?:https?://|@|")([a-z][a-z0-9-]*):(\d+)`)
	for _, file := range []string{"../docker-compose.yml", "prometheus/prometheus.yml", "otel-collector/collector.yaml", "grafana/provisioning/datasources/cdt.yaml", "compose/prepare.sh", "../examples/compose/routes.yaml"} {
		for _, m := range address.FindAllStringSubmatch(read(t, file), -1) {
			if m[1] == "localhost" {
				continue
			}
			if !slices.Contains(ports[m[1]], m[2]) {
				t.Errorf("%s: %s:%s is no service", file, m[1], m[2])
			}
		}
	}
	if loki := read(t, "loki/loki.yaml"); !strings.Contains(loki, "http_listen_port: 3100") {
		t.Error("Loki listens elsewhere")
	}
	if collector := read(t, "otel-collector/collector.yaml"); !strings.Contains(collector, "0.0.0.0:4318") || !strings.Contains(collector, "port: 8888") {
		t.Error("the collector listens elsewhere")
	}
}

func TestTheImageHasWhatIsCalled(t *testing.T) {
	t.Parallel()
	text := read(t, "../Dockerfile")
	for _, want := range []string{"openssh-client", "openssh-server", "rsync", "openssl", "ca-certificates", "--uid 10001", "CGO_ENABLED=0", "/opt/site/bin", "USER cdt"} {
		if !strings.Contains(text, want) {
			t.Errorf("the image is made without %s", want)
		}
	}
	version := regexp.MustCompile(`golang:(\d+\.\d+\.\d+)`).FindStringSubmatch(text)
	if version == nil || !strings.Contains(read(t, "../go.mod"), "\ngo "+version[1]+"\n") {
		t.Errorf("the image is built with %v, go.mod says otherwise", version)
	}
}
