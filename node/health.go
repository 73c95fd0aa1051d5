package node

import (
	"context"
	"fmt"
	"time"
)

// Health is the truth about a process: not that it runs, but that what it is for gets done.
type Health struct {
	// Alive: nothing in it is stuck. A database that is away leaves it alive: starting it again would mend nothing.
	Alive bool `json:"alive"`
	// Ready: it does its work now.
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	Name string `json:"name"` // database, engine, worker
	Good bool   `json:"good"`
	Text string `json:"text"` // for a person
}

const (
	answerWithin = 3 * time.Second // of the database
	stuckAfter   = 10 * time.Minute
	lateBy       = 3 // sweeps or renewals that may be missed
)

// Health looks at the process's own parts and asks the database for the time.
func (n *Node) Health(ctx context.Context) Health {
	h := Health{Alive: true, Ready: true}
	reachable := n.database(ctx, &h)
	if n.Engine != nil {
		n.engineHealth(&h, reachable)
	}
	if n.Worker != nil {
		n.workerHealth(&h, reachable)
	}
	return h
}

func (h *Health) add(name string, good bool, format string, args ...any) {
	h.Checks = append(h.Checks, Check{name, good, fmt.Sprintf(format, args...)})
	h.Ready = h.Ready && good
}

func (n *Node) database(ctx context.Context, h *Health) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if _, err := n.cfg.Store.Now(ctx); err != nil {
		h.add("database", false, "it does not answer: %v", err)
		return false
	}
	h.add("database", true, "it answers")
	return true
}

// engineHealth looks when evaluation last was complete. It is stuck if nothing came of a reachable database for long.
func (n *Node) engineHealth(h *Health, reachable bool) {
	age, late := n.Engine.Passed(), lateBy*n.Engine.Sweep()
	switch {
	case age < 0:
		h.add("engine", false, "no evaluation was completed yet")
	case age > late:
		h.add("engine", false, "the last complete evaluation was %s ago, and one is due every %s", age.Round(time.Second), n.Engine.Sweep())
	default:
		h.add("engine", true, "the last complete evaluation was %s ago", age.Round(time.Millisecond))
	}
	if reachable && age > max(late, stuckAfter) {
		h.Alive = false
	}
}

// workerHealth looks when OpsDB last took a sign of life.
func (n *Node) workerHealth(h *Health, reachable bool) {
	age, every := n.Worker.Spoken(), n.Worker.Renewal()
	waiting := ""
	if w := n.Worker.Waiting(); w > 0 {
		waiting = fmt.Sprintf("; %d results wait in the journal", w)
	}
	switch {
	case age < 0:
		h.add("worker", false, "it has not signed on yet%s", waiting)
	case age > lateBy*every:
		h.add("worker", false, "it last renewed %s ago, and should every %s%s", age.Round(time.Second), every, waiting)
	default:
		h.add("worker", true, "it renewed %s ago, %d tasks run%s", age.Round(time.Millisecond), n.Worker.Busy(), waiting)
	}
	if reachable && age > max(lateBy*every, stuckAfter) {
		h.Alive = false
	}
}
