package testserver

import (
	"fmt"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// FaultyS3 stands in front of an S3 server and fails on demand.
type FaultyS3 struct {
	URL string

	fault atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	after atomic.Pointer[func(*http.Response) error]
	blind atomic.Bool
}

// Faulty starts a proxy in front of the server that lets everything through until it is told otherwise.
func (s *S3Server) Faulty(t testing.TB) *FaultyS3 {
	t.Helper()
	back, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &FaultyS3{}
	proxy := httputil.NewSingleHostReverseProxy(back)
	quiet := stdlog.New(io.Discard, "", 0)
	proxy.ErrorLog = quiet
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(r *http.Response) error {
		if after := f.after.Load(); after != nil { //nolint:bodyclose // the proxy closes it
			return (*after)(r)
		}
		return nil
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.fault.Load(); fault != nil && (*fault)(w, r) {
			return
		}
		if f.blind.Load() && r.Header.Get("If-None-Match") != "" {
			s.withoutCondition(r)
		}
		proxy.ServeHTTP(w, r)
	}))
	srv.Config.ErrorLog = quiet
	srv.Start()
	t.Cleanup(srv.Close)
	f.URL = srv.URL
	return f
}

// Fault is asked about every request; true: it was answered. nil: none is.
func (f *FaultyS3) Fault(answer func(http.ResponseWriter, *http.Request) bool) {
	if answer == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&answer)
}

// After sees every answer of the server; an error cuts the connection instead.
func (f *FaultyS3) After(look func(*http.Response) error) {
	if look == nil {
		f.after.Store(nil)
		return
	}
	f.after.Store(&look)
}

// Blind makes it a server that ignores If-None-Match.
func (f *FaultyS3) Blind(on bool) { f.blind.Store(on) }

// withoutCondition takes the condition out of a request and signs it anew.
func (s *S3Server) withoutCondition(r *http.Request) {
	r.Header.Del("If-None-Match")
	r.Header.Del("Authorization")
	r.URL.Host, r.URL.Scheme = r.Host, "http"
	signed := signer.SignV4(*r, s.Access, s.Secret, "", "us-east-1")
	r.Header = signed.Header
}

// Answer answers as an S3 server that refuses.
func Answer(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s, says the test</Message></Error>`, code, strings.ToLower(code))
	return true
}
