package telemetry

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/sdk/resource"
)

// alone counts writes that began while another was under way.
type alone struct {
	within, lines, beside atomic.Int64
}

func (a *alone) Write(p []byte) (int, error) {
	if a.within.Add(1) > 1 {
		a.beside.Add(1)
	}
	runtime.Gosched()
	a.within.Add(-1)
	a.lines.Add(1)
	return len(p), nil
}

// What a process logs and what its receivers say of themselves go to one writer, one line after the other.
func TestOneLineAfterTheOther(t *testing.T) {
	t.Parallel()
	var out alone
	c, all := Config{Out: &out, OTLP: "http://127.0.0.1:1"}, &Telemetry{}
	plain := c.plainLog()
	if err := all.logs(t.Context(), c, resource.Empty(), plain); err != nil {
		t.Fatal(err)
	}
	const each = 1000
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range each {
				plain.Info("a receiver is away")
				all.Log.Info("a line")
			}
		})
	}
	wait.Wait()
	if out.beside.Load() > 0 || out.lines.Load() < 8*each {
		t.Errorf("%d of %d lines were written while another was", out.beside.Load(), out.lines.Load())
	}
}
