package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// metrics is what is fetched from /metrics now.
func metrics(t *testing.T, c *Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// thrownAway is how much /metrics says of a receiver.
func thrownAway(t *testing.T, c *Telemetry, sink string) string {
	t.Helper()
	_, rest, found := strings.Cut(metrics(t, c), `cdt_telemetry_lost_total{sink="`+sink+`"} `)
	if !found {
		t.Fatalf("nothing is counted of %s", sink)
	}
	n, _, _ := strings.Cut(rest, "\n")
	return n
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, good func() bool) {
	t.Helper()
	limit, look := time.After(2*time.Minute), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for !good() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}

// A receiver that answers any of these is waited for: it is said once, what waits is kept, and is there once it takes it again, which is said once, too.
func TestReceiversThatCannotNow(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{
		"a wrong token": http.StatusUnauthorized, "no right": http.StatusForbidden, "no bucket yet": http.StatusNotFound, "too many requests, or RESOURCE_EXHAUSTED": http.StatusTooManyRequests,
		"a full disk of InfluxDB 1": http.StatusInternalServerError, "a proxy before nothing": http.StatusBadGateway, "a collector at its memory limit": http.StatusServiceUnavailable,
		"a full disk": http.StatusInsufficientStorage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, out := newReceiver(t), &safeBuffer{}
			r.answer(status)
			c := start(t, Config{OTLP: r.URL, Out: out, Influx: Influx{URL: r.URL, Bucket: "cdt"}, Interval: 20 * time.Millisecond})
			c.Measure().PassAge(t.Context(), time.Second)
			attempt(c, nil)
			paths := map[string]string{"otlp_traces": "/v1/traces", "otlp_logs": "/v1/logs", "influxdb": "/api/v2/write"}
			for sink := range paths {
				eventually(t, sink+" is said to be away", func() bool { return said(out, sink, "is not taken") == 1 })
			}
			r.answer(http.StatusOK)
			for sink, path := range paths {
				eventually(t, sink+" is said to be back", func() bool { return said(out, sink, "is taken again") == 1 })
				eventually(t, "what waited comes to "+path, func() bool { return len(r.got(path)) > 0 })
			}
			for _, sink := range []string{"otlp_traces", "otlp_logs"} {
				if n := thrownAway(t, c, sink); n != "0" {
					t.Errorf("of %s %s were thrown away", sink, n)
				}
			}
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			for sink := range paths {
				if away, back := said(out, sink, "is not taken"), said(out, sink, "is taken again"); away != 1 || back != 1 {
					t.Errorf("%s: said %d times that it is away, %d times that it is back", sink, away, back)
				}
			}
		})
	}
}

// said is how often a text was said of a receiver.
func said(out *safeBuffer, sink, text string) (n int) {
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, text) && strings.Contains(line, `"receiver":"`+sink+`"`) {
			n++
		}
	}
	return n
}

// A delivery that a receiver will never take is thrown away and counted, and the next one goes through.
func TestWhatIsRefusedDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity} {
		r, out := newReceiver(t), &safeBuffer{}
		r.answer(status)
		c := start(t, Config{OTLP: r.URL, Out: out, Influx: Influx{URL: r.URL, Bucket: "cdt"}, Interval: 20 * time.Millisecond})
		c.Measure().PassAge(t.Context(), time.Second)
		attempt(c, nil)
		sinks := []string{"otlp_traces", "otlp_logs", "influxdb"}
		for _, sink := range sinks {
			eventually(t, sink+" refuses", func() bool { return said(out, sink, "what is refused is thrown away and counted") == 1 })
			eventually(t, sink+" is counted", func() bool { return thrownAway(t, c, sink) != "0" })
		}
		r.answer(http.StatusOK)
		attempt(c, nil)
		for _, path := range []string{"/v1/traces", "/v1/logs", "/api/v2/write"} {
			eventually(t, "the next one comes to "+path, func() bool { return len(r.got(path)) > 0 })
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, sink := range sinks {
			if n := said(out, sink, ""); n != 1 {
				t.Errorf("%d: %d lines about %s:\n%s", status, n, sink, out)
			}
		}
	}
}

// The first receiver begins before there is anything to count with: what it refuses by then is counted all the same.
func TestWhatIsRefusedAtTheVeryBeginningIsCounted(t *testing.T) {
	t.Parallel()
	c := &Telemetry{begun: make(chan struct{})}
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		c.lost("influxdb", 3)
	}()
	if err := c.metrics(Config{}.filled(), nil, nil); err != nil {
		t.Fatal(err)
	}
	<-counted
	if n := thrownAway(t, c, "influxdb"); n != "3" {
		t.Errorf("%s are counted, want 3", n)
	}
}

// A collector that takes a delivery but for some spans is not sent all of them again; those are counted.
func TestWhatIsTakenInPart(t *testing.T) {
	t.Parallel()
	came := make(chan string, 100)
	answer, err := proto.Marshal(&collecttrace.ExportTraceServiceResponse{PartialSuccess: &collecttrace.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: "too old"}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(answer)
		came <- r.URL.Path
	}))
	t.Cleanup(srv.Close)
	out := &safeBuffer{}
	c := start(t, Config{OTLP: srv.URL, Out: out})
	attempt(c, nil)
	eventually(t, "both are refused in part", func() bool { return said(out, "otlp_traces", "too old") == 1 && said(out, "otlp_logs", "too old") == 1 })
	for _, sink := range []string{"otlp_traces", "otlp_logs"} {
		eventually(t, "what "+sink+" lost is counted", func() bool { return thrownAway(t, c, sink) == "1" })
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(came) != 2 {
		t.Errorf("%d deliveries came, want two", len(came))
	}
}

// A receiver whose answers are slow, but come, is nothing to speak of.
func TestASlowReceiver(t *testing.T) {
	t.Parallel()
	r, out := newReceiver(t), &safeBuffer{}
	r.hang = make(chan struct{})
	c := start(t, Config{OTLP: r.URL, Out: out, Influx: Influx{URL: r.URL, Bucket: "cdt"}, Interval: 20 * time.Millisecond})
	c.Measure().PassAge(t.Context(), time.Second)
	attempt(c, nil)
	go func() { //nolint:staticcheck // it lets everything through a moment later
		slow := time.NewTimer(300 * time.Millisecond)
		<-slow.C
		close(r.hang)
	}()
	for _, path := range []string{"/v1/traces", "/v1/logs", "/api/v2/write"} {
		eventually(t, "it comes to "+path, func() bool { return len(r.got(path)) > 0 })
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "receiver") {
		t.Errorf("it was said: %s", out)
	}
}

// However many values a label has, an instrument has a bounded number of series.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	c := start(t, Config{Out: io.Discard})
	const more = 1000
	for i := range cardinality + more {
		c.Measure().Link(t.Context(), fmt.Sprintf("a>b%d", i), 1, 1)
	}
	text := metrics(t, c)
	if n := strings.Count(text, "\ncdt_link_backlog_bytes{"); n != cardinality {
		t.Errorf("%d series, want %d", n, cardinality)
	}
	if !strings.Contains(text, `cdt_link_backlog_bytes{otel_metric_overflow="true"`) {
		t.Error("what is over the bound is nowhere")
	}
}
