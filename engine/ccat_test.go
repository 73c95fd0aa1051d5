package engine_test

import (
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

const (
	gb  = int64(1_000_000_000)
	day = 24 * time.Hour
)

var epoch = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// builder makes a compiled graph by hand: the CCAT route without its file.
type builder struct {
	g     *graph.Graph
	route *graph.Route
}

func newBuilder() *builder {
	b := &builder{g: &graph.Graph{Digest: "routes-1", Locations: map[string]*graph.Location{}, Links: map[string]*graph.Link{}, Sets: map[string][]*graph.Location{}}}
	return b
}

func (b *builder) site(name string, locations ...*graph.Location) *graph.Site {
	s := &graph.Site{Name: name, Title: name, State: opsdb.SiteActive}
	for _, l := range locations {
		l.Site = s
		l.Name = name + "." + l.Name
		l.Storage = opsdb.Disk
		b.g.Locations[l.Name] = l
		s.Locations = append(s.Locations, l)
	}
	b.g.Sites = append(b.g.Sites, s)
	return s
}

func place(name string, typ opsdb.LocationType) *graph.Location {
	return &graph.Location{Name: name, Type: typ}
}

func (b *builder) link(from, to *graph.Site, bandwidth int64, atOnce int) *graph.Link {
	l := &graph.Link{From: from, To: to, Transport: "local", Bandwidth: bandwidth, AtOnce: atOnce, Cost: 1, Driver: from.Name, Share: 10}
	b.g.Links[l.Name()] = l
	return l
}

func (b *builder) set(name string, locations ...string) {
	for _, l := range locations {
		b.g.Sets[name] = append(b.g.Sets[name], b.g.Locations[l])
	}
}

func (b *builder) places(names ...string) (out []*graph.Location) {
	for _, n := range names {
		if set, ok := b.g.Sets[n]; ok {
			out = append(out, set...)
			continue
		}
		out = append(out, b.g.Locations[n])
	}
	return out
}

func (b *builder) newRoute(name string) *graph.Route {
	b.route = &graph.Route{Name: name}
	b.g.Routes = append(b.g.Routes, b.route)
	return b.route
}

// stage adds a stage with the moves its type allows.
func (b *builder) stage(name, typ string, from, to []string) *graph.Stage {
	s := &graph.Stage{Route: b.route, Name: name, Type: typ, Attempts: 8, GroupBy: []string{"instrument", "observation", "module"}, MaxSize: 50 * gb}
	for _, f := range b.places(from...) {
		for _, t := range b.places(to...) {
			if m := b.move(s, f, t); m != nil {
				s.Moves = append(s.Moves, m)
			}
		}
	}
	b.route.Stages = append(b.route.Stages, s)
	if typ == "archive" {
		b.route.Archives = b.places(to...)
	}
	return s
}

func (b *builder) move(s *graph.Stage, f, t *graph.Location) *graph.Move {
	m := &graph.Move{Stage: s, From: f, To: t}
	switch {
	case s.Type == "verify":
		return m
	case f == t:
		return nil
	case f.Site == t.Site:
		return m
	}
	m.Link = b.g.Links[opsdb.LinkName(f.Site.Name, t.Site.Name)]
	if m.Link == nil || s.Type == "archive" || s.Type == "package" {
		return nil
	}
	return m
}

func (b *builder) verify(name string, every time.Duration, at ...string) *graph.Stage {
	s := &graph.Stage{Route: b.route, Name: name, Type: "verify", Every: every, OnCorrupt: "repair"}
	for _, l := range b.places(at...) {
		s.Moves = append(s.Moves, &graph.Move{Stage: s, From: l, To: l})
	}
	b.route.Stages = append(b.route.Stages, s)
	return s
}

// ccat is the route of the design. archives are the archive sites.
func ccat(archives ...string) *graph.Graph {
	b := newBuilder()
	b.ccatSites(archives)
	b.ccatRoute("raw", archives)
	return b.g
}

func (b *builder) ccatSites(archives []string) {
	buffer := place("buffer", opsdb.Buffer)
	home := b.site("ccat", place("primecam", opsdb.Source), place("chai", opsdb.Source), buffer)
	home.SendOnce = true
	var sites []*graph.Site
	for _, name := range archives {
		locations := []*graph.Location{place("buffer", opsdb.Buffer), place("lta", opsdb.Archive)}
		if name == "cologne" {
			locations = append(locations, place("ramses", opsdb.Processing))
		}
		sites = append(sites, b.site(name, locations...))
	}
	for i, s := range sites {
		b.link(home, s, gb/int64(i+1), 2)
		for _, t := range sites {
			if s != t {
				b.link(s, t, 10*gb, 4)
			}
		}
		b.set("landing", s.Name+".buffer")
		b.set("archives", s.Name+".lta")
	}
}

func (b *builder) ccatRoute(name string, archives []string) *graph.Route {
	r := b.newRoute(name)
	b.stage("pack", "package", []string{"ccat.primecam", "ccat.chai"}, []string{"ccat.buffer"})
	b.stage("ship", "transfer", []string{"ccat.buffer"}, []string{"landing"}).Choose = "order"
	b.stage("replicate", "transfer", []string{"landing"}, []string{"landing"})
	b.stage("archive", "archive", []string{"landing"}, []string{"archives"})
	b.stage("recall", "transfer", []string{"archives"}, []string{"landing"})
	if slices.Contains(archives, "cologne") {
		b.stage("process", "stage", []string{"landing", "archives"}, []string{"cologne.ramses"})
	}
	b.verify("scrub", 90*day, "archives")
	r.Retention = graph.Retention{Require: len(archives), Fresh: 120 * day, Grace: day, Brake: opsdb.Spent{Bytes: 20000 * gb, Packages: 2000}}
	return r
}

// stageOf finds a stage of the first route.
func stageOf(g *graph.Graph, name string) *graph.Stage {
	for _, s := range g.Routes[0].Stages {
		if s.Name == name {
			return s
		}
	}
	return nil
}
