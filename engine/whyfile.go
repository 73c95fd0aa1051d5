package engine

import (
	"time"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Where a file stands.
const (
	FileSkipped  = "skipped"  // found, but cannot be taken
	FileGone     = "gone"     // deleted or lost before it was packed
	FileNew      = "new"      // filed and not looked at yet
	FileUnrouted = "unrouted" // no package stage selects it
	FileGrouped  = "grouped"  // in an open group
	FilePacked   = "packed"   // in a package
)

// FileExplanation answers "where is this file?". It is a versioned format.
type FileExplanation struct {
	Version  int           `json:"version"`
	File     opsdb.ID      `json:"file,omitempty"`
	Location string        `json:"location"`
	Path     string        `json:"path"` // as shown to people
	State    string        `json:"state"`
	Headline string        `json:"headline"`
	Stages   []FileStage   `json:"stages,omitempty"` // every package stage that looks at its location
	Groups   []GroupLine   `json:"groups,omitempty"`
	Packages []PackageLine `json:"packages,omitempty"`
}

// FileStage is what one package stage says of a file.
type FileStage struct {
	Route   string `json:"route"`
	Stage   string `json:"stage"`
	Selects bool   `json:"selects"`
	Select  string `json:"select,omitempty"`
	Terms   []Term `json:"terms,omitempty"`
}

// GroupLine is a group that waits to be closed, with the terms of its close_when.
type GroupLine struct {
	ID        opsdb.ID  `json:"id"`
	Route     string    `json:"route"`
	Stage     string    `json:"stage"`
	Key       string    `json:"key"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	CloseWhen string    `json:"close_when,omitempty"`
	Terms     []Term    `json:"terms,omitempty"`
	Next      time.Time `json:"next,omitzero"` // when it may close by itself
}

// WhyFile explains a file by the groups and packages it is in (see opsdb.Reading.FileHome).
func WhyFile(g *graph.Graph, w opsdb.World, f opsdb.File, groups []opsdb.Group, packages []opsdb.Package, now time.Time) FileExplanation {
	x := FileExplanation{Version: opsdb.FormatVersion, File: f.ID, Location: f.Location, Path: opsdb.ShowPath(f.Path), Stages: fileStages(g, f, now)}
	for _, group := range groups {
		if !group.Closed {
			x.Groups = append(x.Groups, groupLine(g, w, group, now))
		}
	}
	for _, p := range packages {
		x.Packages = append(x.Packages, packageLine(p))
	}
	x.State, x.Headline = x.standing(f)
	return x
}

// WhySkipped explains what was found and cannot be taken.
func WhySkipped(s opsdb.Skip) FileExplanation {
	return FileExplanation{Version: opsdb.FormatVersion, Location: s.Location, Path: opsdb.ShowPath(s.Path), State: FileSkipped, Headline: "skipped: " + s.Reason}
}

func (x FileExplanation) standing(f opsdb.File) (state, headline string) {
	selected := false
	for _, s := range x.Stages {
		selected = selected || s.Selects
	}
	switch {
	case len(x.Packages) > 0:
		headline = "packed in " + x.Packages[0].Name
		if f.State != opsdb.Present {
			headline += "; the source file is " + string(f.State)
		}
		return FilePacked, headline
	case f.State != opsdb.Present:
		return FileGone, "the source file is " + string(f.State) + " and was never packed"
	case len(x.Groups) > 0:
		return FileGrouped, "in an open group that closes when: " + x.Groups[0].CloseWhen
	case len(x.Stages) == 0:
		return FileUnrouted, "no package stage looks at " + f.Location
	case !selected:
		return FileUnrouted, "no package stage selects it"
	}
	return FileNew, "filed, and about to be put into a group"
}

func fileStages(g *graph.Graph, f opsdb.File, now time.Time) (out []FileStage) {
	for _, r := range g.Routes {
		for _, s := range r.Stages {
			if s.Type != typePackage || packMove(s, f.Location) == nil {
				continue
			}
			yes, err := selects(s, &f, now)
			line := FileStage{Route: r.Name, Stage: s.Name, Selects: yes && err == nil}
			if s.Select != nil {
				line.Select = s.Select.String()
				line.Terms = termsOf(s.Select, fileEnv(&f, now))
			}
			out = append(out, line)
		}
	}
	return out
}

func groupLine(g *graph.Graph, w opsdb.World, group opsdb.Group, now time.Time) GroupLine {
	l := GroupLine{ID: group.ID, Route: group.Route, Stage: group.Stage, Key: group.Key, Files: group.Files, Bytes: group.Bytes}
	c := EvaluateGroup(g, w, group, now)
	l.CloseWhen, l.Next = c.Reason, c.Wake
	if s := packageStage(g, group.Route, group.Stage); s != nil && s.CloseWhen != nil {
		l.CloseWhen, l.Terms = s.CloseWhen.String(), termsOf(s.CloseWhen, GroupEnv(w, group, now))
	}
	return l
}

// fileEnv is what `select` reads: a file as a group of its own.
func fileEnv(f *opsdb.File, now time.Time) expr.Env {
	return expr.Env{Now: now, Group: expr.Group{Bytes: expr.Size{B: f.Size}, Files: 1, Instrument: f.Instrument,
		Module: f.Module, Program: f.Program, Observation: f.Observation, Tags: f.Tags}}
}
