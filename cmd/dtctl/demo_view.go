package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/worker"
)

// demoView shows the way of the data live: what is where, what has been done
// and which time it is on the demo's clock. It writes to standard error, so
// that standard output holds the result alone.
type demoView struct {
	*screen
	world  *sim.Observatory
	places []*graph.Location
	whole  int64        // bytes of all files
	count  atomic.Int64 // bytes copied, made or re-read so far

	mu     sync.Mutex
	stages []*tally
	recent string // what was done last
	said   string // last line in a pipe
}

// tally counts what the stages of one type have done.
type tally struct {
	stage string
	tasks int
	bytes int64
}

// How often the view is drawn on a terminal, and a line is said in a pipe.
const (
	drawEvery = 150 * time.Millisecond
	sayEvery  = 2 * time.Second
)

func newDemoView(a *app) *demoView { return &demoView{screen: newScreen(a.errs)} }

// counting shows how far something is that goes through so many bytes (0: nobody knows), until the function returned is called.
func (v *demoView) counting(whole int64, format string, args ...any) (stop func()) {
	v.line(format, args...)
	v.whole = whole
	v.count.Store(0)
	if !v.terminal {
		return func() {}
	}
	end := every(drawEvery, func() { v.draw([]string{"  " + v.amount()}) })
	return func() { end(); v.draw(nil) }
}

// amount is how far the counting is, as a bar if the whole is known.
func (v *demoView) amount() string {
	n := v.count.Load()
	if v.whole == 0 {
		return bytesText(n)
	}
	return v.in(green, bar(float64(n)/float64(v.whole), 40)) + " " + bytesText(n)
}

// watch shows an observatory at work, until the function returned is called.
func (v *demoView) watch(ctx context.Context, o *sim.Observatory, whole int64) (stop func()) {
	v.world, v.whole = o, max(whole, 1)
	v.places = slices.SortedFunc(seqValues(o.Graph.Locations), byWay)
	for _, r := range o.Graph.Routes {
		for _, s := range r.Stages {
			v.tally(s.Type)
		}
	}
	v.tally("delete")
	o.Driver.Moved = v.moved
	v.line("running the routes on a clock of its own, which moves on whenever no lease is out:")
	v.line("days pass in a moment; grace and brake are set aside")
	if !v.terminal {
		end := every(sayEvery, func() { v.say(ctx) })
		return func() { end(); v.say(ctx); v.summary() }
	}
	end := every(drawEvery, func() { v.draw(v.frame(ctx)) })
	return func() { end(); v.draw(v.frame(ctx)); v.keep() }
}

// byWay orders locations as the data pass them.
func byWay(a, b *graph.Location) int {
	order := []opsdb.LocationType{opsdb.Source, opsdb.Buffer, opsdb.Archive, opsdb.Processing}
	if n := slices.Index(order, a.Type) - slices.Index(order, b.Type); n != 0 {
		return n
	}
	return strings.Compare(a.Name, b.Name)
}

// tally finds or makes the tally of a type of stage; v.mu is held, or nobody else is there yet.
func (v *demoView) tally(typ string) *tally {
	for _, t := range v.stages {
		if t.stage == typ {
			return t
		}
	}
	v.stages = append(v.stages, &tally{stage: typ})
	return v.stages[len(v.stages)-1]
}

// worker takes note of what a task has done.
func (v *demoView) worker(p worker.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.Ended {
		t := v.tally(p.Task.Type)
		t.tasks++
		t.bytes += p.Task.Bytes
	}
	v.recent = fmt.Sprintf("%s %s → %s", p.Task.Stage, p.Task.From, p.Task.To)
}

// moved says that much time passes at once.
func (v *demoView) moved(from, to time.Time) {
	if to.Sub(from) >= time.Hour {
		v.line("%s: nothing to do, the clock moves on by %s", v.day(from), durationText(to.Sub(from)))
	}
}

// day is how long the demo has run by its own clock.
func (v *demoView) day(t time.Time) string {
	return fmt.Sprintf("day %.1f (%s)", t.Sub(v.world.Began()).Hours()/24, t.UTC().Format("2006-01-02 15:04"))
}

func (v *demoView) now() string { return v.day(clock.Clock(v.world.Clock).Now()) }
