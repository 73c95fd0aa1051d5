package s3

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// exchange is what one call hands to its request and hears of the answer,
// beside what the client library knows.
type exchange struct {
	ifMatch string        // ETag: the request holds only for what has it
	wait    time.Duration // what the server asks to be left alone for; 0: it did not say
	now     time.Time     // the server's time
}

type exchangeKey struct{}

func with(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// wire is the way of the requests: connections, and the exchange of their call.
type wire struct{ next http.RoundTripper }

// How long parts of a request may take. Completing a large upload is the longest: the server copies it together.
const (
	connectTime = 20 * time.Second
	keepAlive   = 30 * time.Second
	answerTime  = 10 * time.Minute
	idleTime    = time.Minute
)

func newWire() *wire {
	return &wire{&http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: connectTime, KeepAlive: keepAlive}).DialContext,
		// An archive's objects are as they are: nothing is unpacked on the way.
		DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: idleTime,
		TLSHandshakeTimeout: connectTime, ResponseHeaderTimeout: answerTime, ExpectContinueTimeout: time.Second,
	}}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	if x != nil && x.ifMatch != "" {
		req = req.Clone(req.Context())
		req.Header.Set("If-Match", `"`+x.ifMatch+`"`)
	}
	resp, err := w.next.RoundTrip(req)
	if err == nil && x != nil {
		x.now, _ = http.ParseTime(resp.Header.Get("Date"))
		if n, bad := strconv.Atoi(resp.Header.Get("Retry-After")); bad == nil && n > 0 {
			x.wait = time.Duration(n) * time.Second
		}
	}
	return resp, err
}
