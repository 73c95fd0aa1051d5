//go:build servers

package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ccatobs/cdt/measure"
)

// collector takes spans and log lines by OTLP.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*trace.Span
	lines []*logs.LogRecord
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = c.take(r.URL.Path, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *collector) take(path string, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if path == "/v1/logs" {
		var m collectlogs.ExportLogsServiceRequest
		err := proto.Unmarshal(body, &m)
		for _, of := range m.GetResourceLogs() {
			for _, scope := range of.GetScopeLogs() {
				c.lines = append(c.lines, scope.GetLogRecords()...)
			}
		}
		return err
	}
	var m collecttrace.ExportTraceServiceRequest
	err := proto.Unmarshal(body, &m)
	for _, of := range m.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return err
}

// of are the spans of a trace, and how many log lines belong to it.
func (c *collector) of(id []byte) (spans []*trace.Span, lines int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if bytes.Equal(s.GetTraceId(), id) {
			spans = append(spans, s)
		}
	}
	for _, l := range c.lines {
		if bytes.Equal(l.GetTraceId(), id) {
			lines++
		}
	}
	return spans, lines
}

// traces holds the spans of every package against its tasks: the first, from the filing to the last archive, below
// it how long the files were gathered, and one for each attempt.
func (o *observed) traces(t *testing.T) {
	attempts := map[string]int{}
	for _, k := range o.tasks() {
		attempts[string(k.Package)] += int(k.Token)
	}
	if len(attempts) < 2 {
		t.Fatalf("tasks of %d packages", len(attempts))
	}
	for pkg, want := range attempts {
		root, _ := measure.TraceOf(pkg)
		id, first := root.TraceID(), root.SpanID()
		o.eventually(t, "the collector has the spans of "+pkg, func() bool {
			spans, _ := o.otlp.of(id[:])
			return len(spans) >= want+2
		})
		spans, _ := o.otlp.of(id[:])
		named := map[string]int{}
		for _, s := range spans {
			named[s.GetName()]++
			whole := bytes.Equal(s.GetSpanId(), first[:])
			if whole != (s.GetName() == "camera") || whole == bytes.Equal(s.GetParentSpanId(), first[:]) || s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
				t.Errorf("%s: span %s lies below %s, from %d to %d", pkg, s.GetName(), hex.EncodeToString(s.GetParentSpanId()), s.GetStartTimeUnixNano(), s.GetEndTimeUnixNano())
			}
		}
		if len(spans) != want+2 || named["camera"] != 1 || named["gathered"] != 1 || named["archive cellar.lta"] == 0 {
			t.Errorf("%s has %d spans after %d attempts: %v", pkg, len(spans), want, named)
		}
	}
	o.otlp.mu.Lock()
	defer o.otlp.mu.Unlock()
	if len(o.otlp.lines) == 0 {
		t.Error("no log line came")
	}
}
