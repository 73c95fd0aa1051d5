package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

func TestPassNeedsRoutes(t *testing.T) {
	t.Parallel()
	e := engine.New(engine.Config{})
	if _, _, err := e.Pass(t.Context()); !errors.Is(err, engine.ErrNotActive) {
		t.Errorf("err = %v", err)
	}
}

// TestRemovedPlaceIsRefused: a location that still holds a copy stays, and the
// revision in force stays the one before.
func TestRemovedPlaceIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	p.observe("ccat.primecam", "obs1", 1, gb)
	p.run(time.Hour)
	smaller := ccat("cologne")
	smaller.Digest = "smaller"
	if _, err := p.engine.Activate(p.ctx, smaller, opsdb.Revision{Who: "ann", Text: "{}"}); !errors.Is(err, opsdb.ErrInUse) {
		t.Fatalf("err = %v", err)
	}
	if g, n := p.engine.Graph(); g != p.g || n != 1 {
		t.Errorf("revision %d is in force", n)
	}
	p.observe("ccat.primecam", "obs2", 1, gb)
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
}

// TestRenameKeepsIdentity: a route and its stages may be renamed; nothing is
// packed or sent again, and what is under way goes on.
func TestRenameKeepsIdentity(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	p.observe("ccat.primecam", "obs1", 1, gb)
	p.run(time.Hour)
	renamed := ccat("cologne", "cornell")
	renamed.Routes[0].Name, renamed.Routes[0].Formerly = "science", []string{"raw"}
	pack := stageOf(renamed, "pack")
	pack.Name, pack.Formerly = "wrap", []string{"pack"}
	p.log = nil
	p.activate(renamed)
	p.run(time.Hour)
	p.wantLog()
	p.observe("ccat.primecam", "obs2", 1, gb)
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if n := len(p.packages()); n != 2 {
		t.Errorf("%d packages of 2 observations", n)
	}
}

// TestRun: the loop wakes by itself when files come, and ends with its context.
func TestRun(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	tasks := make(chan opsdb.Task, 10)
	e := engine.New(engine.Config{Store: p.store, Clock: p.clock, Enqueue: func(_ context.Context, made []opsdb.Task) error {
		for _, task := range made {
			tasks <- task
		}
		return nil
	}})
	g := ccat("cologne", "cornell")
	if _, err := e.Activate(p.ctx, g, opsdb.Revision{Digest: "run", Who: "ann", Text: "{}"}); err != nil {
		t.Fatal(err)
	}
	p.must(p.store.Present(p.ctx, opsdb.Worker{ID: "w", Sites: []string{"ccat"}}))
	ctx, cancel := context.WithCancel(p.ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	p.observe("ccat.primecam", "obs1", 1, gb)
	select {
	case task := <-tasks:
		if task.Stage != "pack" || task.SendSite != "ccat" {
			t.Errorf("task %+v", task)
		}
	case <-time.After(2 * time.Minute):
		t.Error("nothing was dispatched")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

// TestTwoEngines share a store: nothing is done twice (E4).
func TestTwoEngines(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	other := engine.New(engine.Config{Store: p.store, Clock: p.clock, Enqueue: p.enqueue})
	if _, err := other.Activate(p.ctx, p.g, opsdb.Revision{Who: "ann", Text: "{}"}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 1, gb)
		for range 12 {
			if _, _, err := other.Pass(p.ctx); err != nil {
				t.Fatal(err)
			}
			p.pass()
			p.work()
		}
	}
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 5 || p.count("pack ") != 5 || p.count("archive ") != 10 {
		t.Errorf("log: %v", p.log)
	}
}

// TestRelay: `ahead` does not apply to the doorstep of an archive that can
// take the package, and does once that archive is down.
func TestRelay(t *testing.T) {
	t.Parallel()
	f := newFacts(ccat("cologne", "cornell")).inBuffer()
	if m := f.evaluate().Moves[0]; m.To != "cologne.buffer" || m.OnWay {
		t.Errorf("with its archive open: %+v", m)
	}
	f.locationDown("cologne.lta", "offline")
	for _, m := range f.evaluate().Moves {
		if m.To == "cologne.buffer" && !m.OnWay {
			t.Errorf("with its archive down: %+v", m)
		}
	}
}
