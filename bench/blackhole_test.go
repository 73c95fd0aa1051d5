//go:build servers

package bench_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/testserver"
)

const (
	holeWarm   = 15 * time.Second // before the first figure
	holeSettle = 2 * time.Second  // after a change: longer than it takes to send what had waited
)

// BenchmarkBlackhole asks whether the data path notices that those who look at it are gone. While small packages are packed and archived as
// fast as they can be, InfluxDB, Redis, the collector, and all three at once become holes and are there again: holes that take connections and never
// answer, and holes that do not take any. All processes live from the beginning to the end.
//
// Turns with (A) and without (B) a hole come as ABBA and BAAB, so that what grows or falls evenly falls out; the receivers come one after the other,
// round by round. The ratio of a block is that of the packages per second of its two turns A and of its two turns B. It prints every block, and of each
// receiver and of all blocks the median with its 95 % interval (bootstrap). Beside it stands the processor time of CDT's own processes for a package: what
// the receivers leave to others when they have nothing to do raises the ratio, but not that.
// Everything lies in memory: there is no disk to wait for, and all that is done for those who look shows.
// CDT_BENCH_ROUNDS (4) blocks for each receiver, of turns of CDT_BENCH_SECONDS (5).
func BenchmarkBlackhole(b *testing.B) {
	rounds, window := number(b, "CDT_BENCH_ROUNDS", 4), time.Duration(number(b, "CDT_BENCH_SECONDS", 5))*time.Second
	b.Setenv("TMPDIR", "/dev/shm")
	s := newSwallowed(b)
	defer s.feeding()()
	pause(b, holeWarm)
	for range b.N {
		var all, cost []float64
		of := map[string][]float64{}
		names := []string{"influxdb", "redis", "collector", "all"}
		for round := range rounds {
			for i, name := range names {
				t := s.block(name, round+i, window)
				fmt.Printf("%s, round %d: %s\n", name, round+1, t)
				of[name], all, cost = append(of[name], t.ratio()), append(all, t.ratio()), append(cost, t.dear())
			}
		}
		for _, name := range names {
			fmt.Printf("%s: ratio %s\n", name, between(of[name]))
			b.ReportMetric(median(of[name]), name+"-ratio")
		}
		fmt.Printf("over all: ratio %s; processor time of CDT for a package %s times that without a hole\n", between(all), between(cost))
		b.ReportMetric(median(all), "ratio")
		b.ReportMetric(median(cost), "cost")
		if median(all) < 0.98 {
			b.Errorf("with a hole %.3f of the packages go through", median(all))
		}
	}
}

// swallowed is a site whose processes speak to others through holes.
type swallowed struct {
	*small
	conn  *pgx.Conn
	holes map[string]*testserver.Hole
	fed   int
}

func newSwallowed(b *testing.B) *swallowed {
	b.Helper()
	influx := testserver.Influx(b)
	s := &swallowed{holes: map[string]*testserver.Hole{
		"influxdb":  testserver.NewHole(b, strings.TrimPrefix(influx.URL, "http://")),
		"redis":     testserver.NewHole(b, testserver.Redis(b).Addr),
		"collector": testserver.NewHole(b, collector(b)),
	}}
	// A checkpoint in one turn and none in the next would be all one sees.
	url := testserver.PostgresWith(b, "checkpoint_timeout=1h", "max_wal_size=16GB", "autovacuum_naptime=2s")
	s.small = newSiteOn(b, url, holeRoutes, "--at-once", "16", "--scan", "60s", "--influx-url", "http://"+s.holes["influxdb"].Addr, "--influx-bucket", influx.Bucket,
		"--redis", "redis://"+s.holes["redis"].Addr+"/0", "--otlp", "http://"+s.holes["collector"].Addr)
	var err error
	s.conn, err = pgx.Connect(b.Context(), s.url)
	s.check(err)
	b.Cleanup(func() { _ = s.conn.Close(b.Context()) })
	return s
}

// collector starts the collector of docker-compose.yml and returns where it takes spans and logs. Those behind it take what they get and forget it.
func collector(b *testing.B) string {
	b.Helper()
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(sink.Close)
	text, err := os.ReadFile("../deploy/otel-collector/collector.yaml")
	if err != nil {
		b.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(testserver.Port(b))
	testserver.StartCollector(b, strings.NewReplacer("0.0.0.0:4318", address, "host: 0.0.0.0, port: 8888", "host: 127.0.0.1, port: "+strconv.Itoa(testserver.Port(b)),
		"http://jaeger:4318", sink.URL, "http://loki:3100/otlp", sink.URL).Replace(string(text)))
	return address
}

// block measures ABBA, or, every other time, BAAB. Which kind of hole it is, changes with the round.
func (s *swallowed) block(name string, round int, window time.Duration) *block {
	s.Helper()
	out := &block{kind: "silent"}
	if round%4 >= 2 {
		out.kind = "deaf"
	}
	turns := []bool{true, false, false, true}
	if round%2 == 1 {
		turns = []bool{false, true, true, false}
	}
	for _, gone := range turns {
		s.become(name, gone, out.kind)
		pause(s.B, holeSettle)
		out.add(gone, s.turn(window))
	}
	return out
}

// become makes holes of receivers, and has all others be there.
func (s *swallowed) become(name string, gone bool, kind string) {
	s.Helper()
	for one, h := range s.holes {
		switch {
		case !gone || name != "all" && name != one:
			h.Open()
		case kind == "deaf":
			h.Deaf()
		default:
			h.Silent()
		}
	}
}

// turn counts what is done from a moment on: packages packed and archived, each of these one half, so that it does not matter which of them comes
// first just now; and the processor time of every program meanwhile.
func (s *swallowed) turn(window time.Duration) turn {
	s.Helper()
	var from, to time.Time
	before := s.processors()
	s.check(s.conn.QueryRow(s.Context(), `SELECT clock_timestamp()`).Scan(&from))
	pause(s.B, window)
	s.check(s.conn.QueryRow(s.Context(), `SELECT clock_timestamp()`).Scan(&to))
	out := turn{took: to.Sub(from), cpu: s.processors()}
	for name, was := range before {
		out.cpu[name] -= was
	}
	var halves int
	s.check(s.conn.QueryRow(s.Context(), `SELECT count(*) FROM task WHERE type IN ('package', 'archive') AND state = 'completed' AND ended_at >= $1 AND ended_at < $2`, from, to).Scan(&halves))
	if halves == 0 {
		s.Fatal("nothing was archived")
	}
	out.packages = float64(halves) / 2
	return out
}

func pause(b *testing.B, d time.Duration) {
	b.Helper()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.Context().Done():
		b.Fatal(b.Context().Err())
	}
}
