package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// batches are the packages of each grant or batch, in the order in which they go.
func batches(a engine.Arranged) string {
	var ids []opsdb.ID
	together := map[opsdb.ID][]string{}
	for _, g := range a.Grants {
		id := g.Batch
		if id == "" {
			id = g.Move.Package
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		together[id] = append(together[id], string(g.Move.Package))
	}
	var out []string
	for _, id := range ids {
		out = append(out, strings.Join(together[id], "+"))
	}
	for _, m := range a.Waiting {
		out = append(out, string(m.Package)+" "+m.Reason)
	}
	return strings.Join(out, ", ")
}

// since is a move that is ready since a while.
func since(ago time.Duration, w opsdb.World, m opsdb.OpenMove) opsdb.OpenMove {
	m.Since = w.Now.Add(-ago)
	return m
}

// TestBatches: gate 9, and one slot for all that go together.
func TestBatches(t *testing.T) {
	t.Parallel()
	three := graph.Batch{MaxPackages: 3, MaxWait: time.Hour}
	small := graph.Batch{MaxPackages: 100, MaxSize: 4 * gb, MaxWait: time.Hour}
	late := func(m opsdb.OpenMove) opsdb.OpenMove {
		m.Reason, m.Verdict = string(engine.NoSlot), "waiting"
		return m
	}
	elsewhere := func(n int) opsdb.OpenMove { return ready(n, "ship", "ccat.buffer", "cornell.buffer", gb) }
	for _, c := range []struct {
		name  string
		batch graph.Batch
		once  int // at_once of the link
		ago   time.Duration
		moves []opsdb.OpenMove
		want  string
	}{
		{"too few", three, 1, 0, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001 batch, p002 batch"},
		{"enough", three, 1, 0, []opsdb.OpenMove{ship(1, gb), ship(2, gb), ship(3, gb)}, "p001+p002+p003"},
		{"one slot for all, none for the next", three, 1, 2 * time.Hour, []opsdb.OpenMove{ship(1, gb), ship(2, gb), ship(3, gb), ship(4, gb)}, "p001+p002+p003, p004 slot"},
		{"two batches, and who is left waits", three, 2, 0, []opsdb.OpenMove{ship(1, gb), ship(2, gb), ship(3, gb), ship(4, gb), ship(5, gb), ship(6, gb), ship(7, gb)}, "p001+p002+p003, p004+p005+p006, p007 batch"},
		{"waited long enough", three, 1, time.Hour, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001+p002"},
		{"one goes alone", three, 1, time.Hour, []opsdb.OpenMove{ship(1, gb)}, "p001"},
		{"enough bytes", small, 2, 0, []opsdb.OpenMove{ship(1, 2*gb), ship(2, 2*gb), ship(3, gb)}, "p001+p002, p003 batch"},
		{"a larger one goes alone", small, 2, 0, []opsdb.OpenMove{ship(1, 9*gb), ship(2, gb)}, "p001, p002 batch"},
		{"who found no slot waits for no others", three, 1, 0, []opsdb.OpenMove{late(ship(1, gb)), ship(2, gb)}, "p001+p002"},
		{"a repair waits for nobody", three, 2, 0, []opsdb.OpenMove{class(opsdb.Repair, ship(1, gb)), ship(2, gb)}, "p001, p002 batch"},
		{"classes do not mix", three, 9, time.Hour, []opsdb.OpenMove{ship(1, gb), ship(2, gb), class(opsdb.Backfill, ship(3, gb))}, "p001+p002, p003"},
		{"each destination has its own", three, 9, 0, []opsdb.OpenMove{ship(1, gb), elsewhere(2), ship(3, gb), elsewhere(4), ship(5, gb)}, "p001+p003+p005, p002 batch, p004 batch"},
		{"without waiting what is ready goes together", graph.Batch{MaxPackages: 100}, 1, 0, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001+p002"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := ccat("cologne", "cornell")
			stageOf(g, "ship").Batch, g.Links["ccat>cologne"].AtOnce = c.batch, c.once
			w := worldOf(g)
			for i := range c.moves {
				c.moves[i] = since(c.ago, w, c.moves[i])
			}
			if got := batches(engine.Arrange(g, w, c.moves, engine.Limits{AtSite: 99}, nil)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestWhyBatch: a package that waits for others says how many are together and
// when they go, and is looked at then.
func TestWhyBatch(t *testing.T) {
	t.Parallel()
	f := newFacts(ccat("cologne", "cornell"))
	f.inBuffer()
	stageOf(f.g, "ship").Batch = graph.Batch{MaxPackages: 3, MaxWait: time.Hour}
	res := engine.Evaluate(f.g, engine.State{World: f.world, Facts: []opsdb.Facts{f.f}}, f.now)[0]
	if !res.WakeAt.Equal(f.now.Add(time.Hour)) {
		t.Errorf("looked at again %s", res.WakeAt)
	}
	a := engine.Arrange(f.g, f.world, res.Moves, engine.Limits{AtSite: 9}, nil)
	i := slices.IndexFunc(a.Waiting, func(m opsdb.OpenMove) bool { return m.Reason == "batch" })
	if i < 0 {
		t.Fatalf("arranged %+v", a)
	}
	f.f.Moves = a.Waiting
	f.now = f.now.Add(time.Minute)
	d := decision(engine.Evaluate(f.g, engine.State{World: f.world, Facts: []opsdb.Facts{f.f}}, f.now)[0], "ship", a.Waiting[i].From, a.Waiting[i].To)
	if d.Reason != engine.CanGo || !d.Since.Equal(a.Waiting[i].Since) {
		t.Errorf("looked at in between it waits anew: %+v", d)
	}
	text := engine.Why(f.g, f.world, f.f, f.now).Text()
	for _, want := range []string{"waiting, batch", "1 of at most 3 packages are together", "gate 9 batch"} {
		if !strings.Contains(text, want) {
			t.Errorf("why does not say %q:\n%s", want, text)
		}
	}
}
