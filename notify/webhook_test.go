package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/notify"
)

func message(text string) notify.Message {
	return notify.Message{Version: 1, Text: text, Notices: []notify.Notice{{Key: "k", State: notify.Open, Cause: notify.Down, Subject: "link:a>b", Text: text}}}
}

func TestWebhookPostsJSON(t *testing.T) {
	t.Parallel()
	got := make(chan map[string]any, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Key") != "sEcReT" {
			t.Errorf("it is called by %s with %v", r.Method, r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
		got <- body
	}))
	t.Cleanup(server.Close)
	hook := notify.Webhook{URL: notify.NewSecret(server.URL + "/hooks/sEcReT"), Header: "X-Key", Value: notify.NewSecret("sEcReT")}
	if err := hook.Send(t.Context(), message("it is \"down\"\n")); err != nil {
		t.Fatal(err)
	}
	body := <-got
	notices, _ := body["notices"].([]any)
	if body["version"] != 1.0 || body["text"] != "it is \"down\"\n" || len(notices) != 1 {
		t.Errorf("it posts %v", body)
	}
}

func TestWebhookFails(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/error/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/elsewhere/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/stolen/", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/stolen/", func(http.ResponseWriter, *http.Request) { t.Error("it follows a redirect") })
	mux.HandleFunc("/hangs/", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { close(release); server.Close() })
	gone := httptest.NewServer(mux)
	gone.Close()
	for name, url := range map[string]string{
		"an error": server.URL + "/error/sEcReT", "a redirect": server.URL + "/elsewhere/sEcReT", "nobody there": gone.URL + "/sEcReT",
		"no URL": "sEcReT", "no host": "http:///sEcReT", "not a URL": "http://h:sEcReT/\x01", "hangs": server.URL + "/hangs/sEcReT",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			hook := notify.Webhook{URL: notify.NewSecret(url), Header: "Authorization", Value: notify.NewSecret("sEcReT")}
			err := hook.Send(ctx, message("x"))
			if err == nil || strings.Contains(err.Error(), "sEcReT") {
				t.Errorf("it gives %v", err)
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	hook := notify.Webhook{URL: notify.NewSecret("http://sEcReT"), Value: notify.NewSecret("sEcReT")}
	asJSON, err := json.Marshal(map[string]notify.Secret{"url": hook.URL, "value": hook.Value})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("hook", "hook", hook, "value", hook.Value)
	for _, s := range []string{string(asJSON), log.String(), fmt.Sprintf("%v %+v %#v %s", hook, hook, hook, hook.Value)} {
		if strings.Contains(s, "sEcReT") {
			t.Errorf("it is printed: %s", s)
		}
	}
}

func TestOneSinkThatFailsStopsNoOther(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	bad, good := listening("bad"), listening("good")
	bad.err = errors.New("away")
	log := &lines{}
	w.cfg.Sinks, w.cfg.Retry, w.cfg.Every = []notify.Sink{bad, good}, time.Millisecond, time.Millisecond
	w.cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	w.restart(t)
	b.happens(copyEvent("copy.quarantined", "a", "x.y"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-good.came
	for range 5 {
		<-bad.came
	}
	bad.mu.Lock()
	bad.err = nil
	bad.mu.Unlock()
	log.until(t, "told again")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(bad.got) != 1 || len(good.got) != 1 {
		t.Errorf("the one that failed got %d, the other %d", len(bad.got), len(good.got))
	}
	if n := strings.Count(log.String(), "cannot be told"); n != 1 {
		t.Errorf("the log is told %d times:\n%s", n, log)
	}
}
