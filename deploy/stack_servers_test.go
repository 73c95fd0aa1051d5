//go:build servers

package deploy

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// stack is docker-compose.yml without Docker: every service is a process with its own file system, user and rights,
// its volumes and settings as that file says, at an address of its own on this host.
type stack struct {
	t        *testing.T
	dir      string
	script   string // testdata/container.sh
	services map[string]service
	images   map[string]image
	address  map[string]string // by service
	settings map[string]string // what docker-compose would take from the environment
	files    map[string]string // files of ours that are mounted, of which a changed copy is

	mu      sync.Mutex
	running map[string]*container
	ready   map[string]chan struct{} // closed when the service is healthy, or has ended well
}

// left are the services that only the full form has.
func left() []string { return []string{"loki", "jaeger", "otel-collector"} }

// newStack makes one of which nothing runs yet.
func newStack(t *testing.T, full bool) *stack {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test gives every service a file system of its own and must run as root")
	}
	script, err := filepath.Abs("testdata/container.sh")
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, dir: t.TempDir(), script: script, services: loadCompose(t).Services, images: images(t, full), address: map[string]string{}, settings: map[string]string{},
		files: map[string]string{}, running: map[string]*container{}, ready: map[string]chan struct{}{}}
	delete(s.services, "grafana")
	if !full {
		for _, name := range left() {
			delete(s.services, name)
		}
		s.settings["CDT_OTLP"] = ""
	}
	net := rand.IntN(250*250) + 256
	for i, name := range slices.Sorted(maps.Keys(s.services)) {
		s.address[name] = fmt.Sprintf("127.%d.%d.%d", 1+net/250, net%250, i+2)
		s.ready[name] = make(chan struct{})
	}
	s.etc()
	s.changeFiles()
	return s
}

// etc makes the users and names that the services know.
func (s *stack) etc() {
	s.t.Helper()
	hosts := "127.0.0.1 localhost\n"
	for name, address := range s.address {
		hosts += address + " " + name + "\n"
	}
	users, groups := "root:x:0:0::/root:/bin/sh\n", "root:x:0:\n"
	for name, id := range map[string]string{"cdt": "10001", "postgres": "999", "grafana": "472", "nobody": "65534", "sshd": "100"} {
		users += name + ":x:" + id + ":" + id + "::/home/cdt:/bin/sh\n"
		groups += name + ":x:" + id + ":\n"
	}
	for name, text := range map[string]string{"hosts": hosts, "passwd": users, "group": groups} {
		s.write(filepath.Join("etc", name), text)
	}
}

func (s *stack) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// changeFiles makes copies of the files in which times are shorter, so that they can be waited for; nothing else differs.
func (s *stack) changeFiles() {
	s.t.Helper()
	short := []string{"after: 10s", "after: 1s", "seconds(30)", "seconds(2)", "hours(1)", "seconds(3)"}
	s.changed("./examples/compose", "../examples/compose/routes.yaml", append(short, "grace: 10m", "grace: 1s")...)
	s.changed("./deploy/prometheus", "prometheus/prometheus.yml", "_interval: 15s", "_interval: 1s")
	s.changed("./deploy/prometheus", "prometheus/rules.yml", "groups:", "groups:")
	if address := s.address["loki"]; address != "" {
		s.changed("./examples/compose", "../examples/compose/routes.yaml", append(short, "grace: 10m", "grace: 1s\n      brake: {bytes: 20TB, packages: 3}")...)
		s.changed("./deploy/loki", "loki/loki.yaml", "replication_factor: 1", "replication_factor: 1\n  instance_addr: "+address)
		s.changed("./deploy/otel-collector", "otel-collector/collector.yaml", "0.0.0.0", s.address["otel-collector"])
	}
}

func (s *stack) changed(mount, file string, oldnew ...string) {
	s.t.Helper()
	text := read(s.t, file)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			s.t.Fatalf("%s has no %q", file, oldnew[i])
		}
		text = strings.ReplaceAll(text, oldnew[i], oldnew[i+1])
	}
	s.files[mount] = filepath.Dir(s.write(filepath.Join("files", filepath.Base(mount), filepath.Base(file)), text))
}

// volume is where a mounted file, folder or volume is on this host.
func (s *stack) volume(_, from string) string {
	if !strings.HasPrefix(from, "./") {
		return filepath.Join(s.dir, "volumes", from)
	}
	if changed := s.files[from]; changed != "" {
		return changed
	}
	path, err := filepath.Abs(filepath.Join("..", from))
	if err != nil {
		panic(err) // there is no folder to work in
	}
	return path
}

// interpolated replaces ${NAME-default} as docker-compose does, and $$.
func (s *stack) interpolated(text string) string {
	text = regexp.MustCompile(`\$\{([A-Z_]+)(:?-[^}]*)?\}`).ReplaceAllStringFunc(text, func(v string) string {
		name, otherwise, _ := strings.Cut(strings.Trim(v, "${}"), "-")
		if set, ok := s.settings[strings.TrimSuffix(name, ":")]; ok {
			return set
		}
		return otherwise
	})
	return strings.ReplaceAll(text, "$$", "$")
}

// here has a service listen, and ask itself, at its own address.
func (s *stack) here(name, text string) string {
	text = strings.NewReplacer("127.0.0.1", s.address[name], "0.0.0.0", s.address[name], " :7070", " "+s.address[name]+":7070", "redis-cli ping", "redis-cli -h "+s.address[name]+" ping").Replace(text)
	if strings.HasPrefix(text, ":") {
		return s.address[name] + text
	}
	return text
}

func (s *stack) imageOf(name string) image {
	of, _, _ := strings.Cut(s.services[name].Image, ":")
	return s.images[of]
}

func (s *stack) command(name string, of service, in image) []string {
	command := in.command(s.address[name], of)
	if slices.Contains(of.Entrypoint, "/usr/sbin/sshd") {
		command = append(command, "-o", "ListenAddress="+s.address[name])
	}
	for i := range command {
		command[i] = s.here(name, s.interpolated(command[i]))
	}
	return command
}
