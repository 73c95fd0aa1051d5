package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/telemetry"
)

// A process ends well, and soon, though nobody takes what it would have told: it says so.
func TestEndBesideAReceiverThatNeverAnswers(t *testing.T) {
	t.Parallel()
	hole, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hole.Close() }()
	var said bytes.Buffer
	o := observing{logLevel: "info", otlp: "http://" + hole.Addr().String(), influx: telemetry.Influx{URL: "http://" + hole.Addr().String(), Bucket: "cdt"}}
	s, err := o.observe(t.Context(), &app{errs: &said}, telemetry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Log.InfoContext(t.Context(), "something to tell")
	began := time.Now()
	if err := s.close(); err != nil {
		t.Errorf("the end failed: %v", err)
	}
	if took := time.Since(began); took > 10*farewell {
		t.Errorf("the end took %s", took)
	}
	if !strings.Contains(said.String(), "not all telemetry was delivered") {
		t.Errorf("it is not said that something was lost: %s", said.String())
	}
}
