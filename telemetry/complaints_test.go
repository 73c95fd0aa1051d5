package telemetry

import (
	"errors"
	"strings"
	"testing"
)

// What OpenTelemetry complains of is logged once, as JSON, and without secrets.
func TestComplaintsAreLines(t *testing.T) {
	t.Parallel()
	out := &safeBuffer{}
	c := start(t, Config{Out: out, Hide: []string{"hunter22"}})
	h := c.Complaints()
	for range 3 {
		h.Handle(errors.New("cannot export to hunter22"))
	}
	h.Handle(errors.New("another"))
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "\n") != 2 || strings.Count(text, `"error":"cannot export to (secret)"`) != 1 {
		t.Errorf("logged %s", text)
	}
}
