package sim_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/transport"
)

// The span of every attempt says how long it had waited at which gate: for a window, for
// others to go together with, for the next try after a cut, and at last for a worker.
func TestSpansSayWhatAttemptsWaitedFor(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	cfg := stand(t, houseConfig(t, edited(t, "    to: landing\n        choose: order", "    to: landing\n        window: \"* 18-23 * * *\"\n        batch: {max_packages: 100, max_wait: 5m}\n        choose: order")))
	cfg.Tracer = measure.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	var cuts atomic.Int32
	cfg.Network = func(c transport.Catalog) transport.Catalog {
		return bad{c, func(from string, _ transport.Item, _ int64) bool { return from == "ccat.buffer" && cuts.Add(1) == 1 }}
	}
	h := openHouse(t, cfg)
	h.fill("ccat.primecam", 8, 5000)
	h.run()
	h.cleaned(h.judge())
	ships := waitsOf(spans, "ship", "send")
	window, batch, backoff := 0, 0, 0
	for _, waited := range ships {
		if w := waited["window"]; w > 5*time.Hour && w <= 6*time.Hour {
			window++
		} else if w != 0 {
			t.Errorf("an attempt waited %s for its window", w)
		}
		if waited["batch"] > 0 {
			batch++
		}
		if waited["backoff"] > 0 {
			if backoff++; waited["window"] != 0 {
				t.Errorf("the second try counts what the first one waited for: %v", waited)
			}
		}
	}
	if packages := len(h.packages()); len(ships) != 2*packages || window != packages || batch != len(ships) || backoff != packages {
		t.Errorf("%d packages: of %d attempts %d waited for the window, %d for others, %d for another try: %v", packages, len(ships), window, batch, backoff, ships)
	}
	for _, waited := range waitsOf(spans, "ship", "receive") {
		if len(waited) > 1 || len(waited) == 1 && waited["dispatched"] == 0 {
			t.Errorf("a second piece waits for nothing but a worker: %v", waited)
		}
	}
}

// waitsOf are what the attempts at a piece of a stage waited for, one for each span.
func waitsOf(spans *tracetest.SpanRecorder, stage, piece string) (out []map[string]time.Duration) {
	for _, s := range spans.Ended() {
		at, waited := map[string]string{}, map[string]time.Duration{}
		for _, a := range s.Attributes() {
			if reason, is := strings.CutPrefix(string(a.Key), measure.WaitedFor); is {
				waited[reason] = time.Duration(a.Value.AsFloat64() * float64(time.Second))
			} else {
				at[string(a.Key)] = a.Value.String()
			}
		}
		if at["cdt.stage"] == stage && at["cdt.piece"] == piece {
			out = append(out, waited)
		}
	}
	return out
}
