package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ccatobs/cdt/live"
	"github.com/ccatobs/cdt/live/redis"
	"github.com/ccatobs/cdt/opsdb"
)

// runningJSON is a task that runs, and how far it is.
type runningJSON struct {
	ID      opsdb.ID `json:"id"`
	Stage   string   `json:"stage"`
	Package opsdb.ID `json:"package"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Worker  string   `json:"worker"`
	Phase   string   `json:"phase"`
	Done    int64    `json:"done"`
	Total   int64    `json:"total"`          // 0: not known
	Rate    float64  `json:"rate,omitempty"` // bytes a second; only Redis knows
	Live    bool     `json:"live"`           // told by Redis; else by the last renewal of the lease
}

// mostRunning is how many running tasks are shown.
const mostRunning = 1000

// runningNow are the tasks that run, which OpsDB says, and how far they are,
// which Redis knows better if there is one. Its loss costs the view its freshness and nothing else.
func runningNow(ctx context.Context, s opsdb.Reading, url string) ([]runningJSON, error) {
	tasks, err := s.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskInProgress), Limit: mostRunning})
	if err != nil {
		return nil, err
	}
	hints, err := hintsOf(ctx, url)
	if err != nil {
		return nil, err
	}
	out := []runningJSON{}
	for _, t := range tasks {
		v := runningJSON{ID: t.ID, Stage: t.Route + "/" + t.Stage, Package: t.Package, From: t.From, To: t.To, Worker: t.Worker, Phase: t.Phase, Done: t.Done, Total: t.Total}
		if h, ok := hints[t.ID]; ok && h.Worker == t.Worker {
			v.Phase, v.Done, v.Total, v.Rate, v.Live = h.Phase, h.Done, h.Total, h.Rate, true
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(x, y runningJSON) int { return cmp.Compare(x.ID, y.ID) })
	return out, nil
}

// hintsOf asks Redis what tasks do; none if there is no Redis, or it is away.
func hintsOf(ctx context.Context, url string) (map[opsdb.ID]live.Task, error) {
	out := map[opsdb.ID]live.Task{}
	if url == "" {
		return out, nil
	}
	l, err := redis.New(url, redis.Options{})
	if err != nil {
		return nil, misuse("write it as redis://host:port/0", "the address of Redis: %w", err)
	}
	defer func() { _ = l.Close() }()
	tasks, err := l.Tasks(ctx)
	if err != nil {
		return out, nil //nolint:nilerr // hints: the view goes without them
	}
	for _, t := range tasks {
		out[opsdb.ID(t.ID)] = t
	}
	return out, nil
}

// runningText lists what runs and how far it is.
func (a *app) runningText(v statusJSON) {
	var rows [][]any
	for _, r := range v.Running {
		far := bytesText(r.Done)
		if r.Total > 0 {
			far += " of " + bytesText(r.Total)
		}
		if r.Rate > 0 {
			far += fmt.Sprintf(", %s/s", bytesText(int64(r.Rate)))
		}
		rows = append(rows, []any{r.ID.Short(), r.Stage, r.From, r.To, r.Phase, far})
	}
	if len(rows) > 0 {
		fmt.Fprintln(a.out)
		a.table([]any{"RUNNING", "STAGE", "FROM", "TO", "PHASE", "DONE"}, rows)
	}
}
