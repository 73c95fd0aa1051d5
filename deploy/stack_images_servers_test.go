//go:build servers

package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

// image is what stands for the image of a service: a program of this machine, with what the image would bring.
type image struct {
	program string   // bound into /usr/local/bin with its folder; "": Debian's own is called
	path    string   // PATH
	folder  string   // where it starts
	user    string   // that an image becomes which begins as root; "": as the file says
	folders []string // that the image has, its user's own
	// command is how the image calls its program; nil: the service's entrypoint and command say it all.
	command func(address string, of service) []string
	healthy []string // asks in place of a health check that needs what only the image has; nil: the service's own
}

const debianPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin"

// images are those that can be stood for here, by their names without version. Grafana cannot be built from a module.
func images(t *testing.T, full bool) map[string]image {
	t.Helper()
	postgres := filepath.Dir(testserver.Need(t, "postgres", "postgresql", "/usr/lib/postgresql/*/bin"))
	for program, debian := range map[string]string{"redis-server": "redis-server", "prometheus": "prometheus", "rsync": "rsync", "wget": "wget", "openssl": "openssl", "setpriv": "util-linux"} {
		testserver.Need(t, program, debian)
	}
	dtctl := testserver.Program(t, "../cmd/dtctl")
	if err := os.Chmod(filepath.Dir(dtctl), 0o755); err != nil {
		t.Fatal(err)
	}
	out := map[string]image{
		"cdt":               {program: dtctl, path: "/opt/site/bin:/usr/local/bin:/usr/bin:/bin", folder: "/var/lib/cdt", command: after("dtctl")},
		"postgres":          {path: postgres + ":" + debianPath, folder: "/", user: "999:999", command: postgresCommand},
		"redis":             {path: debianPath, folder: "/", command: with("redis-server", "--bind", "ADDRESS")},
		"versity/versitygw": {program: testserver.Build(t, testserver.VersityGW), path: debianPath, folder: "/", command: with()},
		"influxdb":          {program: testserver.Build(t, testserver.InfluxDB), path: debianPath, folder: "/", command: influxCommand, healthy: []string{"wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8086/health"}},
		"prom/prometheus":   {path: debianPath, folder: "/", command: with("prometheus", "--web.listen-address=ADDRESS:9090")},
	}
	if full {
		out["grafana/loki"] = image{program: testserver.Loki(t), path: debianPath, folder: "/",
			command: with("loki", "-server.http-listen-address=ADDRESS", "-server.grpc-listen-address=ADDRESS")}
		out["jaegertracing/all-in-one"] = image{program: testserver.Jaeger(t), path: debianPath, folder: "/", command: jaegerCommand}
		out["otel/opentelemetry-collector-contrib"] = image{program: testserver.Collector(t), path: debianPath, folder: "/", command: with("otelcol"),
			healthy: []string{"wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8888/metrics"}}
	}
	return out
}

// after is an image whose entrypoint is a program, and whose command is the service's.
func after(program string) func(string, service) []string {
	return func(_ string, of service) []string {
		if len(of.Entrypoint) > 0 {
			return append(of.Entrypoint[:len(of.Entrypoint):len(of.Entrypoint)], of.Command...)
		}
		return append([]string{program}, of.Command...)
	}
}

// with is after, and further arguments that have it listen at an address of its own.
func with(program ...string) func(string, service) []string {
	return func(address string, of service) []string {
		var out []string
		if len(program) > 0 {
			out = after(program[0])(address, of)
			for _, more := range program[1:] {
				out = append(out, strings.ReplaceAll(more, "ADDRESS", address))
			}
			return out
		}
		return after("")(address, of)
	}
}

// postgresCommand does what the image's entrypoint does at its first start.
func postgresCommand(address string, of service) []string {
	if len(of.Entrypoint) > 0 {
		return of.Entrypoint
	}
	const first = `set -eu
initdb -D "$PGDATA" -U "$POSTGRES_USER" --auth=scram-sha-256 --pwfile="$POSTGRES_PASSWORD_FILE" --no-sync >/dev/null
echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -D "$PGDATA" postgres >/dev/null
exec "$@" -D "$PGDATA" -c fsync=off -c listen_addresses=`
	return append([]string{"/usr/bin/env", "PGDATA=/var/lib/postgresql/data", "/bin/sh", "-c", first + address, "postgres"}, of.Command...)
}

// influxCommand starts InfluxDB 1.8 with the bucket that the image of 2.7 would have made, for anybody.
func influxCommand(address string, _ service) []string {
	const first = `set -eu
cat > /etc/influxdb2/influxdb.conf <<END
reporting-disabled = true
bind-address = "$0:8088"
[meta]
  dir = "/var/lib/influxdb2/meta"
[data]
  dir = "/var/lib/influxdb2/data"
  wal-dir = "/var/lib/influxdb2/wal"
  query-log-enabled = false
[http]
  bind-address = "$0:8086"
  flux-enabled = true
  log-enabled = false
END
(until wget -q -O /dev/null --post-data "q=CREATE DATABASE $DOCKER_INFLUXDB_INIT_BUCKET" "http://$0:8086/query"; do sleep 0.1; done) &
exec influxd -config /etc/influxdb2/influxdb.conf`
	return []string{"/bin/sh", "-c", first, address}
}

// jaegerCommand has every port of Jaeger at the service's address.
func jaegerCommand(address string, of service) []string {
	out := after("all-in-one")(address, of)
	for flag, port := range map[string]string{"collector.otlp.http.host-port": "4318", "collector.otlp.grpc.host-port": "4317", "collector.grpc-server.host-port": "14250",
		"collector.http-server.host-port": "14268", "query.http-server.host-port": "16686", "query.grpc-server.host-port": "16685", "admin.http.host-port": "14269"} {
		out = append(out, "--"+flag+"="+address+":"+port)
	}
	return append(out, "--collector.otlp.enabled=true")
}
