package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"strings"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

const barColumns = 30

func seqValues[K comparable, V any](m map[K]V) iter.Seq[V] { return maps.Values(m) }

// holding is what is at a location now.
type holding struct {
	count int
	bytes int64
}

// held asks the database what is where: files at sources, packages elsewhere.
func (v *demoView) held(ctx context.Context) (map[string]holding, error) {
	t, err := v.world.Store.Totals(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]holding{}
	for _, l := range v.places {
		states := t.Copies[l.Name]
		if l.Type == opsdb.Source {
			states = t.Files[l.Name]
		}
		h := holding{}
		for state, n := range states {
			if there(state) {
				h.count += n.Count
				h.bytes += n.Bytes
			}
		}
		out[l.Name] = h
	}
	return out, nil
}

// there reports whether bytes of a copy in this state lie at its place.
func there(s opsdb.CopyState) bool {
	switch s {
	case opsdb.Expected, opsdb.Deleted, opsdb.Lost:
		return false
	}
	return true
}

// frame is what a terminal shows: a bar for each location, a count for each stage, the time.
func (v *demoView) frame(ctx context.Context) []string {
	held, err := v.held(ctx)
	if err != nil {
		return []string{"  (" + err.Error() + ")"}
	}
	width := 0
	for _, l := range v.places {
		width = max(width, len(l.Name))
	}
	lines := []string{"  " + v.now()}
	for _, l := range v.places {
		h := held[l.Name]
		lines = append(lines, fmt.Sprintf("  %-*s %s %10s  %s", width, l.Name,
			v.in(colourOf(l), bar(float64(h.bytes)/float64(v.whole), barColumns)), bytesText(h.bytes), counted(h.count, thingsAt(l))))
	}
	return append(lines, v.doing()...)
}

func colourOf(l *graph.Location) string {
	switch l.Type {
	case opsdb.Archive:
		return green
	case opsdb.Buffer:
		return cyan
	}
	return dim
}

func thingsAt(l *graph.Location) string {
	if l.Type == opsdb.Source {
		return "file"
	}
	return "package"
}

// doing is what the stages have done so far, and what was done last.
func (v *demoView) doing() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var parts []string
	for _, t := range v.stages {
		parts = append(parts, fmt.Sprintf("%s %d", t.stage, t.tasks))
	}
	return []string{"  done: " + strings.Join(parts, ", "), "  last: " + v.recent}
}

// say says in one line of a pipe what is where, if that has changed.
func (v *demoView) say(ctx context.Context) {
	held, err := v.held(ctx)
	if err != nil {
		return // the run itself will say what is wrong
	}
	var parts []string
	for _, l := range v.places {
		if h := held[l.Name]; h.count > 0 {
			parts = append(parts, l.Name+" "+bytesText(h.bytes))
		}
	}
	text := strings.Join(parts, ", ")
	if text != "" && text != v.said {
		v.line("%s: %s", v.now(), text)
		v.said = text
	}
}

// summary says in a pipe what the stages have done.
func (v *demoView) summary() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, t := range v.stages {
		v.line("  %-9s %6d done  %10s", t.stage, t.tasks, bytesText(t.bytes))
	}
}
