//go:build servers

package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// demonstration is the route of docker-compose.yml at work, and what is known of its packages.
type demonstration struct {
	asked
	full      bool
	packages  []packageOf
	shownFrom time.Time // Prometheus has everything
}

type packageOf struct {
	ID, Name string
	Size     int64
	Copies   []struct{ Location, State, Path string }
}

func (p packageOf) trace() string { return strings.ReplaceAll(p.ID, "-", "") }

// Everything that docker-compose.yml names runs without Docker, each service in a process of its own: engine, a worker for every
// site, sshd between them, PostgreSQL, Redis, InfluxDB, an S3 server and Prometheus. Files go from the telescope to both
// archives, over an outage; then rates and states are read back from the servers. With CDT_SERVERS=full also Loki, the
// collector and Jaeger: logs and traces, and every query of every panel and rule, after troubles that give each of them something to show.
func TestTheStackIsSeen(t *testing.T) {
	t.Parallel()
	d := &demonstration{full: os.Getenv("CDT_SERVERS") == "full"}
	if !d.full {
		t.Logf("left to make test-full (CDT_SERVERS=full): %s, and every query of every panel and alert rule; Grafana needs Docker", strings.Join(left(), ", "))
	}
	d.stack, d.begun = newStack(t, d.full), time.Now() //nolint:forbidigo // servers have the machine's clock
	d.up()
	t.Logf("%d services of docker-compose.yml are healthy after %s", len(d.services), time.Since(d.begun).Round(100*time.Millisecond)) //nolint:forbidigo // for people
	d.outage(t)
	d.archived(t, 2)
	t.Run("read back", func(t *testing.T) {
		for name, read := range d.readers() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				read(t)
			})
		}
	})
	if !d.full {
		return
	}
	d.shownFrom = time.Now() //nolint:forbidigo // as above
	t.Run("smoke", d.smoke)
	d.troubles(t)
	t.Run("panels", d.panels)
	t.Run("rules", d.rules)
	t.Logf("the route and its troubles took %s", time.Since(d.begun).Round(time.Second)) //nolint:forbidigo // for people
}

// readers read back what was done, each from one server.
func (d *demonstration) readers() map[string]func(*testing.T) {
	out := map[string]func(*testing.T){"states and rates from Prometheus": d.inPrometheus, "states and rates from InfluxDB": d.inInflux}
	if d.full {
		out["logs from Loki"], out["traces from Jaeger"] = d.inLoki, d.inJaeger
	}
	return out
}

// outage files two observations, the first while Cologne cannot be reached; the second goes once the first has crossed.
func (d *demonstration) outage(t *testing.T) {
	t.Helper()
	d.halt(t, "sshd-cologne")
	d.file(t, "first")
	d.reads(t, `sum(cdt_task_ended_total{end="failed",link=~"ccat>.*"})`, func(v float64) bool { return v >= 1 })
	d.again(t, "sshd-cologne")
	d.reads(t, `sum(cdt_task_ended_total{end="finished",link=~"ccat>.*",piece="send"})`, func(v float64) bool { return v >= 1 })
	d.file(t, "second")
}

// file makes the files of an observation at the telescope.
func (d *demonstration) file(t *testing.T, observation string) {
	t.Helper()
	d.run(t, "worker-ccat", "sh", "-c", "mkdir -p /data/primecam/"+observation+" && for i in 1 2 3 4 5; do head -c 2000000 /dev/urandom > /data/primecam/"+observation+"/$i.fits; done")
}

// run runs a command in a service.
func (d *demonstration) run(t *testing.T, service string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := d.inside(ctx, service, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// halt ends a service; again starts it and waits until it is healthy.
func (d *demonstration) halt(t *testing.T, services ...string) {
	t.Helper()
	for _, name := range services {
		if err := d.running[name].stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *demonstration) again(t *testing.T, services ...string) {
	t.Helper()
	for _, name := range services {
		c, err := d.start(name)
		if err != nil {
			t.Fatal(err)
		}
		d.mu.Lock()
		d.running[name] = c
		d.mu.Unlock()
		if err := d.await(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// archived waits until n packages are in both archives.
func (d *demonstration) archived(t *testing.T, n int) {
	t.Helper()
	d.eventually(t, 2*patience, strconv.Itoa(n)+" packages are in both archives", func() (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		out, err := d.inside(ctx, "engine", "dtctl", "packages", "--state", "done", "-o", "json")
		if err != nil {
			return false, err.Error()
		}
		var got struct{ Packages []packageOf }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			return false, err.Error()
		}
		d.packages = got.Packages
		return len(d.packages) >= n, fmt.Sprintf("%d packages", len(d.packages))
	})
}

// bytes are those of all packages.
func (d *demonstration) bytes() (n int64) {
	for _, p := range d.packages {
		n += p.Size
	}
	return n
}

// is compares as a condition for reads.
func is(want float64) func(float64) bool { return func(v float64) bool { return v == want } }

func some(v float64) bool { return v > 0 }
