package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// pressureRule keeps what is younger than two weeks, unless the place is more than 80 % full.
func pressureRule(t testing.TB, g *graph.Graph, at string, capacity int64) {
	t.Helper()
	rule(t, g, at, "age >= days(14)")
	r := g.Routes[0].Retention.Rules
	r[len(r)-1].Above, r[len(r)-1].Until = 80, 60
	g.Locations[at].Capacity = capacity
}

func TestPressureOnOnePackage(t *testing.T) {
	t.Parallel()
	const buffer = "ccat.buffer"
	covered := &opsdb.Pressure{Pressing: true, Age: epoch, Package: "0198a000-0000-7000-8000-00000000000a"}
	for _, c := range []struct {
		name     string
		pressure *opsdb.Pressure
		set      func(*facts)
		reason   engine.Reason
		act      string
	}{
		{"none", nil, func(*facts) {}, engine.KeepRule, ""},
		{"among the oldest", covered, func(*facts) {}, engine.Condemning, "press"},
		{"not among the oldest", &opsdb.Pressure{Pressing: true, Age: epoch, Package: "0198a000-0000-7000-8000-000000000009"}, func(*facts) {}, engine.KeepRule, ""},
		{"verified later", &opsdb.Pressure{Pressing: true, Age: epoch.Add(-1), Package: "f"}, func(*facts) {}, engine.KeepRule, ""},
		{"enough is condemned", &opsdb.Pressure{Age: epoch, Package: "f"}, func(*facts) {}, engine.KeepRule, ""},
		{"its rule says so itself", covered, func(f *facts) { f.world.Observed = epoch.Add(20 * day) }, engine.Condemning, "condemn"},
		{"condemned, and enough is", &opsdb.Pressure{Age: epoch, Package: "f"}, func(f *facts) { f.condemn(buffer, time.Hour) }, engine.InGrace, ""},
		{"condemned, grace over", &opsdb.Pressure{Age: epoch, Package: "f"}, func(f *facts) { f.condemn(buffer, day) }, engine.CanGo, "go"},
		{"condemned, and it is over", nil, func(f *facts) { f.condemn(buffer, time.Hour) }, engine.KeepRule, "pardon"},
		{"held", covered, func(f *facts) { f.f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete}} }, engine.Held, ""},
		{"one archive only", covered, func(f *facts) { f.at("cornell.lta").State = opsdb.Quarantined }, engine.RequireArchived, ""},
		{"a bad receipt", covered, func(f *facts) { f.at("cornell.lta").Receipt.Digest = "d2" }, engine.RequireArchived, ""},
		{"the time is suspect", covered, func(f *facts) { f.world.TimeSuspect = true }, engine.TimeSuspect, ""},
		{"the route knows no pressure any more", covered, func(f *facts) {
			f.g.Routes[0].Retention.Rules[0].Above = 0
			f.condemn(buffer, day)
		}, engine.KeepRule, "pardon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell"))
			pressureRule(t, f.g, buffer, 100*gb)
			f.done(buffer)
			l := f.world.Locations[buffer]
			l.Capacity, l.Pressure = 100*gb, c.pressure
			f.world.Locations[buffer] = l
			c.set(f)
			r := f.evaluate()
			if d := decision(r, "delete", buffer, buffer); d.Reason != c.reason {
				t.Errorf("%s (%s), want %s", d.Reason, d.Text, c.reason)
			}
			act := actOn(r, f.at(buffer).ID)
			if slices.Contains(r.Press, opsdb.Press{Copy: f.at(buffer).ID, Until: 60 * gb}) {
				act = "press"
			}
			if diff := cmp.Diff(c.act, act); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (f *facts) condemn(at string, ago time.Duration) {
	f.at(at).State, f.at(at).CondemnedAge = opsdb.DeletionPossible, f.now.Add(-ago)
}

// filled is a source of 100 GB with n observations of 9 GB each, archived twice.
func filled(t *testing.T, n int) *play {
	g := ccat("cologne", "cornell")
	pressureRule(t, g, "ccat.primecam", 100*gb)
	g.Routes[0].Retention.Grace = day
	p := newPlay(t, g)
	for i := range n {
		p.observe("ccat.primecam", fmt.Sprintf("obs%02d", i), 1, 9*gb)
		p.run(time.Minute)
	}
	p.run(time.Hour)
	return p
}

// states lists the states of all copies at a place, the oldest package first.
func (p *play) states(at string) (out []opsdb.CopyState) {
	p.t.Helper()
	for _, f := range p.packages() {
		state := opsdb.Deleted
		for _, c := range f.Copies {
			if c.Location == at {
				state = c.State
			}
		}
		out = append(out, state)
	}
	return out
}

// repeat is n times a, then m times b.
func repeat(n int, a opsdb.CopyState, m int, b opsdb.CopyState) []opsdb.CopyState {
	return append(slices.Repeat([]opsdb.CopyState{a}, n), slices.Repeat([]opsdb.CopyState{b}, m)...)
}

// TestPressure: 81 GB of 100 are more than 80 %. Of nine packages the three
// oldest are condemned, which leaves 54 GB; they go after their grace, and what comes then stays.
func TestPressure(t *testing.T) {
	t.Parallel()
	p := filled(t, 8)
	if diff := cmp.Diff(repeat(0, "", 8, opsdb.Present), p.states("ccat.primecam")); diff != "" {
		t.Fatalf("72 GB:\n%s", diff)
	}
	p.observe("ccat.primecam", "obs08", 1, 9*gb)
	p.run(time.Hour)
	if diff := cmp.Diff(repeat(3, opsdb.DeletionPossible, 6, opsdb.Present), p.states("ccat.primecam")); diff != "" {
		t.Fatalf("81 GB:\n%s", diff)
	}
	p.run(20 * time.Hour)
	if p.deleted["ccat.primecam"] != 0 {
		t.Fatal("deleted within the grace")
	}
	p.run(4 * time.Hour)
	if diff := cmp.Diff(repeat(3, opsdb.Deleted, 6, opsdb.Present), p.states("ccat.primecam")); diff != "" {
		t.Fatalf("after the grace:\n%s", diff)
	}
	p.observe("ccat.primecam", "obs09", 1, 9*gb)
	p.run(2 * day)
	if p.deleted["ccat.primecam"] != 3 {
		t.Errorf("%d deleted: 63 GB are below where pressure begins", p.deleted["ccat.primecam"])
	}
	w, err := p.store.World(p.ctx)
	p.must(err)
	if l := w.Locations["ccat.primecam"]; l.Pressure != nil {
		t.Errorf("with %d bytes it is not over: %+v", l.Used, l.Pressure)
	}
}

// TestPressurePassesOverWhatMayNotGo: the oldest is held and stays, the next ones go; let
// go later, it stays too, for there is enough room.
func TestPressurePassesOverWhatMayNotGo(t *testing.T) {
	t.Parallel()
	p := filled(t, 8)
	h, err := p.store.Hold(p.ctx, opsdb.Hold{Package: p.packages()[0].Package.ID, Kind: opsdb.HoldDelete, Who: "ann", Why: "odd"})
	p.must(err)
	p.observe("ccat.primecam", "obs08", 1, 9*gb)
	p.run(time.Hour)
	want := slices.Concat(repeat(1, opsdb.Present, 3, opsdb.DeletionPossible), repeat(0, "", 5, opsdb.Present))
	if diff := cmp.Diff(want, p.states("ccat.primecam")); diff != "" {
		t.Fatal(diff)
	}
	p.must(p.store.Unhold(p.ctx, h.ID, "ann", "mended"))
	p.run(time.Hour)
	if diff := cmp.Diff(want, p.states("ccat.primecam")); diff != "" {
		t.Errorf("let go:\n%s", diff)
	}
}

// TestPressureStopsAtTheWatermark is D4: eight engines at once, and their
// deleters, stop exactly at the lower mark.
func TestPressureStopsAtTheWatermark(t *testing.T) {
	t.Parallel()
	p := filled(t, 8)
	engines := make([]*engine.Engine, 8)
	for i := range engines {
		engines[i] = engine.New(engine.Config{Store: p.store, Clock: p.clock, Batch: 1 + i, Enqueue: func(_ context.Context, tasks []opsdb.Task) error { return nil }})
		_, err := engines[i].Activate(p.ctx, p.g, opsdb.Revision{Who: "test", Text: "{}"})
		p.must(err)
	}
	for i := range 3 {
		p.observe("ccat.primecam", fmt.Sprintf("more%d", i), 1, 9*gb)
	}
	for range 6 {
		var wait sync.WaitGroup
		for _, e := range engines {
			wait.Go(func() {
				if _, _, err := e.Pass(p.ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	if diff := cmp.Diff(repeat(5, opsdb.DeletionPossible, 6, opsdb.Present), p.states("ccat.primecam")); diff != "" {
		t.Fatalf("99 GB, less 45:\n%s", diff)
	}
	p.run(2 * day)
	if diff := cmp.Diff(repeat(5, opsdb.Deleted, 6, opsdb.Present), p.states("ccat.primecam")); diff != "" {
		t.Errorf("after the grace:\n%s", diff)
	}
}
