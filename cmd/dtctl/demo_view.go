package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/worker"
)

// demoView shows the way of the data live: a few lines that are drawn again
// on a terminal, plain lines in a pipe. It writes to standard error, so that
// standard output holds the result alone.
type demoView struct {
	out      io.Writer
	terminal bool
	began    time.Time // virtual

	mu    sync.Mutex
	done  map[string]*tally // by stage type
	order []string
	now   string // what is being done
	drawn int    // lines to be erased before the next ones
}

// tally counts what a stage has done.
type tally struct {
	tasks int
	bytes int64
}

func newDemoView(a *app) *demoView {
	f, isFile := a.errs.(*os.File)
	return &demoView{out: a.errs, terminal: isFile && term.IsTerminal(int(f.Fd())), done: map[string]*tally{}}
}

// line says something in passing.
func (v *demoView) line(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	fmt.Fprintf(v.out, format+"\n", args...)
}

// start says what is special about the demo's time.
func (v *demoView) start(o *sim.Observatory) {
	v.began = o.Began()
	o.Driver.Moved = v.moved
	v.line("running the routes on a clock of its own, which moves on whenever nothing is under way; grace and brake are set aside")
	for _, r := range o.Graph.Routes {
		for _, s := range r.Stages {
			v.stage(s.Type)
		}
	}
	v.stage("delete")
}

func (v *demoView) stage(typ string) *tally {
	t, ok := v.done[typ]
	if !ok {
		t = &tally{}
		v.done[typ] = t
		v.order = append(v.order, typ)
	}
	return t
}

// worker takes note of what a task does.
func (v *demoView) worker(p worker.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.Ended {
		t := v.stage(p.Task.Type)
		t.tasks++
		t.bytes += p.Task.Bytes
	}
	v.now = fmt.Sprintf("%s %s → %s: %s", p.Task.Stage, p.Task.From, p.Task.To, p.Phase)
	v.draw()
}

// moved says that time has passed: every day on a pipe.
func (v *demoView) moved(from, to time.Time) {
	if to.Sub(from) < time.Hour {
		return
	}
	v.line("%s: nothing to do, the clock moves on by %s", v.age(from), durationText(to.Sub(from)))
}

func (v *demoView) age(t time.Time) string { return "after " + durationText(t.Sub(v.began)) }

// draw draws the tallies again on a terminal.
func (v *demoView) draw() {
	if !v.terminal {
		return
	}
	v.erase()
	var b strings.Builder
	for _, typ := range v.order {
		t := v.done[typ]
		fmt.Fprintf(&b, "  %-9s %6d done  %10s  %s\n", typ, t.tasks, bytesText(t.bytes), strings.Repeat("▪", min(t.tasks, 40)))
	}
	fmt.Fprintf(&b, "  %.100s\n", v.now)
	fmt.Fprint(v.out, b.String())
	v.drawn = strings.Count(b.String(), "\n")
}

func (v *demoView) erase() {
	if v.drawn > 0 {
		fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}

// stop leaves the last state on the screen; in a pipe it is said once.
func (v *demoView) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.terminal {
		v.drawn = 0
		return
	}
	for _, typ := range v.order {
		t := v.done[typ]
		fmt.Fprintf(v.out, "  %-9s %6d done  %10s\n", typ, t.tasks, bytesText(t.bytes))
	}
}
