//go:build servers

package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/testserver"
)

// asked are the servers of a stack, which are asked as Grafana asks them.
type asked struct {
	*stack
	begun time.Time // of what is looked at
}

// at is the address of a service's port.
func (a *asked) at(service, port string) string { return "http://" + a.address[service] + ":" + port }

// get asks a server and returns what it answers.
func (a *asked) get(request *http.Request, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", request.URL.Host, answer.Status, body)
	}
	return body, err
}

// fetch asks for JSON.
func (a *asked) fetch(address string, query url.Values, into any) error {
	body, err := a.get(http.NewRequestWithContext(a.t.Context(), http.MethodGet, address+"?"+query.Encode(), nil))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// promSeries is one series of an answer of Prometheus or Loki.
type promSeries struct {
	Metric map[string]string `json:"metric"`
	Stream map[string]string `json:"stream"`
	Value  [2]any            `json:"value"`
	Values [][2]any          `json:"values"`
}

type promAnswer struct {
	Data struct {
		Result []promSeries `json:"result"`
	} `json:"data"`
}

// instant is the sum of what a query gives now, and how many series that is.
func (a *asked) instant(query string) (sum float64, n int, err error) {
	var got promAnswer
	if err := a.fetch(a.at("prometheus", "9090")+"/api/v1/query", url.Values{"query": {query}}, &got); err != nil {
		return 0, 0, err
	}
	for _, s := range got.Data.Result {
		v, err := number(s.Value[1])
		if err != nil {
			return 0, 0, err
		}
		sum += v
	}
	return sum, len(got.Data.Result), nil
}

func number(v any) (float64, error) {
	text, _ := v.(string)
	return strconv.ParseFloat(text, 64)
}

// during returns how many points a query gave in the time looked at that are numbers. A dashboard that is looked at some minutes from
// now sees what is there now: so far it looks ahead.
func (a *asked) during(query string) (points int, err error) {
	now := time.Now() //nolint:forbidigo // Prometheus has the machine's clock
	var got promAnswer
	q := url.Values{"query": {query}, "start": {stamp(a.begun)}, "end": {stamp(now.Add(5 * time.Minute))}, "step": {"1s"}}
	if err := a.fetch(a.at("prometheus", "9090")+"/api/v1/query_range", q, &got); err != nil {
		return 0, err
	}
	for _, s := range got.Data.Result {
		for _, v := range s.Values {
			if n, err := number(v[1]); err == nil && n == n { //nolint:staticcheck // NaN is not itself
				points++
			}
		}
	}
	return points, nil
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// flux runs a query in InfluxDB and returns its records, each by column.
func (a *asked) flux(query string) ([]map[string]string, error) {
	query = strings.NewReplacer("v.timeRangeStart", a.begun.UTC().Format(time.RFC3339), "v.timeRangeStop", "now()", "v.windowPeriod", "10s").Replace(query)
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.at("influxdb", "8086")+"/api/v2/query", strings.NewReader(query))
	if err == nil {
		request.Header.Set("Content-Type", "application/vnd.flux")
		request.Header.Set("Accept", "application/csv")
	}
	body, err := a.get(request, err)
	if err != nil {
		return nil, err
	}
	return testserver.FluxRecords(string(body))
}

// influxQL runs a statement of InfluxQL and returns the last column of every row.
func (a *asked) influxQL(statement string) (out []float64, err error) {
	var got struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := a.fetch(a.at("influxdb", "8086")+"/query", url.Values{"db": {"cdt"}, "q": {statement}}, &got); err != nil {
		return nil, err
	}
	for _, r := range got.Results {
		if r.Error != "" {
			return nil, fmt.Errorf("%s: %s", statement, r.Error)
		}
		for _, s := range r.Series {
			for _, row := range s.Values {
				if v, ok := row[len(row)-1].(float64); ok {
					out = append(out, v)
				}
			}
		}
	}
	return out, nil
}

// lines are the log lines that Loki has for a query, by stream.
func (a *asked) lines(query string) ([]promSeries, error) {
	now := time.Now() //nolint:forbidigo // Loki has the machine's clock
	var got promAnswer
	q := url.Values{"query": {query}, "start": {strconv.FormatInt(a.begun.UnixNano(), 10)}, "end": {strconv.FormatInt(now.UnixNano(), 10)}, "limit": {"1000"}}
	err := a.fetch(a.at("loki", "3100")+"/loki/api/v1/query_range", q, &got)
	return got.Data.Result, err
}

// jaegerSpan is a span as Jaeger tells of it.
type jaegerSpan struct {
	SpanID        string
	OperationName string
	StartTime     int64 // in microseconds, as is the duration
	Duration      int64
	ProcessID     string
	References    []struct{ SpanID string }
	Tags          []struct {
		Key   string
		Value any
	}
}

func (s jaegerSpan) tag(key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

// spans are those of a trace that Jaeger has.
func (a *asked) spans(trace string) ([]jaegerSpan, error) {
	var got struct {
		Data []struct{ Spans []jaegerSpan }
	}
	if err := a.fetch(a.at("jaeger", "16686")+"/api/traces/"+trace, nil, &got); err != nil || len(got.Data) == 0 {
		return nil, err
	}
	return got.Data[0].Spans, nil
}

// eventually waits until something is as it should be.
func (a *asked) eventually(t *testing.T, longest time.Duration, what string, good func() (bool, string)) {
	t.Helper()
	limit := time.After(longest)
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		ok, last := good()
		if ok {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("not within %s: %s; it is %s", longest, what, last)
		}
	}
}

// reads waits until a query in Prometheus gives a number.
func (a *asked) reads(t *testing.T, query string, good func(float64) bool) {
	t.Helper()
	a.eventually(t, patience, query, func() (bool, string) {
		v, n, err := a.instant(query)
		return err == nil && n > 0 && good(v), fmt.Sprint(v, " of ", n, " series, ", err)
	})
}
