package notify_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/notify"
	"github.com/ccatobs/cdt/opsdb"
)

// base is an OpsDB of which a test says what is in it.
type base struct {
	mu       sync.Mutex
	world    opsdb.World
	moves    []opsdb.OpenMove // ordered by package
	waiting  map[string]int
	events   []opsdb.Event
	chain    opsdb.Chained
	verified int
	asked    int // calls of OpenMoves
	err      error
}

func newBase() *base {
	return &base{world: opsdb.World{
		Epoch: "e1", Now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		Sites:     map[string]opsdb.Site{"ccat": {Name: "ccat", State: opsdb.SiteActive}, "cologne": {Name: "cologne", State: opsdb.SiteActive}},
		Locations: map[string]opsdb.Location{"ccat.buffer": {Name: "ccat.buffer"}, "cologne.lta": {Name: "cologne.lta"}},
		Links:     map[string]opsdb.Link{"ccat>cologne": {From: "ccat", To: "cologne"}},
	}, waiting: map[string]int{}}
}

func (b *base) World(context.Context) (opsdb.World, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.world, b.err
}

func (b *base) Totals(context.Context) (opsdb.Totals, error) {
	t := opsdb.Totals{Moves: map[string]map[string]int{"waiting": b.waiting, "blocked": {}}}
	for _, m := range b.moves {
		t.Moves["blocked"][m.Reason]++
	}
	return t, nil
}

func (b *base) OpenMoves(_ context.Context, q opsdb.Query) (out []opsdb.OpenMove, err error) {
	b.asked++
	for _, m := range b.moves {
		if m.Package > q.After && len(out) < q.Limit {
			m.Verdict = q.State
			out = append(out, m)
		}
	}
	return out, nil
}

func (b *base) Events(_ context.Context, after int64) iter.Seq2[opsdb.Event, error] {
	return func(yield func(opsdb.Event, error) bool) {
		for _, e := range b.events {
			if (e.Seq == 0 || e.Seq > after) && !yield(e, nil) {
				return
			}
		}
	}
}

func (b *base) VerifyChain(context.Context) (opsdb.Chained, error) {
	b.verified++
	return b.chain, nil
}

func (b *base) FindPackage(_ context.Context, what string) (opsdb.Package, error) {
	if what == "nameless" {
		return opsdb.Package{}, opsdb.ErrNotFound
	}
	return opsdb.Package{ID: opsdb.ID(what), Name: "raw-" + what}, nil
}

// happens chains an event.
func (b *base) happens(e opsdb.Event) {
	var last opsdb.Digest
	if n := len(b.events); n > 0 {
		last = b.events[n-1].Hash
	}
	e.Version, e.Seq, e.At = 1, int64(len(b.events)+1), b.world.Now
	body, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(append([]byte(last), body...))
	e.Hash = opsdb.Digest(hex.EncodeToString(sum[:]))
	b.events = append(b.events, e)
}

func (b *base) passes(d time.Duration) { b.world.Now = b.world.Now.Add(d) }

// ears are a sink that a test reads.
type ears struct {
	name    string
	mu      sync.Mutex
	got     []notify.Notice
	last    notify.Message
	dropped int
	err     error
	came    chan struct{}
}

func listening(name string) *ears { return &ears{name: name, came: make(chan struct{}, 1000)} }

func (e *ears) Name() string { return e.name }

func (e *ears) Send(_ context.Context, m notify.Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.came <- struct{}{}
	if e.err != nil {
		return e.err
	}
	e.got, e.last, e.dropped = append(e.got, m.Notices...), m, e.dropped+m.Dropped
	return nil
}

// teller is a notifier, its OpsDB and one sink.
type teller struct {
	*notify.Notifier
	base *base
	ears *ears
	cfg  notify.Config
}

func telling(t *testing.T, b *base) *teller {
	t.Helper()
	w := &teller{base: b, ears: listening("ears"), cfg: notify.Config{State: filepath.Join(t.TempDir(), "said.json")}}
	w.cfg.Sinks = []notify.Sink{w.ears}
	w.restart(t)
	return w
}

// restart makes the notifier anew from its file.
func (w *teller) restart(t *testing.T) {
	t.Helper()
	n, err := notify.New(w.cfg, w.base)
	if err != nil {
		t.Fatal(err)
	}
	w.Notifier = n
}

// hears looks, delivers everything, and returns "state cause subject" of what was said.
func (w *teller) hears(t *testing.T) []string {
	t.Helper()
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ears.got = nil
	if err := w.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, n := range w.ears.got {
		out = append(out, n.State+" "+string(n.Cause)+" "+n.Subject)
	}
	return out
}
