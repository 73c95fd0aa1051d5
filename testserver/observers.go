package testserver

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The programs that show others what CDT does, in the versions of docker-compose.yml; the collector is two older: of that one
// not every part can be had as a module. Each is built from its module into the user's cache, once. Processor
// time: Loki eight and a half minutes, Jaeger four, the collector one and a half.
const (
	lokiModule       = "github.com/grafana/loki/v3@v3.7.8"
	jaegerModule     = "github.com/jaegertracing/jaeger@v1.76.0"
	collectorBuilder = "go.opentelemetry.io/collector/cmd/builder@v0.162.0"
)

// Jaeger returns the program all-in-one of Jaeger.
func Jaeger(t testing.TB) string {
	t.Helper()
	return cached(t, "all-in-one@v1.76.0", "all-in-one", func(b *building) error { return b.source(jaegerModule, "./cmd/all-in-one", "") })
}

// Loki returns the program loki. Its module replaces one of its parts by a folder that is not in the module: with the
// replacement dropped, that part comes as a module too.
func Loki(t testing.TB) string {
	t.Helper()
	return cached(t, "loki@v3.7.8", "loki", func(b *building) error { return b.source(lokiModule, "./cmd/loki", "github.com/grafana/loki/pkg/push") })
}

// source builds a package of a module whose go.mod replaces modules, which `go install` refuses: in the
// module's own folder, by a copy of its go.mod without the replacement of dropped.
func (b *building) source(module, pkg, dropped string) error {
	folder, err := b.download(module)
	if err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(b.dir, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if dropped != "" {
		if err := b.run(b.dir, "go", "mod", "edit", "-dropreplace="+dropped, "go.mod"); err != nil {
			return err
		}
	}
	return b.run(folder, "go", "build", "-trimpath", "-ldflags=-s -w", "-mod=mod", "-modfile="+filepath.Join(b.dir, "go.mod"), "-o", filepath.Join(b.dir, "build", filepath.Base(pkg)), pkg)
}

// download brings a module into the module cache and returns its folder there.
func (b *building) download(module string) (string, error) {
	out, err := b.output(b.dir, "go", "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	return got.Dir, nil
}

// collectorParts are those of the OpenTelemetry Collector that deploy/otel-collector asks for; all stand in its
// distribution contrib, which has some two hundred more.
const collectorParts = `
dist: {module: example.org/otelcol, name: otelcol, description: "for tests", version: 0.162.0, output_path: ./build, cgo_enabled: false}
receivers:  [{gomod: "go.opentelemetry.io/collector/receiver/otlpreceiver v0.162.0"}]
processors:
  - {gomod: "go.opentelemetry.io/collector/processor/batchprocessor v0.162.0"}
  - {gomod: "go.opentelemetry.io/collector/processor/memorylimiterprocessor v0.162.0"}
exporters:  [{gomod: "go.opentelemetry.io/collector/exporter/otlphttpexporter v0.162.0"}]
providers:
  - {gomod: "go.opentelemetry.io/collector/confmap/provider/envprovider v1.68.0"}
  - {gomod: "go.opentelemetry.io/collector/confmap/provider/fileprovider v1.68.0"}
`

// Collector returns a program otelcol: an OpenTelemetry Collector of the parts that deploy/otel-collector asks for.
func Collector(t testing.TB) string {
	t.Helper()
	builder := Build(t, collectorBuilder)
	return cached(t, "otelcol@v0.162.0", "otelcol", func(b *building) error {
		parts := filepath.Join(b.dir, "parts.yaml")
		if err := os.WriteFile(parts, []byte(collectorParts), 0o644); err != nil {
			return err
		}
		return b.run(b.dir, builder, "--config="+parts)
	})
}

// StartCollector runs a Collector with a configuration until the test ends.
func StartCollector(t testing.TB, config string) {
	t.Helper()
	program, dir := Collector(t), folder(t, nil)
	path := filepath.Join(dir, "collector.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	// Not bound to the test's context: that ends before the clean-up that stops it.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--config="+path)
	cmd.Dir = dir
	(&server{name: "the OpenTelemetry Collector", cmd: cmd, ready: "Everything is ready", signal: syscall.SIGTERM}).start(t)
}
