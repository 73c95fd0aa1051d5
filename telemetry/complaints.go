package telemetry

import (
	"log/slog"
	"sync"
)

// complaints has what OpenTelemetry finds wrong with itself logged as a line like any other, each once; by
// itself it would write text between the lines. It implements otel.ErrorHandler.
type complaints struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]bool
}

// mostComplaints is how many different ones are logged.
const mostComplaints = 100

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := err.Error()
	if c.said[text] || len(c.said) >= mostComplaints {
		return
	}
	c.said[text] = true
	c.log.Warn("OpenTelemetry finds something wrong with itself; data go on", "error", text)
}

// Complaints are those of OpenTelemetry, for otel.SetErrorHandler: there is one handler for a process, and only its main may set it.
func (t *Telemetry) Complaints() interface{ Handle(error) } {
	return &complaints{log: t.Log, said: map[string]bool{}}
}
