//go:build servers

package deploy

import (
	"context"
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
	"time"

	"golang.org/x/sync/errgroup"
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

// up starts every service once those it depends on are healthy, and waits until all are.
func (s *stack) up() {
	s.t.Helper()
	s.t.Cleanup(s.down)
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for name := range s.services {
		g.Go(func() error { return s.raise(ctx, name) })
	}
	if err := g.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) raise(ctx context.Context, name string) error {
	for on := range s.services[name].DependsOn {
		if s.ready[on] == nil {
			continue
		}
		select {
		case <-s.ready[on]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c, err := s.start(name)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	s.mu.Lock()
	s.running[name] = c
	s.mu.Unlock()
	if err := s.await(ctx, c); err != nil {
		return err
	}
	close(s.ready[name])
	return nil
}

// await waits until a service is healthy, or, if it only does something, has ended well.
func (s *stack) await(ctx context.Context, c *container) error {
	limit := time.After(patience)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var last error
	for {
		select {
		case <-c.done:
			if oneShot(c.name) && c.err == nil {
				return nil
			}
			return fmt.Errorf("%s ended: %w\n%s", c.name, c.err, c.said())
		case <-limit:
			return fmt.Errorf("%s is not healthy after %s: %w\n%s", c.name, patience, last, c.said())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-look.C:
		}
		if oneShot(c.name) {
			continue
		}
		if last = s.healthy(ctx, c.name); last == nil {
			return nil
		}
	}
}

// healthy asks as the service's health check does.
func (s *stack) healthy(ctx context.Context, name string) error {
	test := s.imageOf(name).healthy
	if test == nil {
		list, ok := s.services[name].Healthcheck["test"].([]any)
		if !ok || len(list) < 2 {
			return nil
		}
		for _, word := range list[1:] {
			test = append(test, fmt.Sprint(word))
		}
		if list[0] == "CMD-SHELL" {
			test = []string{"/bin/sh", "-c", test[0]}
		}
	}
	asked := make([]string, len(test))
	for i := range test {
		asked[i] = s.here(name, s.interpolated(test[i]))
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := s.inside(ctx, name, asked...)
	return err
}

// down stops everything: those that depend on others first.
func (s *stack) down() {
	for _, wave := range [][]string{{"engine", "worker-"}, {""}} {
		var g errgroup.Group
		for name, c := range s.running {
			if slices.ContainsFunc(wave, func(w string) bool { return strings.HasPrefix(name, w) }) {
				g.Go(c.stop)
			}
		}
		if err := g.Wait(); err != nil {
			s.t.Error(err)
		}
	}
	if s.t.Failed() {
		for name, c := range s.running {
			s.t.Logf("--- %s\n%s", name, c.said())
		}
	}
}
