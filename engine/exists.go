package engine

import (
	"slices"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// findMoves decides, for every move of the route that concerns the package,
// whether it exists for it: its sites take part and its `when` is true.
func (v *view) findMoves() {
	for _, s := range v.route.Stages {
		for _, m := range s.Moves {
			if s.Type != typeVerify && s.Type != typeDelete && v.concerns(m) {
				v.exists[m] = v.existence(m)
			}
		}
	}
}

// concerns leaves out the package moves of other stages and sources.
func (v *view) concerns(m *graph.Move) bool {
	return m.Stage.Type != typePackage || isStage(m.Stage, v.p.Stage) && m.From.Name == v.p.Source
}

func (v *view) existence(m *graph.Move) shut {
	for _, l := range []*graph.Location{m.From, m.To} {
		switch l.Site.State {
		case opsdb.SitePlanned:
			return shut{reason: SitePlanned, text: "site " + l.Site.Name + " is planned"}
		case opsdb.SiteLost:
			return shut{reason: SiteLost, text: "site " + l.Site.Name + " is lost"}
		}
	}
	return v.when(m)
}

// when asks the stage's `when`. A stage of type stage without one stages on request.
func (v *view) when(m *graph.Move) shut {
	p := m.Stage.When
	if p == nil {
		if m.Stage.Type == typeStage && !m.Stage.Wanted && !v.requested(m.To.Name) {
			return shut{reason: NotRequested, text: "no staging request is open for " + m.To.Name}
		}
		return shut{}
	}
	env := v.moveEnv(m)
	v.wakeAt(p.Next(env, v.now))
	v.waitForReads(p, m)
	yes, err := p.Bool(env)
	switch {
	case err != nil:
		return shut{reason: BadExpression, text: "when: " + err.Error()}
	case yes:
		return shut{}
	case m.Stage.Type == typeStage && p.String() == "requested":
		return shut{reason: NotRequested, text: "no staging request is open for " + m.To.Name}
	}
	return shut{reason: WhenFalse, text: "when: " + p.String()}
}

// waitForReads names the facts about places that an expression reads.
func (v *view) waitForReads(p *expr.Program, m *graph.Move) {
	r := p.Reads()
	if slices.Contains(r.Places, "from") {
		v.waitFor("location:" + m.From.Name)
	}
	if slices.Contains(r.Places, "to") {
		v.waitFor("location:" + m.To.Name)
	}
	if r.Link && m.Link != nil {
		v.waitFor("link:" + m.Link.Name())
	}
}

func (v *view) requested(location string) bool {
	return slices.ContainsFunc(v.f.Requests, func(r opsdb.StagingRequest) bool {
		return r.Location == location && r.Open()
	})
}

// released reports whether there was a request for the place and none is open.
func (v *view) released(location string) bool {
	was := slices.ContainsFunc(v.f.Requests, func(r opsdb.StagingRequest) bool { return r.Location == location })
	return was && !v.requested(location)
}

// packageEnv is what every expression about the package can read.
func (v *view) packageEnv() expr.Env {
	p := v.p
	return expr.Env{
		Package: expr.Package{ID: string(p.ID), Name: p.Name, Number: int(p.Number), Bytes: expr.Size{B: p.Bytes}, Files: p.Files,
			Age: v.madeAgo(), ObservedAt: p.ObservedAt, Instrument: p.Instrument, Module: p.Module, Program: p.Program,
			Observation: p.Observation, Tags: p.Tags},
		Archived: v.archived(), Copies: len(v.tars()), Now: v.now,
		At:          func(location string) bool { return v.have[location] != nil },
		ArchivedAll: v.archivedAll,
	}
}

// moveEnv is what `when` and `priority` can read.
func (v *view) moveEnv(m *graph.Move) expr.Env {
	env := v.packageEnv()
	env.Age = env.Package.Age
	env.Requested, env.Released = v.requested(m.To.Name), v.released(m.To.Name)
	env.From, env.To = v.placeEnv(m.From), v.placeEnv(m.To)
	if m.Link != nil {
		env.Link = expr.Link{Up: v.openness().downLink(m.Link).open(), Backlog: expr.Size{B: v.w.Links[m.Link.Name()].Backlog}}
	}
	return env
}

func (v *view) placeEnv(l *graph.Location) expr.Place {
	free := int64(-1)
	if limit, known := v.openness().roomLimit(l.Name); known {
		free = max(0, limit-v.w.Locations[l.Name].Used-v.w.Locations[l.Name].Reserved)
	}
	return expr.Place{Used: expr.Size{B: v.w.Locations[l.Name].Used}, Free: expr.Size{B: free}, Site: l.Site.Name, Type: string(l.Type)}
}

// archivedAll reports whether a verified copy is at every place of a set that
// takes part; a set of which none takes part holds nothing.
func (v *view) archivedAll(set string) bool {
	n := 0
	for _, l := range v.g.Sets[set] {
		if l.Site.State == opsdb.SitePlanned || l.Site.State == opsdb.SiteLost {
			continue
		}
		if c := v.tarAt(l.Name); c == nil || c.State != opsdb.Present {
			return false
		}
		n++
	}
	return n > 0
}
