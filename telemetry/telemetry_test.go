package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collectlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ccatobs/cdt/measure"
)

// receiver stands for a collector and an InfluxDB; it answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	hang   chan struct{} // not nil: requests wait for it
	bodies map[string][][]byte
	came   chan string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK, bodies: map[string][][]byte{}, came: make(chan string, 1024)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	status, hang := r.status, r.hang
	r.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-req.Context().Done():
			return
		}
	}
	if status == http.StatusOK {
		r.mu.Lock()
		r.bodies[req.URL.Path] = append(r.bodies[req.URL.Path], body)
		r.mu.Unlock()
	}
	w.WriteHeader(status)
	r.came <- req.URL.Path
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) await(t *testing.T, path string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case got := <-r.came:
			if got == path {
				return
			}
		case <-deadline:
			t.Fatalf("nothing came to %s", path)
		}
	}
}

func (r *receiver) got(path string) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies[path]
}

// safeBuffer is written by several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t *testing.T, c Config) *Telemetry {
	t.Helper()
	c.Service, c.Instance, c.Version = "cdt-worker", "test:1", "v0"
	got, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const pkg = "0192f3a4-5b6c-7d8e-9fab-0123456789ab"

func attempt(t *Telemetry, failed error) {
	ctx, end := t.Tracer().Attempt(context.Background(), measure.Attempt{Task: measure.Task{Type: "transfer", To: "cologne.buffer"}, Package: pkg})
	t.Log.InfoContext(ctx, "moved", "bytes", 10)
	end("finished", failed)
}

func TestSpansAndLogsOfAPackageAreInItsTrace(t *testing.T) {
	t.Parallel()
	r, out := newReceiver(t), &safeBuffer{}
	c := start(t, Config{OTLP: r.URL, Out: out})
	attempt(c, errors.New("cut"))
	c.Tracer().Root(t.Context(), pkg, "raw", time.Unix(1, 0), time.Unix(100, 0))
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	root, _ := measure.TraceOf(pkg)
	traceID, rootID := root.TraceID(), root.SpanID()
	var roots, children int
	for _, body := range r.got("/v1/traces") {
		var m collecttrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		for _, s := range m.ResourceSpans[0].ScopeSpans[0].Spans {
			if !bytes.Equal(s.TraceId, traceID[:]) {
				t.Errorf("span %s is in trace %x", s.Name, s.TraceId)
			}
			switch {
			case len(s.ParentSpanId) == 0 && bytes.Equal(s.SpanId, rootID[:]):
				roots++
			case bytes.Equal(s.ParentSpanId, rootID[:]) && s.Status.Message == "cut":
				children++
			default:
				t.Errorf("span %s has parent %x", s.Name, s.ParentSpanId)
			}
		}
	}
	if roots != 1 || children != 1 {
		t.Errorf("%d roots and %d attempts, want one each", roots, children)
	}
	var logs collectlogs.ExportLogsServiceRequest
	if err := proto.Unmarshal(r.got("/v1/logs")[0], &logs); err != nil {
		t.Fatal(err)
	}
	if got := logs.ResourceLogs[0].ScopeLogs[0].LogRecords[0]; !bytes.Equal(got.TraceId, traceID[:]) || got.Body.GetStringValue() != "moved" {
		t.Errorf("the log line came as %v", got)
	}
	var line struct {
		TraceID string `json:"trace_id"`
		Bytes   int    `json:"bytes"`
	}
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil || line.TraceID != traceID.String() || line.Bytes != 10 {
		t.Errorf("logged %q (%v)", out.String(), err)
	}
}

func TestPrometheusHasEveryInstrument(t *testing.T) {
	t.Parallel()
	c := start(t, Config{Out: io.Discard})
	c.Measure().Pass(t.Context(), time.Second, measure.Did{Routed: 3}, false)
	c.Measure().Link(t.Context(), "ccat>cologne", 5, 1)
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{`cdt_engine_pass_did_total{what="routed"} 3`, `cdt_link_backlog_bytes{link="ccat>cologne"} 5`, "cdt_engine_pass_duration_seconds_bucket", `service_name="cdt-worker"`, "go_goroutines"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("there is no %s in\n%s", want, w.Body)
		}
	}
}

func TestInfluxGetsPoints(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	c := start(t, Config{Out: io.Discard, Influx: Influx{URL: r.URL, Bucket: "cdt", Token: "user:pass"}, Interval: time.Hour})
	c.Measure().Archived(t.Context(), "raw", "cologne.lta", 2*time.Hour)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.await(t, "/api/v2/write")
	text := string(r.got("/api/v2/write")[0])
	if !strings.Contains(text, "cdt_archived_after,instance=test:1,location=cologne.lta,route=raw,service=cdt-worker ") || !strings.Contains(text, "le_14400=1i") || !strings.Contains(text, "le_3600=0i") {
		t.Errorf("points:\n%s", text)
	}
}

func TestAReceiverThatFailsIsToldOnceAndHeals(t *testing.T) {
	t.Parallel()
	r, out := newReceiver(t), &safeBuffer{}
	r.answer(http.StatusServiceUnavailable)
	c := start(t, Config{OTLP: r.URL, Out: out})
	attempt(c, nil)
	r.await(t, "/v1/traces")
	r.await(t, "/v1/traces") // again
	r.answer(http.StatusOK)
	deadline := time.Now().Add(2 * time.Minute)                        //nolint:forbidigo // real time
	for len(r.got("/v1/traces")) == 0 && time.Now().Before(deadline) { //nolint:forbidigo // real time
		r.await(t, "/v1/traces")
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sink := range []string{"otlp_traces", "otlp_logs"} {
		if n := strings.Count(out.String(), `not taken; data go on, and what cannot wait is thrown away and counted","receiver":"`+sink); n != 1 {
			t.Errorf("%s: that it is away was said %d times", sink, n)
		}
	}
	if len(r.got("/v1/traces")) != 1 {
		t.Errorf("%d batches of spans arrived, want the one", len(r.got("/v1/traces")))
	}
}

func TestAReceiverThatHangsStopsNobody(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.hang = make(chan struct{})
	c := start(t, Config{OTLP: r.URL, Out: io.Discard, Queue: 10, Influx: Influx{URL: r.URL, Bucket: "cdt"}, Interval: 10 * time.Millisecond})
	const n = 2000
	for range n {
		attempt(c, nil) // would hang here for ever if anything waited
	}
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), `cdt_telemetry_lost_total{sink="otlp_traces"} 19`) {
		t.Errorf("what was thrown away is not counted:\n%s", w.Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan struct{})
	go func() { _ = c.Stop(ctx); close(ended) }()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("a receiver that hangs keeps the process from ending")
	}
	close(r.hang)
}

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	r, out := newReceiver(t), &safeBuffer{}
	c := start(t, Config{OTLP: r.URL, Out: out, Hide: []string{"hunter22", "x"}})
	log := c.Log.With("url", "postgres://cdt:hunter22@db")
	log.Error("cannot reach hunter22", "error", errors.New("dial hunter22"), slog.Group("db", "password", "hunter22"), "any", map[string]string{"p": "hunter22"}, "n", 7, "six", "x")
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"the log": out.String(), "what was sent": string(r.got("/v1/logs")[0])} {
		if strings.Contains(text, "hunter22") || !strings.Contains(text, "(secret)") {
			t.Errorf("%s: %s", where, text)
		}
	}
	if !strings.Contains(out.String(), `"n":7,"six":"x"`) {
		t.Errorf("other values were changed: %s", out.String())
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{OTLP: "collector:4318"}, {OTLP: "ftp://x"}, {Influx: Influx{URL: "influx:8086", Bucket: "b"}}, {Influx: Influx{URL: "http://influx:8086"}}} {
		if _, err := Start(t.Context(), c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestNamesAreThoseOfTheHandler sets every instrument and looks for its name where Prometheus fetches it.
func TestNamesAreThoseOfTheHandler(t *testing.T) {
	t.Parallel()
	c := start(t, Config{Out: io.Discard})
	ctx, m, task := t.Context(), c.Measure(), measure.Task{Type: "archive"}
	m.Ended(ctx, task, "finished", "", time.Second, 1)
	m.Running(ctx, "archive", 1)
	m.Moved(ctx, task, "moving", 1)
	m.Down(ctx, "site", "ccat", "no_worker", true)
	m.OldestPending(ctx, time.Second)
	m.Location(ctx, "ccat.buffer", measure.Room{})
	m.Time(ctx, false, time.Second)
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	seen := 0
	for _, i := range measure.Instruments() {
		name, err := PrometheusName(i)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(w.Body.String(), "# TYPE "+name+" "+string(i.Kind)+"\n") {
			seen++
		}
	}
	if seen != 13 {
		t.Errorf("of ten that were set and three that begin at zero %d have the name that is documented:\n%s", seen, w.Body)
	}
}

// A secret in an error is shown neither as the state of a span nor in what it tells of the error.
func TestSpansHideSecrets(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	c := start(t, Config{OTLP: r.URL, Out: io.Discard, Hide: []string{"sw0rd%66ish"}})
	attempt(c, errors.New("connect to http://u:sw0rd%66ish@h: sw0rdfish is wrong"))
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.got("/v1/traces")
	if len(got) != 1 || !bytes.Contains(got[0], []byte("http://u:(secret)@h: (secret) is wrong")) || bytes.Contains(got[0], []byte("ish@h")) || bytes.Contains(got[0], []byte("sw0rd")) {
		t.Errorf("sent %q", got)
	}
}
