package engine_test

import (
	"slices"
	"testing"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// leastBacklog is a package in Chile's buffer, with links of 1 Gbit/s to
// Cologne and half of that to Cornell.
func leastBacklog(waitCologne, waitCornell int64) *facts {
	f := newFacts(ccat("cologne", "cornell"))
	stageOf(f.g, "ship").Choose = "least_backlog"
	f.g.Links["ccat>cologne"].Bandwidth, f.g.Links["ccat>cornell"].Bandwidth = 1e9, 5e8
	f.backlog("ccat>cologne", waitCologne).backlog("ccat>cornell", waitCornell)
	return f.inBuffer()
}

func (f *facts) backlog(link string, bytes int64) *facts {
	l := f.world.Links[link]
	l.Backlog = bytes
	f.world.Links[link] = l
	return f
}

// shipsTo is where the first hop over the ocean leads.
func shipsTo(r engine.Result) string {
	i := slices.IndexFunc(r.Moves, func(m opsdb.OpenMove) bool { return m.Stage == "ship" })
	if i < 0 {
		return ""
	}
	return r.Moves[i].To
}

func TestChooseLeastBacklog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name             string
		cologne, cornell int64
		set              func(*facts)
		want             string
	}{
		{"nothing waits: the faster link", 0, 0, nil, "cologne.buffer"},
		{"as long to wait: the order of the set", 30 * gb, 10*gb - 10240/2, nil, "cologne.buffer"},
		{"the faster link has too much to do", 31 * gb, 10 * gb, nil, "cornell.buffer"},
		{"half the bandwidth counts twice", 20 * gb, 10 * gb, nil, "cologne.buffer"},
		{"the least is down", 0, 90 * gb, func(f *facts) { f.linkDown("ccat>cologne") }, "cornell.buffer"},
		{"its own bytes are not in its way", 38 * gb, 12 * gb, func(f *facts) {
			f.f.Moves = []opsdb.OpenMove{{Stage: "ship", From: "ccat.buffer", To: "cologne.buffer", Link: "ccat>cologne", Bytes: 10 * gb}}
		}, "cologne.buffer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := leastBacklog(c.cologne, c.cornell)
			if c.set != nil {
				c.set(f)
			}
			if got := shipsTo(f.evaluate()); got != c.want {
				t.Errorf("it goes to %s, want %s", got, c.want)
			}
		})
	}
}

// TestLeastBacklogSharesOutABatch: packages evaluated together see what the
// others put on the links, and the snapshot stays as it was.
func TestLeastBacklogSharesOutABatch(t *testing.T) {
	t.Parallel()
	f := leastBacklog(0, 0)
	s := engine.State{World: f.world}
	for range 9 {
		s.Facts = append(s.Facts, f.f)
	}
	to := map[string]int{}
	for range 2 {
		clear(to)
		for _, r := range engine.Evaluate(f.g, s, f.now) {
			to[shipsTo(r)]++
		}
	}
	if to["cologne.buffer"] != 6 || to["cornell.buffer"] != 3 {
		t.Errorf("shared out as %v, want 6 and 3", to)
	}
}
