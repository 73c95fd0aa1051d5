//go:build servers

package bench_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
)

// The legs of the way from a fact to a worker that holds the task, each by the
// effect at which it ends. What a fact does not need is left out.
var legs = []struct{ end, means string }{ //nolint:gochecknoglobals // a table of a test
	{"engine.short.before", "told, and read"},
	{"engine.short.after", "concluded and dispatched"},
	{"engine.route.before", "told, and read"},
	{"engine.route.after", "file into a group"},
	{"engine.close.before", "group read"},
	{"engine.close.after", "package made"},
	{"engine.save.before", "package read, evaluated"},
	{"engine.save.after", "evaluation saved"},
	{"engine.dispatch.before", "queue read, arranged"},
	{"engine.dispatch.after", "dispatched"},
	{"fetched", "job fetched"},
	{"held", "task claimed"},
}

// way notes when the first of each effect was passed since it was begun.
type way struct {
	mu    sync.Mutex
	first map[string]time.Time
	took  map[string]map[string][]time.Duration // by kind of fact and leg
	kind  string
}

// The kinds of facts.
const (
	ofFiling = "filing"
	ofWish   = "re-read"
)

func newWay() *way {
	return &way{first: map[string]time.Time{}, took: map[string]map[string][]time.Duration{}}
}

// on says which kind of fact comes next.
func (w *way) on(kind string) *way {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kind = kind
	return w
}

// pass notes an effect that is passed now.
func (w *way) pass(name string) { w.passAt(name, clock.System{}.Now()) }

func (w *way) passAt(name string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.first[name]; !known {
		w.first[name] = at
	}
}

// begin forgets what was passed.
func (w *way) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.first)
}

// end adds the legs of one way. The fact was committed at that time.
func (w *way) end(committed time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := committed
	if w.took[w.kind] == nil {
		w.took[w.kind] = map[string][]time.Duration{}
	}
	for _, leg := range legs {
		if at, passed := w.first[leg.end]; passed {
			w.took[w.kind][leg.end] = append(w.took[w.kind][leg.end], at.Sub(last))
			last = at
		}
	}
}

// legs says how long each leg takes, in the middle of all ways of a kind.
func (w *way) legs(kind string) string {
	var out []string
	for _, leg := range legs {
		if took := w.took[kind][leg.end]; len(took) > 0 {
			slices.Sort(took)
			out = append(out, fmt.Sprintf("%s %.2f", leg.means, took[len(took)/2].Seconds()*1000))
		}
	}
	return strings.Join(out, ", ") + " ms"
}
