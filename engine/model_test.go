package engine_test

import (
	"fmt"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// facts builds the world and one package by hand, for tables.
type facts struct {
	g     *graph.Graph
	world opsdb.World
	f     opsdb.Facts
	now   time.Time
}

// newFacts is a package of 10 GB from Prime-Cam, frozen and not packed yet.
func newFacts(g *graph.Graph) *facts {
	f := &facts{g: g, now: epoch.Add(day), world: worldOf(g)}
	f.world.Now, f.world.Observed = f.now, f.now
	f.f.Package = opsdb.Package{ID: "0198a000-0000-7000-8000-00000000000a", Route: "raw", Stage: "pack", Number: 1, Name: "raw-obs-m1-1-0000000a",
		Dir: "raw/obs", Source: "ccat.primecam", Destination: "ccat.buffer", Files: 3, Bytes: 10 * gb, Size: 10*gb + 10240, Version: 1,
		Instrument: "primecam", Observation: "obs", Module: "m1", MadeAt: epoch, MadeAge: epoch}
	f.copy("ccat.primecam", opsdb.Present)
	return f
}

func worldOf(g *graph.Graph) opsdb.World {
	w := opsdb.World{Epoch: "e1", Revision: 1, Sites: map[string]opsdb.Site{}, Locations: map[string]opsdb.Location{}, Links: map[string]opsdb.Link{},
		Pauses: map[string]opsdb.Pause{}, Waiting: map[string]int64{}, Deleted: map[string]opsdb.Spent{}, Condemned: map[string]int64{}}
	for _, s := range g.Sites {
		w.Sites[s.Name] = opsdb.Site{Name: s.Name, State: s.State}
	}
	for name, l := range g.Locations {
		w.Locations[name] = opsdb.Location{Name: name, Type: l.Type, Capacity: l.Capacity, Free: -1}
	}
	for name, l := range g.Links {
		w.Links[name] = opsdb.Link{From: l.From.Name, To: l.To.Name}
	}
	return w
}

// packed gives the package its digest.
func (f *facts) packed() *facts {
	f.f.Package.Digest = "d1"
	return f
}

// copy adds a copy; a verified one has a receipt of yesterday.
func (f *facts) copy(at string, state opsdb.CopyState) *facts {
	form := opsdb.Tar
	switch f.g.Locations[at].Type {
	case opsdb.Source:
		form = opsdb.Files
	case opsdb.Processing:
		form = opsdb.Tree
	}
	c := opsdb.Copy{ID: opsdb.ID("copy-" + at + fmt.Sprint(len(f.f.Copies))), Package: f.f.Package.ID, Location: at, Form: form, State: state, Size: f.f.Package.Size,
		VerifiedAt: epoch, VerifiedAge: epoch}
	if form == opsdb.Tar {
		c.Receipt = &opsdb.Receipt{ID: "receipt", Package: f.f.Package.ID, Location: at, Digest: "d1", Size: f.f.Package.Size, At: epoch, Version: 1}
	}
	if state == opsdb.DeletionPossible || state == opsdb.DeletionScheduled {
		c.CondemnedAge = f.now
	}
	f.f.Copies = append(f.f.Copies, c)
	return f
}

// at returns the last copy added at a place, to be changed.
func (f *facts) at(location string) *opsdb.Copy {
	for i := len(f.f.Copies) - 1; i >= 0; i-- {
		if f.f.Copies[i].Location == location {
			return &f.f.Copies[i]
		}
	}
	return nil
}

// task adds a task of a stage.
func (f *facts) task(stage, from, to string, state opsdb.TaskState) *opsdb.Task {
	t := opsdb.Task{ID: opsdb.ID(fmt.Sprintf("0198b000-0000-7000-8000-%012d", len(f.f.Tasks)+1)), Route: "raw", Stage: stage, Type: typeOf(f.g, stage), Package: f.f.Package.ID,
		From: from, To: to, Destination: to, State: state, LeaseUntil: f.now.Add(time.Minute), Piece: opsdb.Whole, SendSite: opsdb.SiteOf(from), ReceiveSite: opsdb.SiteOf(to)}
	if opsdb.SiteOf(from) != opsdb.SiteOf(to) {
		t.Link, t.Piece = opsdb.LinkName(opsdb.SiteOf(from), opsdb.SiteOf(to)), opsdb.Send
	}
	f.f.Tasks = append(f.f.Tasks, t)
	return &f.f.Tasks[len(f.f.Tasks)-1]
}

func typeOf(g *graph.Graph, stage string) string {
	if s := stageOf(g, stage); s != nil {
		return s.Type
	}
	return stage
}

func (f *facts) siteDown(name string) *facts {
	s := f.world.Sites[name]
	s.Down = &opsdb.Down{Reason: "no_worker", Since: f.now}
	f.world.Sites[name] = s
	return f
}

func (f *facts) linkDown(name string) *facts {
	l := f.world.Links[name]
	l.Down = &opsdb.Down{Reason: "breaker", Since: f.now}
	f.world.Links[name] = l
	return f
}

func (f *facts) locationDown(name, reason string) *facts {
	l := f.world.Locations[name]
	l.Down = &opsdb.Down{Reason: reason, Since: f.now}
	f.world.Locations[name] = l
	return f
}

func (f *facts) evaluate() engine.Result {
	return engine.Evaluate(f.g, engine.State{World: f.world, Facts: []opsdb.Facts{f.f}}, f.now)[0]
}

// show is the open moves as "stage from>to verdict/reason class".
func show(r engine.Result) []string {
	var out []string
	for _, m := range r.Moves {
		out = append(out, fmt.Sprintf("%s %s>%s %s/%s %s", m.Stage, m.From, m.To, m.Verdict, m.Reason, m.Class))
	}
	return out
}

func decision(r engine.Result, stage, from, to string) engine.Decision {
	for _, d := range r.Decisions {
		if d.Stage == stage && d.From == from && d.To == to {
			return d
		}
	}
	return engine.Decision{}
}
