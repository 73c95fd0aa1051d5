package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// workerJSON is a process that serves the database.
type workerJSON struct {
	ID       string    `json:"id"`
	Role     string    `json:"role"` // engine or worker
	Sites    []string  `json:"sites"`
	Program  string    `json:"program"`
	Protocol int       `json:"protocol,omitempty"`
	AtOnce   int       `json:"at_once,omitempty"` // tasks it takes in hand
	SeenAt   time.Time `json:"seen_at"`
	Live     bool      `json:"live"` // seen lately enough to speak for its sites
}

func workerOf(w opsdb.Worker, now time.Time) workerJSON {
	v := workerJSON{
		ID: w.ID, Role: roleWorker, Sites: append([]string{}, w.Sites...), Program: w.Version, Protocol: w.Protocol,
		AtOnce: w.AtOnce, SeenAt: w.SeenAt, Live: now.Sub(w.SeenAt) < opsdb.WorkerTTL,
	}
	if w.Engine() {
		v.Role = roleEngine
	}
	return v
}

// workersText lists the processes, and what they have in hand.
func (a *app) workersText(v statusJSON) {
	var rows [][]any
	for _, w := range v.Workers {
		state := "seen " + agoText(v.Now, w.SeenAt) + " ago"
		if !w.Live {
			state = "gone: " + state
		}
		rows = append(rows, []any{w.Role, w.ID, strings.Join(w.Sites, ", "), w.Program, state})
	}
	if len(rows) > 0 {
		fmt.Fprintln(a.out)
		a.table([]any{"PROCESS", "NAME", "SITES", "PROGRAM", "STATE"}, rows)
	}
	var tasks []string
	for _, state := range []opsdb.TaskState{opsdb.TaskInProgress, opsdb.TaskScheduled, opsdb.TaskPending, opsdb.TaskFailed} {
		if n := v.Tasks[state]; n > 0 {
			tasks = append(tasks, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(state), "_", " ")))
		}
	}
	if len(tasks) > 0 {
		fmt.Fprintf(a.out, "tasks: %s\n", strings.Join(tasks, ", "))
	}
}

// handText is how many tasks a site has in hand, of how many its workers take.
func handText(p placeJSON) string {
	if p.AtOnce == 0 {
		return fmt.Sprintf("%d tasks", p.InUse)
	}
	return fmt.Sprintf("%d of %d tasks", p.InUse, p.AtOnce)
}
