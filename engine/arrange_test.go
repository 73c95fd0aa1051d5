package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// ready is an open move of the n-th package.
func ready(n int, stage, from, to string, bytes int64) opsdb.OpenMove {
	m := opsdb.OpenMove{Package: opsdb.ID(fmt.Sprintf("p%03d", n)), Number: int64(n), Route: "raw", Stage: stage, Type: "transfer", From: from, To: to,
		Verdict: "ready", Reason: "ready", Class: opsdb.Fresh, Bytes: bytes, MadeAt: epoch.Add(time.Duration(n) * time.Minute), Form: opsdb.Tar,
		SendSite: opsdb.SiteOf(from), ReceiveSite: opsdb.SiteOf(to)}
	if m.SendSite != m.ReceiveSite {
		m.Link = opsdb.LinkName(m.SendSite, m.ReceiveSite)
	}
	if stage == "archive" || stage == "delete" {
		m.Type = stage
	}
	return m
}

func ship(n int, bytes int64) opsdb.OpenMove {
	return ready(n, "ship", "ccat.buffer", "cologne.buffer", bytes)
}

// arranged is what goes and what waits: "p001" and "p002 room".
func arranged(a engine.Arranged) string {
	var out []string
	for _, g := range a.Grants {
		out = append(out, string(g.Move.Package))
	}
	for _, m := range a.Waiting {
		out = append(out, string(m.Package)+" "+m.Reason)
	}
	return strings.Join(out, ", ")
}

func left(m opsdb.OpenMove) opsdb.OpenMove {
	m.Left = true
	return m
}

func class(c opsdb.Class, m opsdb.OpenMove) opsdb.OpenMove {
	m.Class = c
	return m
}

func TestArrange(t *testing.T) {
	t.Parallel()
	room := func(g *graph.Graph, capacity, reserve int64) {
		g.Locations["cologne.buffer"].Capacity, g.Locations["cologne.buffer"].Reserve = capacity, reserve
		g.Links["ccat>cologne"].AtOnce = 99
	}
	for _, c := range []struct {
		name  string
		set   func(*graph.Graph, *opsdb.World)
		moves []opsdb.OpenMove
		want  string
	}{
		{"slots of a link", func(*graph.Graph, *opsdb.World) {}, []opsdb.OpenMove{ship(1, gb), ship(2, gb), ship(3, gb)}, "p001, p002, p003 slot"},
		{"slots in use", func(_ *graph.Graph, w *opsdb.World) { w.Links["ccat>cologne"] = opsdb.Link{InUse: 1} }, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001, p002 slot"},
		{"slots of a place", func(g *graph.Graph, _ *opsdb.World) { g.Locations["cologne.buffer"].AtOnce = 1 }, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001, p002 slot"},
		{"slots of a stage", func(g *graph.Graph, _ *opsdb.World) { stageOf(g, "ship").AtOnce = 1 }, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001, p002 slot"},
		{"slots of a site", func(g *graph.Graph, _ *opsdb.World) {}, []opsdb.OpenMove{ready(1, "archive", "cornell.buffer", "cornell.lta", gb), ready(2, "archive", "cornell.buffer", "cornell.lta", gb),
			ready(3, "archive", "cornell.buffer", "cornell.lta", gb), ready(4, "archive", "cornell.buffer", "cornell.lta", gb)}, "p001, p002, p003, p004 slot"},
		{"slots that the workers of a site offer", func(_ *graph.Graph, w *opsdb.World) {
			w.Sites["cornell"] = opsdb.Site{Capacity: 5, InUse: 3}
		}, []opsdb.OpenMove{ready(1, "archive", "cornell.buffer", "cornell.lta", gb), ready(2, "archive", "cornell.buffer", "cornell.lta", gb),
			ready(3, "archive", "cornell.buffer", "cornell.lta", gb)}, "p001, p002, p003 slot"},
		{"room, exactly", func(g *graph.Graph, _ *opsdb.World) { room(g, 10*gb, 0) }, []opsdb.OpenMove{ship(1, 6*gb), ship(2, 4*gb), ship(3, 1)}, "p001, p002, p003 room"},
		{"room that others have", func(g *graph.Graph, w *opsdb.World) {
			room(g, 10*gb, 0)
			w.Locations["cologne.buffer"] = opsdb.Location{Used: 4 * gb, Reserved: 4 * gb}
		}, []opsdb.OpenMove{ship(1, 2*gb), ship(2, 1)}, "p001, p002 room"},
		{"room the file system has", func(g *graph.Graph, w *opsdb.World) {
			w.Locations["cologne.buffer"] = opsdb.Location{Used: 4 * gb, Free: gb, Total: 100 * gb}
		}, []opsdb.OpenMove{ship(1, gb), ship(2, gb)}, "p001, p002 room"},
		{"small ones do not overtake a large one", func(g *graph.Graph, _ *opsdb.World) { room(g, 10*gb, 0) }, []opsdb.OpenMove{ship(1, 2*gb), ship(2, 9*gb), ship(3, 1)}, "p001, p002 room, p003 room"},
		{"the reserve is not for who has not left", func(g *graph.Graph, _ *opsdb.World) { room(g, 10*gb, 4*gb) }, []opsdb.OpenMove{ship(1, 6*gb), ship(2, gb)}, "p001, p002 room"},
		{"the reserve is for the lowest-numbered that has left", func(g *graph.Graph, _ *opsdb.World) { room(g, 10*gb, 4*gb) }, []opsdb.OpenMove{ship(1, 6*gb), ship(2, gb),
			left(ready(4, "replicate", "cornell.buffer", "cologne.buffer", gb)), left(ready(3, "replicate", "cornell.buffer", "cologne.buffer", 2*gb))}, "p001, p003, p002 room, p004 room"},
		{"down since it was evaluated", func(_ *graph.Graph, w *opsdb.World) {
			w.Links["ccat>cologne"] = opsdb.Link{Down: &opsdb.Down{Reason: "breaker"}}
		}, []opsdb.OpenMove{ship(1, gb)}, "p001 link_down"},
		{"full since it was evaluated: what is there goes on, and is removed", func(_ *graph.Graph, w *opsdb.World) {
			w.Locations["ccat.buffer"] = opsdb.Location{Down: &opsdb.Down{Reason: "full"}}
			w.Locations["cologne.buffer"] = opsdb.Location{Down: &opsdb.Down{Reason: "full"}}
		}, []opsdb.OpenMove{ship(1, gb), ready(2, "archive", "ccat.buffer", "cornell.lta", gb), remove(3, gb)}, "p002, p003, p001 full"},
		{"read-only since it was evaluated: it can be read", func(_ *graph.Graph, w *opsdb.World) {
			w.Locations["ccat.buffer"] = opsdb.Location{Down: &opsdb.Down{Reason: "read_only"}}
		}, []opsdb.OpenMove{ship(1, gb), remove(2, gb)}, "p001, p002 location_down"},
		{"paused since it was evaluated", func(_ *graph.Graph, w *opsdb.World) { w.Pauses["stage:raw/ship"] = opsdb.Pause{Who: "ann"} }, []opsdb.OpenMove{ship(1, gb)}, "p001 paused"},
		{"ahead", func(g *graph.Graph, w *opsdb.World) {
			g.Locations["cologne.buffer"].Ahead = 5 * gb
			w.Waiting["cologne.buffer"] = 4 * gb
		}, []opsdb.OpenMove{onWay(ship(1, gb)), onWay(ship(2, gb))}, "p001, p002 room"},
		{"ahead is for relays only", func(g *graph.Graph, w *opsdb.World) {
			g.Locations["cologne.buffer"].Ahead = 5 * gb
			w.Waiting["cologne.buffer"] = 50 * gb
		}, []opsdb.OpenMove{ship(1, gb)}, "p001"},
		{"back-fill has its share of a buffer", func(g *graph.Graph, _ *opsdb.World) {
			room(g, 10*gb, 0)
			g.Locations["cologne.buffer"].Backfill = 30
		}, []opsdb.OpenMove{class(opsdb.Backfill, ship(1, 2*gb)), class(opsdb.Backfill, ship(2, 2*gb)), ship(3, 2*gb)}, "p001, p003, p002 room"},
		{"the brake counts packages", func(g *graph.Graph, w *opsdb.World) {
			g.Routes[0].Retention.Brake = opsdb.Spent{Packages: 3}
			w.Deleted["ccat.buffer"] = opsdb.Spent{Packages: 1}
		}, []opsdb.OpenMove{remove(1, gb), remove(2, gb), remove(3, gb)}, "p001, p002, p003 brake"},
		{"the brake counts bytes", func(g *graph.Graph, _ *opsdb.World) { g.Routes[0].Retention.Brake = opsdb.Spent{Bytes: 3 * gb} },
			[]opsdb.OpenMove{remove(1, 2*gb), remove(2, gb), remove(3, 1)}, "p001, p002, p003 brake"},
		{"one larger than the brake goes alone", func(g *graph.Graph, _ *opsdb.World) { g.Routes[0].Retention.Brake = opsdb.Spent{Bytes: 3 * gb} },
			[]opsdb.OpenMove{remove(1, 20*gb), remove(2, gb)}, "p001, p002 brake"},
		{"a route that is gone", func(*graph.Graph, *opsdb.World) {}, []opsdb.OpenMove{{Package: "p1", Route: "other", Stage: "ship"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := ccat("cologne", "cornell")
			w := worldOf(g)
			c.set(g, &w)
			a := engine.Arrange(g, w, c.moves, engine.Limits{AtSite: 99}, nil)
			if strings.Contains(c.name, "of a site") {
				a = engine.Arrange(g, w, c.moves, engine.Limits{AtSite: 3}, nil)
			}
			if diff := cmp.Diff(c.want, arranged(a)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func onWay(m opsdb.OpenMove) opsdb.OpenMove {
	m.OnWay = true
	return m
}

func remove(n int, bytes int64) opsdb.OpenMove {
	return ready(n, "delete", "ccat.buffer", "ccat.buffer", bytes)
}

// TestShares gives a link with one slot to a stream of fresh packages and a
// stock of back-fill: the stock gets its tenth, and no more.
func TestShares(t *testing.T) {
	t.Parallel()
	g := ccat("cologne", "cornell")
	g.Links["ccat>cologne"].AtOnce = 1
	w := worldOf(g)
	turns := engine.NewTurns()
	given := map[opsdb.Class]int{}
	for n := range 200 {
		moves := []opsdb.OpenMove{ship(2*n, gb), class(opsdb.Repair, ship(1000+n, gb)), class(opsdb.Backfill, ship(2*n+1, gb))}
		a := engine.Arrange(g, w, moves, engine.Limits{}, turns)
		if len(a.Grants) != 1 {
			t.Fatalf("%d grants for one slot", len(a.Grants))
		}
		m := a.Grants[0].Move
		turns.Gave(m.Link, m.Class, m.Bytes)
		given[m.Class]++
	}
	for c, want := range map[opsdb.Class]int{opsdb.Fresh: 160, opsdb.Repair: 20, opsdb.Backfill: 20} {
		if d := given[c] - want; d < -2 || d > 2 {
			t.Errorf("%s got %d of 200, want about %d", c, given[c], want)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	eight := func(string) int { return 8 }
	f := newFacts(ccat("cologne", "cornell")).packed().f
	grant := func(m opsdb.OpenMove) opsdb.Grant {
		m.Package = f.Package.ID
		return opsdb.Grant{Move: m, Piece: opsdb.Send, Slots: map[string]int{"link:ccat>cologne": 2, "site:ccat": 8}}
	}
	g := engine.Complete([]opsdb.Grant{grant(ship(1, gb))}, []opsdb.Facts{f}, eight)[0]
	if g.Path != "raw/obs/raw-obs-m1-1-0000000a.tar" || g.Piece != opsdb.Send || len(g.Slots) != 2 {
		t.Errorf("a first attempt: %+v", g)
	}
	bad := f
	bad.Copies = append(bad.Copies, opsdb.Copy{Location: "cologne.buffer", State: opsdb.Quarantined}, opsdb.Copy{Location: "cologne.buffer", State: opsdb.Lost})
	if g := engine.Complete([]opsdb.Grant{grant(ship(1, gb))}, []opsdb.Facts{bad}, eight)[0]; g.Path != "raw/obs/raw-obs-m1-1-0000000a.r2.tar" {
		t.Errorf("a repair beside two bad ones: %s", g.Path)
	}
	sent := f
	sent.Tasks = []opsdb.Task{{State: opsdb.TaskPending, Stage: "ship", From: "ccat.buffer", To: "cologne.buffer", Piece: opsdb.Receive}}
	g = engine.Complete([]opsdb.Grant{grant(ship(1, gb))}, []opsdb.Facts{sent}, eight)[0]
	if diff := cmp.Diff(map[string]int{"site:cologne": 8}, g.Slots); diff != "" || g.Piece != opsdb.Receive {
		t.Errorf("sent already: %+v %s", g, diff)
	}
	if got := engine.Complete([]opsdb.Grant{grant(ship(1, gb))}, nil, eight); len(got) != 0 {
		t.Errorf("a package that is gone: %+v", got)
	}
}
