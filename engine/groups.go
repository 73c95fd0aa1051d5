package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Closing is what is concluded for an open group.
type Closing struct {
	Close  bool
	Wake   time.Time // when it may close by itself; zero: not before it changes
	Reason string    // for a person: why it is still open
}

// Idle is when a group of a stage without `close_when` closes, unless its
// observation is finished or it is full before.
const Idle = 10 * time.Minute

// EvaluateGroup holds a group against its stage's `close_when`. It is as pure as [Evaluate].
func EvaluateGroup(g *graph.Graph, w opsdb.World, group opsdb.Group, now time.Time) Closing {
	s := packageStage(g, group.Route, group.Stage)
	switch {
	case s == nil:
		return Closing{Reason: "its package stage is not in the active revision"}
	case group.Files == 0:
		return Closing{Reason: "it holds no files"}
	case w.Restored != nil:
		return Closing{Reason: opsdb.ErrRestored.Error()}
	case s.CloseWhen == nil:
		return closeByDefault(s, w, group, now)
	}
	env := GroupEnv(w, group, now)
	yes, err := s.CloseWhen.Bool(env)
	switch {
	case err != nil:
		return Closing{Reason: err.Error()}
	case yes:
		return Closing{Close: true}
	}
	return Closing{Wake: s.CloseWhen.Next(env, now), Reason: "close_when: " + s.CloseWhen.String()}
}

func closeByDefault(s *graph.Stage, w opsdb.World, group opsdb.Group, now time.Time) Closing {
	left := Idle - sinceObserved(w, group.Last)
	if group.Finished || left <= 0 || s.MaxSize > 0 && group.Bytes >= s.MaxSize {
		return Closing{Close: true}
	}
	return Closing{Wake: now.Add(left), Reason: "its observation is not finished, and files came lately"}
}

// GroupEnv is what `close_when` reads of a group.
func GroupEnv(w opsdb.World, group opsdb.Group, now time.Time) expr.Env {
	return expr.Env{Now: now, Group: expr.Group{Bytes: expr.Size{B: group.Bytes}, Files: group.Files,
		Age: sinceObserved(w, group.First), Idle: sinceObserved(w, group.Last), Finished: group.Finished, Instrument: group.Instrument,
		Module: group.Module, Program: group.Program, Observation: group.Observation, Tags: group.Tags}}
}

// sinceObserved is how much time was observed since then; both are observed times (S7).
func sinceObserved(w opsdb.World, then time.Time) time.Duration {
	if then.IsZero() {
		return 0
	}
	return max(0, w.Observed.Sub(then))
}

func packageStage(g *graph.Graph, route, stage string) *graph.Stage {
	r := findRoute(g, route)
	if r == nil {
		return nil
	}
	for _, s := range r.Stages {
		if s.Type == typePackage && isStage(s, stage) {
			return s
		}
	}
	return nil
}

// Split puts the files of a closed group into packages of at most the stage's
// max_size, sorted by path, each into the first package in which it fits; one
// file larger than that is alone. The store gives numbers and names.
func Split(g *graph.Graph, group opsdb.Group, files []opsdb.File) []opsdb.NewPackage {
	s := packageStage(g, group.Route, group.Stage)
	if s == nil {
		return nil
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b opsdb.File) int { return cmp.Compare(a.Path, b.Path) })
	var out []opsdb.NewPackage
	for _, f := range files {
		i := slices.IndexFunc(out, func(n opsdb.NewPackage) bool { return s.MaxSize <= 0 || n.Package.Bytes+f.Size <= s.MaxSize })
		if i < 0 {
			i, out = len(out), append(out, opsdb.NewPackage{Package: newPackage(s, group)})
		}
		out[i].Files = append(out[i].Files, f)
		count(&out[i].Package, f)
	}
	for i := range out {
		out[i].Package.Size = opsdb.TarBound(out[i].Package.Files, out[i].Package.Bytes)
	}
	return out
}

func newPackage(s *graph.Stage, group opsdb.Group) opsdb.Package {
	p := opsdb.Package{ID: opsdb.NewID(), Route: group.Route, Stage: group.Stage, Group: group.ID, Source: group.Location,
		Instrument: group.Instrument, Observation: group.Observation, Module: group.Module, Program: group.Program, Tags: group.Tags}
	p.Dir = opsdb.PackageDir(p)
	if m := packMove(s, group.Location); m != nil {
		p.Destination = m.To.Name
	}
	return p
}

func count(p *opsdb.Package, f opsdb.File) {
	p.Files++
	p.Bytes += f.Size
	if p.ObservedAt.IsZero() || f.ModTime.Before(p.ObservedAt) {
		p.ObservedAt = f.ModTime
	}
}
