package s3

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/minio/minio-go/v7"
)

// The pauses between two tries of a request.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

type patienceKey struct{}

// quick makes the calls below give up soon.
func quick(ctx context.Context) context.Context {
	return context.WithValue(ctx, patienceKey{}, quickCheck)
}

// call asks the server, and again while it may be only busy: with growing
// pauses and jitter, or after the pause it asks for.
func call[T any](ctx context.Context, s *Store, ask func(ctx context.Context, x *exchange) (T, error)) (T, error) {
	limit := s.o.Patience
	if q, ok := ctx.Value(patienceKey{}).(time.Duration); ok {
		limit = min(limit, q)
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = firstPause, longestPause
	var last error
	got, err := backoff.Retry(ctx, func() (T, error) {
		x := &exchange{}
		got, err := ask(with(ctx, x), x)
		last = err
		switch {
		case err == nil:
			return got, nil
		case ctx.Err() != nil || !mayPass(err):
			return got, backoff.Permanent(err)
		case x.wait > 0:
			return got, backoff.RetryAfter(int(x.wait / time.Second))
		}
		return got, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(limit))
	if retry := new(backoff.RetryAfterError); errors.As(err, &retry) {
		err = last // the wait was longer than the patience
	}
	return got, err
}

// do is call for what gives nothing back.
func (s *Store) do(ctx context.Context, ask func(ctx context.Context, x *exchange) error) error {
	_, err := call(ctx, s, func(ctx context.Context, x *exchange) (struct{}, error) { return struct{}{}, ask(ctx, x) })
	return err
}

// mayPass reports whether an error may pass by itself.
func mayPass(err error) bool {
	if errors.Is(err, errNoKeys) || wrongCertificate(err) || wrongScheme(err) {
		return false
	}
	var r minio.ErrorResponse
	if !errors.As(err, &r) {
		return true // nothing came back: the net
	}
	return overloaded(r) || r.StatusCode == http.StatusRequestTimeout ||
		slices.Contains([]string{"RequestTimeout", "OperationAborted", "ConditionalRequestConflict"}, r.Code)
}

// overloaded reports a server that fails by itself or asks to slow down.
func overloaded(r minio.ErrorResponse) bool {
	switch r.Code {
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "InternalError":
		return true
	}
	return r.StatusCode == http.StatusTooManyRequests || r.StatusCode >= http.StatusInternalServerError &&
		r.StatusCode != http.StatusNotImplemented && r.StatusCode != http.StatusInsufficientStorage
}
