package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// Random faults at random moments; then they heal, and everything must be
// where it belongs, with nothing lost and nothing deleted too early. CDT_CHAOS=N tries N seeds, CDT_CHAOS_SEED=S only one.
func TestChaos(t *testing.T) {
	t.Parallel()
	first, n := uint64(1), uint64(4)
	if s := os.Getenv("CDT_CHAOS"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 32); err != nil {
			t.Fatalf("CDT_CHAOS: %v", err)
		}
	}
	if s := os.Getenv("CDT_CHAOS_SEED"); s != "" {
		var err error
		if first, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("CDT_CHAOS_SEED: %v", err)
		}
		n = 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newChaos(t, seed).play() })
	}
}

// chaos is a house in which things go wrong.
type chaos struct {
	*house
	mu       sync.Mutex // guards what follows: effects come from several goroutines
	rnd      *rand.Rand
	left     int                 // faults still to come
	routes   []map[string][]byte // revisions to go through
	safe     map[opsdb.ID]string // package → the archive whose copy is never harmed
	away     map[string]func()   // locations that are not mounted
	effects  int64               // until then
	journal  []string
	requests []opsdb.ID
}

var errKilled = errors.New("the process is ended here")

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 7))
	small := []string{"max_size: 50GB", "max_size: 60KB", "GB(50)", "KB(60)"}
	c := &chaos{rnd: rnd, left: 25 + rnd.IntN(25), safe: map[opsdb.ID]string{}, away: map[string]func(){}}
	c.routes = []map[string][]byte{edited(t, small...)}
	if rnd.IntN(2) == 0 {
		c.routes = append(c.routes, replaced(t, bonn(t), small...))
	}
	c.house = newHouse(t, c.routes[0])
	c.cfg.AtOnce = 1 + rnd.IntN(3)
	c.fill("ccat.primecam", 4+rnd.IntN(8), 5000+rnd.IntN(20_000))
	c.fill("ccat.chai", rnd.IntN(4), 3000)
	t.Cleanup(func() {
		if t.Failed() {
			for _, line := range c.journal {
				t.Log(line)
			}
		}
	})
	return c
}

// replaced is edited for routes that are edited already.
func replaced(t *testing.T, files map[string][]byte, pairs ...string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, text := range files {
		for i := 0; i < len(pairs); i += 2 {
			text = bytes.ReplaceAll(text, []byte(pairs[i]), []byte(pairs[i+1]))
		}
		out[name] = text
	}
	return out
}

func (c *chaos) say(format string, args ...any) {
	c.journal = append(c.journal, c.Clock.Now().Format("2006-01-02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// play lets faults come until none is left, heals, and judges.
func (c *chaos) play() {
	for c.left > 0 {
		c.arm()
		if killed := c.drive(); killed || c.left > 0 {
			c.reopen(c.nextRoutes())
		}
		if c.left > 0 {
			c.left-- // a run without faults left to meet comes to its end
		}
	}
	c.heal()
	c.t.Logf("%d packages, %d lines of what went wrong", len(c.packages()), len(c.journal))
}

func (c *chaos) nextRoutes() map[string][]byte {
	if len(c.routes) > 1 && c.rnd.IntN(4) == 0 {
		c.say("other routes")
		c.routes = c.routes[1:]
	}
	return c.routes[0]
}

// arm sets the faults of one process.
func (c *chaos) arm() {
	c.effects = 50 + c.rnd.Int64N(3000)
	c.Driver.Step = func(context.Context) error {
		if c.due(3) {
			return c.strike()
		}
		return nil
	}
	stop := c.Driver.Stop
	c.Driver.Stop = func(ctx context.Context, next time.Time) (bool, error) {
		if c.due(2) {
			return false, c.strike()
		}
		if next.IsZero() {
			c.mount() // nothing comes by itself: what is away comes back
		}
		return stop(ctx, next)
	}
}

// due reports whether something goes wrong now: once in n times.
func (c *chaos) due(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left <= 0 || c.rnd.IntN(n) != 0 {
		return false
	}
	c.left--
	return true
}

// drive runs the process to its end, or until it is killed.
func (c *chaos) drive() (killed bool) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Minute)
	defer cancel()
	passed, effects := new(atomic.Int64), c.effects // what a process leaves behind looks at its own
	hooked := effect.With(ctx, &effect.Points{Hook: func(name string) {
		if passed.Add(1) == effects {
			cancel()
		}
		if ctx.Err() == nil {
			c.amid(ctx, name)
		}
	}})
	err := c.Run(hooked)
	cancel() // nothing that it leaves behind does anything from here on, nor is it in the midst of it
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.Is(err, errKilled), err != nil && passed.Load() >= effects:
		c.say("killed: %v", err)
		return true
	case err != nil:
		c.t.Fatalf("%v", err)
	}
	return false
}

// amid does something in the midst of the work: a lease runs out though its
// worker is alive, so that another one takes the task, or a copy is harmed.
func (c *chaos) amid(ctx context.Context, name string) {
	if strings.HasPrefix(name, "opsdb.") || strings.HasPrefix(name, "engine.") {
		return // a transaction may be open, or the engine is in the midst of a pass
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left <= 0 || ctx.Err() != nil {
		return
	}
	var err error
	switch n := c.rnd.IntN(300); {
	case n < 6:
		err = c.rival(name)
	case n == 6:
		err = c.strikeOne(func(f opsdb.Facts) error { return c.harm(f) })
	case n == 7:
		err = c.strikeOne(c.hold)
	case n == 8:
		err = c.strikeOne(c.ask)
	}
	if err != nil && ctx.Err() == nil {
		c.t.Errorf("at %s: %v", name, err)
	}
}

// rival lets all leases run out and offers the tasks again.
func (c *chaos) rival(name string) error {
	c.Clock.Advance(2 * time.Minute)
	tasks, err := c.Store.Expire(c.t.Context(), c.Clock.Now(), time.Minute)
	if err != nil || len(tasks) == 0 {
		return err
	}
	c.say("%d leases ran out at %s", len(tasks), name)
	return c.Node.Queue.Enqueue(c.t.Context(), tasks)
}

func (c *chaos) strikeOne(do func(opsdb.Facts) error) error {
	facts, err := c.Store.Packages(c.t.Context(), opsdb.Query{})
	if err != nil || len(facts) == 0 {
		return err
	}
	return do(facts[c.rnd.IntN(len(facts))])
}

// strike does one thing that goes wrong, or that a person does.
func (c *chaos) strike() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	facts, err := c.Store.Packages(c.t.Context(), opsdb.Query{})
	if err != nil {
		return err
	}
	if len(facts) == 0 {
		return nil
	}
	f := facts[c.rnd.IntN(len(facts))]
	switch c.rnd.IntN(13) {
	case 0, 1, 2, 3:
		return c.harm(f)
	case 4:
		return c.hold(f)
	case 5:
		return c.unholdAll()
	case 6:
		return c.ask(f)
	case 7:
		return c.Store.WantVerify(c.t.Context(), f.Package.ID, "", "tester")
	case 8:
		return c.unmountOne()
	case 9:
		c.mount()
		return nil
	case 10:
		return c.retryAll()
	case 11:
		return c.resend(f)
	}
	return errKilled
}
