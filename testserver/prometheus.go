package testserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Prometheus starts Debian's Prometheus, which looks at the targets (host:port) once a second as job "cdt", and at the
// files of rules as often. It returns its address, http://127.0.0.1:PORT.
func Prometheus(t testing.TB, targets, rules []string) string {
	t.Helper()
	program, dir := Need(t, "prometheus", "prometheus"), folder(t, nil)
	quoted := func(list []string) string {
		var out []string
		for _, s := range list {
			out = append(out, strconv.Quote(s))
		}
		return strings.Join(out, ", ")
	}
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%s]\nscrape_configs:\n  - job_name: cdt\n    static_configs:\n      - {targets: [%s], labels: {role: engine}}\n",
		quoted(rules), quoted(targets))
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(Port(t)))
	// Not bound to the test's context: that ends before the clean-up that stops it.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	cmd.Dir = dir
	(&server{name: "Prometheus", cmd: cmd, ready: "Server is ready to receive web requests", signal: syscall.SIGTERM}).start(t)
	return "http://" + addr
}
