package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// found is the first group of a pattern in a text, which must be there.
func found(t *testing.T, where, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%s has no %s", where, pattern)
	}
	return m[1]
}

// TestPortsAreListenedOn: health checks and published ports are those on which the service listens, and people are sent to them.
func TestPortsAreListenedOn(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	compose := read(t, "../docker-compose.yml")
	ours := found(t, "docker-compose.yml", compose, `CDT_LISTEN: ":(\d+)"`)
	listens := map[string][]string{ // beside those of their images
		"grafana": {"3000"}, "prometheus": {"9090"}, "jaeger": {"16686", "14269", "4318"}, "loki": {found(t, "loki.yaml", read(t, "loki/loki.yaml"), `http_listen_port: (\d+)`)},
		"s3": {found(t, "docker-compose.yml", compose, `--port :(\d+)`)}, "engine": {ours},
	}
	for name := range c.Services {
		switch {
		case strings.HasPrefix(name, "worker-"):
			listens[name] = []string{ours}
		case strings.HasPrefix(name, "sshd-"):
			listens[name] = []string{found(t, "sshd_config", read(t, "compose/sshd_config"), `Port (\d+)`)}
		}
	}
	published := map[string]string{}
	for name, s := range c.Services {
		for _, m := range regexp.MustCompile(`127\.0\.0\.1:(\d+)|-p (\d+) 127`).FindAllStringSubmatch(s.says(), -1) {
			if !slices.Contains(listens[name], m[1]+m[2]) {
				t.Errorf("%s asks itself at port %s%s, and listens on %v", name, m[1], m[2], listens[name])
			}
		}
		for _, p := range s.Ports {
			parts := strings.Split(p, ":")
			if !slices.Contains(listens[name], parts[2]) {
				t.Errorf("%s publishes port %s, and listens on %v", name, parts[2], listens[name])
			}
			published[parts[1]] = name
		}
	}
	for _, file := range []string{"../Makefile", "../README.md", "../docs/operations/install.md", "../docker-compose.yml", "compose/smoke.sh"} {
		for _, m := range regexp.MustCompile(`http://localhost:(\d+)`).FindAllStringSubmatch(read(t, file), -1) {
			if published[m[1]] == "" {
				t.Errorf("%s: nobody publishes port %s", file, m[1])
			}
		}
	}
	if got := found(t, "Dockerfile", read(t, "../Dockerfile"), `EXPOSE (\d+)`); got != ours {
		t.Errorf("the image exposes %s, services listen on %s", got, ours)
	}
}

// TestUsersAreThoseOfTheImages: who a service runs as is who prepare.sh gives its keys and volumes to.
func TestUsersAreThoseOfTheImages(t *testing.T) {
	t.Parallel()
	c, prepare := loadCompose(t), read(t, "compose/prepare.sh")
	image := found(t, "Dockerfile", read(t, "../Dockerfile"), `--uid (\d+)`)
	want := map[string]string{"loki": image, "s3": image, "prometheus": found(t, "prepare.sh", prepare, `chown (\d+):\d+ /volumes/prometheus`)}
	for name, as := range map[string]string{"redis": "redis", "grafana": "grafana", "logins": "postgres"} {
		want[name] = found(t, "prepare.sh", prepare, `\b`+as+`=(\d+)`)
	}
	if got := found(t, "prepare.sh", prepare, `chown (\d+):\d+ /volumes/grafana`); got != want["grafana"] {
		t.Errorf("Grafana's volume is given to %s, its keys to %s", got, want["grafana"])
	}
	if got := found(t, "prepare.sh", prepare, `\bcdt=(\d+)`); got != image {
		t.Errorf("keys are given to %s, the image has %s", got, image)
	}
	for name, s := range c.Services {
		if strings.HasPrefix(s.Image, "cdt:") && name != "prepare" {
			want[name] = image
		}
		if w := want[name]; w != "" && s.User != w+":"+w {
			t.Errorf("%s runs as %s, want %s", name, s.User, w)
		}
	}
}

// TestDatabasesAreThoseThatAreMade: the database of PostgreSQL, the bucket and organisation of InfluxDB.
func TestDatabasesAreThoseThatAreMade(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	db, influx := c.Services["postgres"].Environment, c.Services["influxdb"].Environment
	for _, m := range regexp.MustCompile(`@postgres:\d+/([a-z]+)'`).FindAllStringSubmatch(read(t, "compose/prepare.sh"), -1) {
		if m[1] != db["POSTGRES_DB"] {
			t.Errorf("prepare.sh leads to the database %s, made is %s", m[1], db["POSTGRES_DB"])
		}
	}
	owner := db["POSTGRES_USER"]
	if logins := read(t, "compose/logins.sh"); !strings.Contains(logins, "-U "+owner+" -d "+db["POSTGRES_DB"]) || !strings.Contains(read(t, "compose/prepare.sh"), "postgres://"+owner+":") {
		t.Errorf("logins.sh and prepare.sh do not go to %s as %s", db["POSTGRES_DB"], owner)
	}
	org, bucket := influx["DOCKER_INFLUXDB_INIT_ORG"], influx["DOCKER_INFLUXDB_INIT_BUCKET"]
	for name, s := range c.Services {
		if s.Environment["CDT_INFLUX_URL"] != "" && (s.Environment["CDT_INFLUX_ORG"] != org || s.Environment["CDT_INFLUX_BUCKET"] != bucket) {
			t.Errorf("%s writes elsewhere than into the bucket %s of %s", name, bucket, org)
		}
	}
	source := read(t, "grafana/provisioning/datasources/cdt.yaml")
	if !strings.Contains(source, "organization: "+org+", defaultBucket: "+bucket+"}") {
		t.Errorf("Grafana does not ask the bucket %s of %s", bucket, org)
	}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				for _, m := range regexp.MustCompile(`bucket: "([^"]*)"`).FindAllStringSubmatch(q.Query, -1) {
					if m[1] != bucket {
						t.Errorf("%s asks the bucket %s, made is %s", p.Title, m[1], bucket)
					}
				}
			}
		}
	}
	// Who prepare.sh gives an address, has a login; its groups are made by `dtctl migrate --roles`.
	logins, code := read(t, "compose/logins.sh"), program(t)
	for _, m := range regexp.MustCompile(`postgres://(cdt_[a-z_]+?)_?(%s)?:`).FindAllStringSubmatch(read(t, "compose/prepare.sh"), -1) {
		if !strings.Contains(logins, "\nlogin "+m[1]) {
			t.Errorf("logins.sh makes no login %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\nlogin \S+ \S+ (.+)`).FindAllStringSubmatch(logins, -1) {
		for _, group := range strings.Fields(m[1]) {
			if !regexp.MustCompile(`\b` + group + `\b`).MatchString(code) {
				t.Errorf("nobody makes the role %s", group)
			}
		}
	}
}

// program is the text of the program, without its tests: a word that is a value somewhere stands in it.
func program(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir("..", func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains([]string{".git", "bin", "deploy", "docs", "testdata"}, e.Name()):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			b.WriteString(read(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTheImageIsThatOfTheServices: the program lies where services call it, knows its version, and finds what a site brings.
func TestTheImageIsThatOfTheServices(t *testing.T) {
	t.Parallel()
	text := read(t, "../Dockerfile")
	for _, want := range []string{`ENTRYPOINT ["dtctl"]`, "COPY --from=build /out/dtctl /usr/local/bin/dtctl\n", "-o /out/dtctl ./cmd/dtctl\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
	variable := found(t, "Dockerfile", text, `-X main\.([a-zA-Z]+)=\$\{VERSION\}`)
	if !regexp.MustCompile(`(?m)^(var\s+)?\s*` + variable + `\s+=\s*"`).MatchString(program(t)) {
		t.Errorf("the program has no variable %s for its version", variable)
	}
	path := found(t, "Dockerfile", text, `ENV PATH=(\S+)`)
	if got := found(t, "sshd_config", read(t, "compose/sshd_config"), `SetEnv PATH=(\S+)`); got != path {
		t.Errorf("over ssh PATH is %s, in the image %s", got, path)
	}
	for name, s := range loadCompose(t).Services {
		for at, from := range s.mounted() {
			if strings.HasPrefix(from, "bbcp-") && !slices.Contains(strings.Split(path, ":"), at) {
				t.Errorf("%s has its bbcp in %s, which is not in the PATH %s", name, at, path)
			}
		}
	}
	for _, want := range []string{"AllowUsers cdt\n", "HostKey /run/keys/host_key\n", "AuthorizedKeysFile /run/keys/authorized_keys\n"} {
		if !strings.Contains(read(t, "compose/sshd_config"), want) {
			t.Errorf("sshd_config has no %s", want)
		}
	}
}
