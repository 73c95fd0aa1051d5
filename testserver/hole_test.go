package testserver_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/testserver"
)

// timedOut is an error of who waited in vain.
func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestAHoleSwallowsAndGivesBack(t *testing.T) {
	t.Parallel()
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	t.Cleanup(back.Close)
	h := testserver.NewHole(t, strings.TrimPrefix(back.URL, "http://"))
	kept := &http.Client{Transport: &http.Transport{}}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	longest := time.Minute
	ask := func(c *http.Client) error {
		c.Timeout = longest
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.Addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := c.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if string(text) != "here" {
			t.Errorf("the answer is %q", text)
		}
		return err
	}
	dial := func() error {
		d := net.Dialer{Timeout: longest}
		c, err := d.DialContext(t.Context(), "tcp", h.Addr)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	for range 2 {
		h.Open()
		longest = time.Minute
		if err := errors.Join(ask(kept), ask(fresh), dial()); err != nil {
			t.Fatalf("open: %v", err)
		}
		h.Silent()
		if err := dial(); err != nil {
			t.Fatalf("silent: %v", err)
		}
		longest = 300 * time.Millisecond
		if a, b := ask(kept), ask(fresh); !timedOut(a) || !timedOut(b) {
			t.Fatalf("silent: %v, %v", a, b)
		}
		h.Deaf()
		if a, b, c := ask(kept), ask(fresh), dial(); !timedOut(a) || !timedOut(b) || !timedOut(c) {
			t.Fatalf("deaf: %v, %v, %v", a, b, c)
		}
	}
	h.Open()
	longest = time.Minute
	if err := errors.Join(ask(fresh), dial()); err != nil {
		t.Fatalf("open at last: %v", err)
	}
}
