package engine

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// RouteFiles says which group of which package stage each file belongs to: of
// every stage that packs the file's location and selects it. A file that no
// stage selects has no routing and is shown as unrouted. An expression that
// fails selects nothing; its error is returned beside the routings.
func RouteFiles(g *graph.Graph, files []opsdb.File, now time.Time) (routings []opsdb.Routing, err error) {
	for i := range files {
		for _, r := range g.Routes {
			for _, s := range r.Stages {
				if s.Type != typePackage || packMove(s, files[i].Location) == nil {
					continue
				}
				yes, failed := selects(s, &files[i], now)
				if failed != nil {
					err = fmt.Errorf("select of %s/%s: %w", r.Name, s.Name, failed)
				}
				if yes {
					routings = append(routings, routing(s, &files[i]))
				}
			}
		}
	}
	return routings, err
}

// packMove is the move of a package stage out of a source location, or nil.
func packMove(s *graph.Stage, location string) *graph.Move {
	for _, m := range s.Moves {
		if m.From.Name == location {
			return m
		}
	}
	return nil
}

func selects(s *graph.Stage, f *opsdb.File, now time.Time) (bool, error) {
	if s.Select == nil {
		return true, nil
	}
	return s.Select.Bool(fileEnv(f, now))
}

func routing(s *graph.Stage, f *opsdb.File) opsdb.Routing {
	route, stage := identity(s.Route.Name, s.Route.Formerly), identity(s.Name, s.Formerly)
	return opsdb.Routing{File: f.ID, Route: route, Stage: stage, Key: groupKey(s.GroupBy, f),
		Group: opsdb.Group{Route: route, Stage: stage, Location: f.Location, Instrument: f.Instrument,
			Observation: f.Observation, Module: f.Module, Program: f.Program, Tags: f.Tags}}
}

// identity is the name under which OpsDB knows a route or a stage: the first
// it ever had, so that what was packed before a rename is not packed again.
func identity(name string, formerly []string) string {
	if len(formerly) > 0 {
		return formerly[0]
	}
	return name
}

// groupKey is the values of group_by as canonical JSON: an object with sorted keys.
func groupKey(by []string, f *opsdb.File) string {
	values := map[string]string{}
	for _, k := range by {
		switch k {
		case "instrument":
			values[k] = f.Instrument
		case "observation":
			values[k] = f.Observation
		case "module":
			values[k] = f.Module
		case "program":
			values[k] = f.Program
		}
	}
	b, err := json.Marshal(values)
	if err != nil {
		return fmt.Sprint(values) // strings always marshal
	}
	return string(b)
}
