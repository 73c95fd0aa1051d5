package node

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/worker"
)

// desk is a store that takes signs of life, or is away, or answers and takes none.
type desk struct {
	opsdb.Store
	away, refuses atomic.Bool
}

func (d *desk) Now(context.Context) (time.Time, error) { return time.Time{}, d.answer() }

func (d *desk) Present(context.Context, opsdb.Worker) error {
	if d.refuses.Load() {
		return errors.New("permission denied for table worker")
	}
	return d.answer()
}

func (d *desk) Absent(context.Context, string) error { return d.answer() }

func (d *desk) answer() error {
	if d.away.Load() {
		return errors.New("connection refused")
	}
	return nil
}

// A worker is ready while OpsDB takes its signs of life, and says for how long it has not. It is dead only if a database that
// answers took none for long: starting it again does not bring back a database that is away.
func TestHealthOfAWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		w := worker.New(worker.Config{ID: "w", Sites: []string{"lab"}, Clock: clock.System{}}, d, local.New(), nil)
		n := &Node{cfg: Config{Store: d}, Worker: w}
		is := func(when string, alive, ready bool, text string) {
			t.Helper()
			h := n.Health(t.Context())
			said := ""
			for _, c := range h.Checks {
				said += c.Name + ": " + c.Text + "\n"
			}
			if h.Alive != alive || h.Ready != ready || !strings.Contains(said, text) {
				t.Errorf("%s: alive %t, ready %t, want %t and %t and %q\n%s", when, h.Alive, h.Ready, alive, ready, text, said)
			}
		}
		is("before it has begun", true, false, "worker: it has not signed on yet")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(time.Second) // of the bubble
		is("at work", true, true, "worker: it renewed 1s ago, 0 tasks run")
		time.Sleep(time.Hour)
		is("an hour later", true, true, "database: it answers")
		d.away.Store(true)
		time.Sleep(30 * time.Second)
		is("the database has just gone", true, false, "database: it does not answer: connection refused")
		time.Sleep(time.Hour)
		is("the database is away for long", true, false, "and should every 15s")
		d.away.Store(false)
		time.Sleep(15 * time.Second)
		is("the database is back", true, true, "it renewed")
		d.refuses.Store(true)
		time.Sleep(time.Minute)
		is("the database answers and refuses", true, false, "it last renewed 1m")
		time.Sleep(stuckAfter)
		is("it refuses for long", false, false, "it last renewed 11m")
		d.refuses.Store(false)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
