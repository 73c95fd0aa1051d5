//go:build servers

package bench_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/testserver"
)

// holeRoutes packs every file by itself and archives it.
const holeRoutes = `
version: 1
sites:
  lab:
    locations:
      camera: {type: source, disk: {path: ROOT/camera}, layout: "{instrument}/{observation}/**", final: {by: rename}}
      buffer: {type: buffer, disk: {path: ROOT/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/lta}}
routes:
  raw:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer, max_size: 50MB, close_when: group.files >= 1}
      archive: {type: archive, from: lab.buffer, to: lab.lta}
      scrub:   {type: verify, at: lab.lta, every: 90d}
`

const (
	holeSize   = 200_000
	holeFeed   = 50               // packages that are put in together
	holeAhead  = 200              // packages that wait at least
	holeWarm   = 10 * time.Second // before the first figure
	holeSettle = time.Second      // after a turn
)

// BenchmarkBlackhole asks whether the data path notices that those who look at it are gone. While packages of 200 kB are packed and archived as
// fast as they can be, InfluxDB, Redis, a collector, and all three at once become holes and are there again, in turns: holes that take connections and never
// answer, and holes that do not take any. It prints packages archived per second with the hole over without, for each turn, and the medians.
// CDT_BENCH_ROUNDS (5) pairs of turns each, of CDT_BENCH_SECONDS (5).
func BenchmarkBlackhole(b *testing.B) {
	rounds, window := number(b, "CDT_BENCH_ROUNDS", 5), time.Duration(number(b, "CDT_BENCH_SECONDS", 5))*time.Second
	s := newSwallowed(b)
	defer s.feeding()()
	pause(b, holeWarm)
	for range b.N {
		var all []float64
		for _, name := range []string{"influxdb", "redis", "collector", "all"} {
			var of []float64
			for round := range rounds {
				of = append(of, s.pair(name, round, window))
			}
			fmt.Printf("%s: median ratio %.3f of %d pairs\n", name, median(of), rounds)
			b.ReportMetric(median(of), name+"-ratio")
			all = append(all, of...)
		}
		b.ReportMetric(median(all), "ratio")
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
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(sink.Close)
	influx := testserver.Influx(b)
	s := &swallowed{holes: map[string]*testserver.Hole{
		"influxdb":  testserver.NewHole(b, strings.TrimPrefix(influx.URL, "http://")),
		"redis":     testserver.NewHole(b, testserver.Redis(b).Addr),
		"collector": testserver.NewHole(b, strings.TrimPrefix(sink.URL, "http://")),
	}}
	s.small = newSite(b, holeRoutes, "--at-once", "16", "--scan", "60s", "--influx-url", "http://"+s.holes["influxdb"].Addr, "--influx-bucket", influx.Bucket,
		"--redis", "redis://"+s.holes["redis"].Addr+"/0", "--otlp", "http://"+s.holes["collector"].Addr)
	var err error
	s.conn, err = pgx.Connect(b.Context(), s.url)
	s.check(err)
	b.Cleanup(func() { _ = s.conn.Close(b.Context()) })
	return s
}

// pair measures with and without a hole, one after the other; which is first and which kind of hole it is, changes with the round.
func (s *swallowed) pair(name string, round int, window time.Duration) float64 {
	s.Helper()
	turns, kind := []bool{true, false}, "silent"
	if round%2 == 1 {
		kind = "deaf"
	}
	if round%4 >= 2 {
		turns = []bool{false, true}
	}
	rates := map[bool]float64{}
	for _, gone := range turns {
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
		rates[gone] = s.rate(window)
	}
	fmt.Printf("%s, round %d: %s hole %.1f, without %.1f packages/s, ratio %.3f\n", name, round+1, kind, rates[true], rates[false], rates[true]/rates[false])
	return rates[true] / rates[false]
}

// rate is how many packages are archived per second, from a moment on.
func (s *swallowed) rate(window time.Duration) float64 {
	s.Helper()
	pause(s.B, holeSettle)
	var from, to time.Time
	var n int
	s.check(s.conn.QueryRow(s.Context(), `SELECT clock_timestamp()`).Scan(&from))
	pause(s.B, window)
	s.check(s.conn.QueryRow(s.Context(), `SELECT now_is, (SELECT count(*) FROM task WHERE type = 'archive' AND state = 'completed' AND ended_at >= $1 AND ended_at < now_is)
	  FROM (SELECT clock_timestamp() AS now_is) x`, from).Scan(&to, &n))
	if n == 0 {
		s.Fatal("nothing was archived")
	}
	return float64(n) / to.Sub(from).Seconds()
}

// archivedNow is how many packages are archived, however many tasks there were.
const archivedNow = `SELECT coalesce(sum(count), 0) FROM tally_now WHERE kind = 'copy' AND a = 'lab.lta' AND b = 'present'`

// feeding puts packages in, so that some always wait, until the returned function is called.
func (s *swallowed) feeding() (stop func()) {
	conn, err := pgx.Connect(s.Context(), s.url)
	s.check(err)
	halt, ended := make(chan struct{}), make(chan error)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			var err error
			done := 0
			if err = conn.QueryRow(s.Context(), archivedNow).Scan(&done); err == nil && s.fed-done < holeAhead {
				err = s.feed()
			}
			select {
			case <-halt:
				ended <- errors.Join(err, conn.Close(s.Context()))
				return
			case <-tick.C:
				if err != nil {
					fmt.Println("feed:", err)
				}
			}
		}
	}()
	return func() {
		close(halt)
		s.check(<-ended)
	}
}

func (s *swallowed) feed() error {
	made := filepath.Join(s.root, "made", strconv.Itoa(s.fed))
	content := make([]byte, holeSize)
	for i := range holeFeed {
		dir := filepath.Join(made, fmt.Sprintf("o%03d", i))
		copy(content, fmt.Sprint(s.fed, " ", i))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "f.fits"), content, 0o600)); err != nil {
			return err
		}
	}
	if err := os.Rename(made, filepath.Join(s.root, "camera", filepath.Base(made))); err != nil {
		return err
	}
	s.fed += holeFeed
	return nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
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
