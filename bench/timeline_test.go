//go:build servers

package bench_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/clock"
	sites "github.com/ccatobs/cdt/examples/three-sites/lab"
	"github.com/ccatobs/cdt/opsdb"
)

// glance is how often the line and the tasks are looked at.
const glance = 250 * time.Millisecond

// timeline is what the line carried and what the tasks did, glance by glance: where the share of the line is lost.
type timeline struct {
	ocean *ocean
	since func() time.Duration
	stop  chan struct{}
	done  chan struct{}

	carried []int64  // by both directions out of the telescope, so far, at each glance
	states  []string // of the tasks, in a few words
	tasks   map[opsdb.ID]*taskLine
	order   []opsdb.ID
}

// taskLine is a task and when its state was first seen to be another.
type taskLine struct {
	task  opsdb.Task
	state string
	text  strings.Builder
}

// watch notes what the ocean carries and what the tasks do, until told is called.
func (o *ocean) watch() (told func()) {
	t := &timeline{ocean: o, since: clock.Monotonic(), stop: make(chan struct{}), done: make(chan struct{}), tasks: map[opsdb.ID]*taskLine{}}
	go t.look(o.B.Context())
	return func() {
		close(t.stop)
		<-t.done
		t.tell()
	}
}

func (t *timeline) look(ctx context.Context) {
	defer close(t.done)
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		t.carried = append(t.carried, t.ocean.carried(sites.Cologne)+t.ocean.carried(sites.Cornell))
		t.states = append(t.states, t.glance(ctx))
		select {
		case <-tick.C:
		case <-t.stop:
			return
		}
	}
}

// glance looks at the tasks, and says how many of each kind there are that have not ended.
func (t *timeline) glance(ctx context.Context) string {
	tasks, err := t.ocean.Store.Tasks(ctx, opsdb.Query{Limit: math.MaxInt32})
	if err != nil {
		return err.Error()
	}
	open := map[string]int{}
	for _, k := range tasks {
		state := stateOf(k)
		if k.EndedAt.IsZero() && k.Type != "delete" {
			open[kindOf(k)+" "+state]++
		}
		line := t.tasks[k.ID]
		if line == nil {
			line = &taskLine{}
			t.tasks[k.ID] = line
			t.order = append(t.order, k.ID)
		}
		if line.task = k; line.state != state {
			line.state = state
			fmt.Fprintf(&line.text, " %.1f %s", t.since().Seconds(), state)
		}
	}
	var out []string
	for kind, n := range open {
		out = append(out, fmt.Sprintf("%d %s", n, kind))
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(a[strings.Index(a, " "):], b[strings.Index(b, " "):]) })
	return strings.Join(out, ", ")
}

func kindOf(k opsdb.Task) string {
	if k.Link != "" {
		return k.Link
	}
	return k.Type
}

// stateOf is a task's state and, while there are two pieces, which of them.
func stateOf(k opsdb.Task) string {
	state := map[opsdb.TaskState]string{opsdb.TaskScheduled: "offered", opsdb.TaskInProgress: "runs", opsdb.TaskPending: "backs off"}[k.State]
	if state == "" {
		state = string(k.State)
	}
	if k.Link == "" || !k.EndedAt.IsZero() {
		return state
	}
	return string(k.Piece) + " " + state
}

// tell prints, for each second, the MB that crossed the ocean and what the tasks did, and then the way of each package.
func (t *timeline) tell() {
	const a = int(time.Second / glance)
	capacity := float64(oceanRate) / 8
	var idle, total float64
	fmt.Printf("%s: second, MB over the ocean, open tasks\n", t.ocean.B.Name())
	for i := a; i < len(t.carried); i += a {
		moved := float64(t.carried[i] - t.carried[i-a])
		idle += max(0, capacity-moved) / capacity
		total++
		fmt.Printf("%4d %5.1f  %s\n", i/a, moved/1e6, t.states[i])
	}
	fmt.Printf("%s: the line stood idle for %.1f of %.0f s\n", t.ocean.B.Name(), idle, total)
	fmt.Printf("%s: tasks, and at which second each state was seen first\n", t.ocean.B.Name())
	for _, id := range t.order {
		if k := t.tasks[id]; k.task.Type != "delete" {
			fmt.Printf("  %s %5.1f MB %-16s%s\n", k.task.Package.Short(), float64(k.task.Bytes)/1e6, kindOf(k.task), k.text.String())
		}
	}
}
