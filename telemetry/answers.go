package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// answers looks at what a collector says. OpenTelemetry's exporters tell an answer that will be the same next time from an
// outage only in words; and what was taken but for some items is an error to them, after which all would be sent again.
type answers struct{ http.RoundTripper }

// newAnswers is a client with connections of its own.
func newAnswers() *http.Client {
	return &http.Client{Transport: answers{http.DefaultTransport.(*http.Transport).Clone()}}
}

// longestAnswer is how much of an answer is read.
const longestAnswer = 64 << 10

// RoundTrip implements [http.RoundTripper].
func (a answers) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := a.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	good := answer.StatusCode/100 == 2
	if !good && !refuses(answer.StatusCode) {
		return answer, nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	if closed := answer.Body.Close(); err == nil {
		err = closed
	}
	switch {
	case err != nil:
		return nil, err
	case !good:
		return nil, &refusedError{err: fmt.Errorf("the collector refuses a delivery: %s %s", answer.Status, strings.TrimSpace(string(text)))}
	}
	if err := partly(answer.Header.Get("Content-Type"), text); err != nil {
		return nil, err
	}
	answer.Body = http.NoBody
	return answer, nil
}

// refuses reports whether an answer is about what was sent: it will be the same for the same.
func refuses(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

// partly is the error of an answer by which some items were not taken. Those for spans and for log lines look the same.
func partly(kind string, text []byte) error {
	var got collecttrace.ExportTraceServiceResponse
	if !strings.HasPrefix(kind, "application/x-protobuf") {
		return nil
	}
	if err := proto.Unmarshal(text, &got); err != nil {
		return nil //nolint:nilerr // a good answer that says nothing more
	}
	n := got.GetPartialSuccess().GetRejectedSpans()
	if n <= 0 {
		return nil
	}
	return &refusedError{n: int(n), err: fmt.Errorf("the collector refuses %d of what was delivered: %s", n, got.GetPartialSuccess().GetErrorMessage())}
}
