//go:build servers

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// line is a connection to PostgreSQL that is long and can be cut.
type line struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// newLine opens a port of this host that leads to a server, there and back in roundTrip.
func newLine(t *testing.T, to string, roundTrip time.Duration) *line {
	t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l := &line{t: t, proxy: toxiproxy.NewProxy(api, "line", net.JoinHostPort("127.0.0.1", strconv.Itoa(testserver.Port(t))), to)}
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.proxy.Stop)
	for _, way := range []string{"upstream", "downstream"} {
		l.add(fmt.Sprintf(`{"name": "far-%s", "type": "latency", "stream": %q, "attributes": {"latency": %d}}`, way, way, (roundTrip / 2).Milliseconds()))
	}
	return l
}

func (l *line) add(toxic string) {
	l.t.Helper()
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		l.t.Fatal(err)
	}
}

// silent has everything vanish: connections stand and nothing comes. mend ends that.
func (l *line) silent() (mend func()) {
	l.t.Helper()
	ways := []string{"upstream", "downstream"}
	for _, way := range ways {
		l.add(fmt.Sprintf(`{"name": "cut-%s", "type": "timeout", "stream": %q, "attributes": {"timeout": 0}}`, way, way))
	}
	return func() {
		for _, way := range ways {
			if err := l.proxy.Toxics.RemoveToxic(context.WithoutCancel(l.t.Context()), "cut-"+way); err != nil {
				l.t.Error(err)
			}
		}
	}
}

// refused ends every connection and takes no other. mend ends that.
func (l *line) refused() (mend func()) {
	l.proxy.Stop()
	return func() {
		if err := l.proxy.Start(); err != nil {
			l.t.Error(err)
		}
	}
}

// far is the fleet as it is seen from beyond a line.
func (f *fleet) far(address string) *fleet {
	beyond := *f
	beyond.url = "postgres://cdt@" + address + "/postgres?sslmode=disable&connect_timeout=5"
	return &beyond
}

// length is a time from the environment, for the long form of a test.
func length(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("%s=%q is no duration", name, text)
	}
	return d
}

// Cornell is 250 ms away from PostgreSQL, and is cut off again and again for
// longer than its lease, with connections that hang and with none. In the end everything
// is archived once. CDT_CUT=60s CDT_CUT_LEASE=60s is the long form.
func TestAFarWorkerThatIsCutOff(t *testing.T) {
	t.Parallel()
	cut, lease := length(t, "CDT_CUT", 6*time.Second), length(t, "CDT_CUT_LEASE", 5*time.Second)
	total := sizeFrom(t, "CDT_FLEET_BYTES", 60_000_000)
	port := strconv.Itoa(testserver.Port(t))
	server := net.JoinHostPort("127.0.0.1", port)
	testserver.PostgresWith(t, "listen_addresses=127.0.0.1", "port="+port, "fsync=off", "full_page_writes=off", "max_connections=200")
	f := newFleet(t, "host=/nowhere ", "MB(8)")
	f.url = "postgres://cdt@" + server + "/postgres?sslmode=disable"
	f.engine("--lease", lease.String()).waitFor(`"msg":"serving"`)
	f.initialise()
	line := newLine(t, server, 250*time.Millisecond)
	far := f.far(line.proxy.Listen).worker("cornell", "--lease", lease.String())
	workers := []*served{far, f.worker("ccat", "--lease", lease.String()), f.worker("cologne", "--lease", lease.String())}
	for _, w := range workers {
		w.waitFor(`"msg":"working"`)
	}
	r := rand.New(rand.NewPCG(6, 0)) //nolint:gosec // repeatable on purpose
	cuts := []func() func(){line.silent, line.refused, line.silent}
	for i, begin := range cuts {
		f.fill(fmt.Sprintf("obs%d", i), total/int64(len(cuts)), 4_000_000, r)
		f.until("Cornell has work in hand", time.Minute+cut, func(ctx context.Context, s looker) (bool, error) {
			tasks, err := s.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskInProgress), Limit: 1000})
			for _, task := range tasks {
				if task.Site() == "cornell" {
					return true, err
				}
			}
			return false, err
		})
		mend := begin()
		over := time.NewTimer(cut)
		<-over.C
		mend()
	}
	f.until("everything is archived and cleaned up", 3*time.Minute+20*cut, f.finished)
	for _, w := range workers {
		w.stop()
	}
	f.check()
	dtctl(t, exitGood, "audit", "verify", "--db", f.url)
}
