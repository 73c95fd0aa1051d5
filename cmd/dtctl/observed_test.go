//go:build servers

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/testserver"
)

// observed is a yard that is served, with those who look at it.
type observed struct {
	*yard
	*served
	prometheus string
	influx     *testserver.InfluxServer
	otlp       *collector
}

// observedRoutes are those of the yard, with a capacity to be near to.
func observedRoutes() string {
	return strings.Replace(yardRoutes, "{type: buffer, disk: {path: ROOT/lab-buffer}}", "{type: buffer, capacity: 2GB, disk: {path: ROOT/lab-buffer}}", 1)
}

// newObserved starts everything and waits until files of an observation are in both archives, and
// gone elsewhere. Files of a second one follow, so that rates have something to rise from.
func newObserved(t *testing.T) *observed {
	t.Helper()
	o := &observed{yard: newYardOf(t, observedRoutes()), influx: testserver.Influx(t), otlp: newCollector(t)}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testserver.Port(t)))
	rules, err := filepath.Abs("../../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	o.prometheus = testserver.Prometheus(t, []string{address}, []string{rules})
	o.served = o.serve("--listen", address, "--influx-url", o.influx.URL, "--influx-bucket", o.influx.Bucket, "--otlp", o.otlp.URL)
	r := rand.New(rand.NewPCG(5, 5)) //nolint:gosec // repeatable on purpose
	for _, observation := range []string{"first", "second"} {
		o.fill(observation, 30_000_000, r)
		o.waitUntilFinished(o.served)
	}
	return o
}

// fetch asks a server and decodes its JSON.
func (o *observed) fetch(address string, into any) {
	o.yard.t.Helper()
	request, err := http.NewRequestWithContext(o.yard.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		o.yard.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		o.yard.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		o.yard.t.Fatalf("%s: %s: %v", address, answer.Status, err)
	}
}

// sample is one series of an answer of Prometheus.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// ask runs a query in Prometheus; an error is what it says of a query that it does not take.
func (o *observed) ask(query string) ([]sample, error) {
	o.yard.t.Helper()
	var got struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	o.fetch(o.prometheus+"/api/v1/query?"+url.Values{"query": {query}}.Encode(), &got)
	if got.Status != "success" {
		return nil, fmt.Errorf("%s: %s", query, got.Error)
	}
	return got.Data.Result, nil
}

// number is the one number that a query gives; -1: it gives none yet.
func (o *observed) number(query string) float64 {
	o.yard.t.Helper()
	got, err := o.ask(query)
	if err != nil {
		o.yard.t.Fatal(err)
	}
	if len(got) != 1 {
		return -1
	}
	text, _ := got[0].Value[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		o.yard.t.Fatalf("%s gives %v", query, got[0].Value)
	}
	return n
}

// flux runs a query in InfluxDB and returns its records, each by column.
func (o *observed) flux(query string) ([]map[string]string, error) {
	o.yard.t.Helper()
	request, err := http.NewRequestWithContext(o.yard.t.Context(), http.MethodPost, o.influx.URL+"/api/v2/query", strings.NewReader(query))
	if err != nil {
		o.yard.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.flux")
	request.Header.Set("Accept", "application/csv")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		o.yard.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		o.yard.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", answer.Status, body)
	}
	return testserver.FluxRecords(string(body))
}

// eventually waits until something is as it should be.
func (o *observed) eventually(t *testing.T, what string, good func() bool) {
	t.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for !good() {
		select {
		case <-look.C:
		case <-o.done:
			t.Fatalf("serve ended by itself: %v\n%s", o.err, o.log())
		case <-limit.C:
			t.Fatalf("never: %s\n%s", what, o.log())
		}
	}
}
