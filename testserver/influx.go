package testserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// InfluxDB is InfluxDB in the last version before 2; Debian's own does not take /api/v2/write.
const InfluxDB = "github.com/influxdata/influxdb/cmd/influxd@v1.8.10"

// InfluxServer is an InfluxDB 1.8 of a test's own, with Flux.
type InfluxServer struct {
	URL    string // http://127.0.0.1:PORT
	Token  string // "user:password" if it wants to know who asks
	Bucket string // the database that it has
}

// The only user of an InfluxDB that wants to know who asks.
const influxUser, influxPassword = "cdt", "in-flux"

// influxConfig is all that differs from what InfluxDB does by itself: folders, addresses, Flux, few words.
const influxConfig = `
reporting-disabled = true
bind-address = "127.0.0.1:%d"
[meta]
  dir = %q
[data]
  dir = %q
  wal-dir = %q
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = %q
  flux-enabled = true
  log-enabled = false
  auth-enabled = %t
`

// Influx starts an InfluxDB that takes what anybody sends into the bucket "cdt".
func Influx(t testing.TB) *InfluxServer {
	t.Helper()
	return influx(t, false)
}

// InfluxWithUsers starts one that takes nothing without its Token.
func InfluxWithUsers(t testing.TB) *InfluxServer {
	t.Helper()
	return influx(t, true)
}

func influx(t testing.TB, users bool) *InfluxServer {
	t.Helper()
	program, dir := Build(t, InfluxDB), folder(t, nil)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(Port(t)))
	config := filepath.Join(dir, "influxdb.conf")
	text := fmt.Sprintf(influxConfig, Port(t), filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal"), addr, users)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Not bound to the test's context: that ends before the clean-up that stops it.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-config", config)
	cmd.Dir = dir
	(&server{name: "InfluxDB", cmd: cmd, ready: "Listening for signals", signal: syscall.SIGTERM}).start(t)
	s := &InfluxServer{URL: "http://" + addr, Bucket: "cdt"}
	if users {
		s.say(t, fmt.Sprintf("CREATE USER %s WITH PASSWORD '%s' WITH ALL PRIVILEGES", influxUser, influxPassword))
		s.Token = influxUser + ":" + influxPassword
	}
	s.say(t, "CREATE DATABASE "+s.Bucket)
	return s
}

// say gives a statement in InfluxQL.
func (s *InfluxServer) say(t testing.TB, statement string) {
	t.Helper()
	form := url.Values{"q": {statement}}
	if s.Token != "" {
		form.Set("u", influxUser)
		form.Set("p", influxPassword)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/query?"+form.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("ask InfluxDB: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body) // the status comes before it is done, what came of it afterwards
	if err != nil || answer.StatusCode != http.StatusOK || strings.Contains(string(body), `"error"`) {
		t.Fatalf("InfluxDB answers %s to %q: %s, %v", answer.Status, statement, body, err)
	}
}
