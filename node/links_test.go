package node

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
)

// TestRate is E8: a send gets its part of the lowest rate that holds when it begins, by time of day and by the transport's own cap.
func TestRate(t *testing.T) {
	t.Parallel()
	window := func(text string) *expr.Window {
		t.Helper()
		w, err := expr.ParseWindow(text)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	day, noon := window("* 12-18 * * *"), window("* 12 * * *")
	at := func(hour int) time.Time { return time.Date(2026, 4, 1, hour, 30, 0, 0, time.UTC) }
	for _, c := range []struct {
		name string
		link graph.Link
		hour int
		want int64
	}{
		{"nothing is said", graph.Link{AtOnce: 2}, 13, 0},
		{"a window that is open, shared by two", graph.Link{AtOnce: 2, Limits: []graph.Limit{{Window: day, Rate: 600}}}, 13, 300},
		{"a window that is shut", graph.Link{AtOnce: 2, Limits: []graph.Limit{{Window: day, Rate: 600}}}, 19, 0},
		{"two windows: the lower one", graph.Link{AtOnce: 1, Limits: []graph.Limit{{Window: noon, Rate: 100}, {Window: day, Rate: 600}}}, 12, 100},
		{"two windows, the lower one shut", graph.Link{AtOnce: 1, Limits: []graph.Limit{{Window: noon, Rate: 100}, {Window: day, Rate: 600}}}, 13, 600},
		{"a cap below the window's", graph.Link{AtOnce: 1, Far: &graph.Far{Rate: 200}, Limits: []graph.Limit{{Window: day, Rate: 600}}}, 13, 200},
		{"a cap above the window's", graph.Link{AtOnce: 1, Far: &graph.Far{Rate: 900}, Limits: []graph.Limit{{Window: day, Rate: 600}}}, 13, 600},
		{"a cap and no window", graph.Link{AtOnce: 3, Far: &graph.Far{Rate: 900}}, 13, 300},
		{"so little that none would be left", graph.Link{AtOnce: 4, Far: &graph.Far{Rate: 3}}, 13, 1},
	} {
		if got := rate(&c.link, at(c.hour)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
