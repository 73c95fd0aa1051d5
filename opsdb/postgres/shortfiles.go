package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// newGroup is a group that files of this way are the first of. It is written when it is known whether it stays open.
type newGroup struct {
	opsdb.OpenGroup
	of    opsdb.Routing
	files []*filed
}

// Route implements opsdb.Short. Nobody else has looked at the files before.
func (h *short) Route(_ context.Context, files []opsdb.ID, routings []opsdb.Routing) ([]opsdb.OpenGroup, error) {
	if h.guess != nil {
		return h.routeGuessed(routings)
	}
	h.ask()
	r := &router{t: h.tx, files: h.files, groups: map[slot]opsdb.ID{}, keys: map[opsdb.ID]int64{}, joined: h.homes, alone: true}
	finished := map[[2]string]bool{}
	r.take(files, routings)
	h.askNumbers(routings, finished)
	h.askHeld()
	if err := h.flush(); err != nil {
		return nil, err
	}
	if err := h.look(); err != nil {
		return nil, err
	}
	for _, id := range files {
		f := h.files[id]
		if f == nil || f.State != opsdb.Present || f.Homes != 0 {
			return nil, fmt.Errorf("file %s was looked at by another: %w", id, opsdb.ErrChanged)
		}
		if !slices.ContainsFunc(h.todo.Unrouted, func(was opsdb.File) bool { return was.ID == id && asTold(f.File, was) }) {
			return nil, fmt.Errorf("file %s is not as it was told of: %w", id, opsdb.ErrChanged)
		}
	}
	out, joined := h.gather(r, routings, finished)
	for id, files := range joined {
		if err := h.joinGroup(id, files, h.world.Observed); err != nil {
			return nil, err
		}
	}
	if err := r.settle(); err != nil {
		return nil, err
	}
	old, err := h.readGroups(joined, r.keys)
	return append(out, old...), err
}

// gather makes new groups of files, and says which files join groups that are there.
func (h *short) gather(r *router, routings []opsdb.Routing, finished map[[2]string]bool) (out []opsdb.OpenGroup, joined map[opsdb.ID][]*filed) {
	joined = map[opsdb.ID][]*filed{}
	mine := map[slot]*newGroup{}
	seen := map[inStage]bool{}
	var order []*newGroup
	for _, x := range routings {
		f := h.files[x.File]
		if x.Route == "" || f == nil || seen[inStage{f.Row, x.Route, x.Stage}] {
			continue
		}
		seen[inStage{f.Row, x.Route, x.Stage}] = true
		h.homes[f.Row]++
		k := slot{x.Route, x.Stage, f.Location, x.Key}
		if id := r.groups[k]; id != "" {
			joined[id] = append(joined[id], f)
			continue
		}
		if mine[k] == nil {
			mine[k] = &newGroup{of: x}
			order = append(order, mine[k])
		}
		mine[k].files = append(mine[k].files, f)
	}
	for _, g := range order {
		g.fill(h.world.Observed, finished)
		h.groups[g.ID] = g
		out = append(out, g.OpenGroup)
	}
	return out, joined
}

// fill makes the group as it would be read.
func (g *newGroup) fill(observed time.Time, finished map[[2]string]bool) {
	g.Group = g.of.Group
	g.ID, g.Route, g.Stage, g.Key, g.Location = opsdb.NewID(), g.of.Route, g.of.Stage, g.of.Key, g.files[0].Location
	g.Files, g.Bytes, g.First, g.Last, g.Version, g.Evaluated, g.Closed, g.WakeAt = len(g.files), 0, observed, observed, 2, 0, false, time.Time{}
	g.Finished = finished[[2]string{g.Observation, ""}] || finished[[2]string{g.Observation, g.Instrument}]
	for _, f := range g.files {
		g.Bytes += f.Size
		g.Members = append(g.Members, f.File)
	}
	slices.SortFunc(g.Members, func(a, b opsdb.File) int { return cmp.Compare(a.Path, b.Path) })
}

// askNumbers holds the numbers of the routes, and asks which locations have packages
// of several stages, and which observations are finished, as a whole ("") or for an instrument.
func (h *short) askNumbers(routings []opsdb.Routing, finished map[[2]string]bool) {
	routes, observations := map[string]bool{}, map[string]bool{}
	for _, x := range routings {
		routes[x.Route], observations[x.Group.Observation] = true, true
	}
	h.each(func(r scanner) error {
		var kind, a, b string
		var n int64
		err := r.Scan(&kind, &a, &b, &n)
		switch kind {
		case "number":
			h.numbers[a] = n
		case "shared":
			h.shared[a] = n > 0
		case "finished":
			finished[[2]string{a, b}] = true
		}
		return err
	}, `SELECT 'number', route, '', last FROM (SELECT route, last FROM route_number WHERE route = ANY($1::text[]) ORDER BY route FOR UPDATE) n
	  UNION ALL SELECT 'shared', l, '', coalesce((SELECT (p.route, p.stage) FROM package p WHERE p.source = l ORDER BY p.source, p.route, p.stage LIMIT 1)
	    <> (SELECT (p.route, p.stage) FROM package p WHERE p.source = l ORDER BY p.source DESC, p.route DESC, p.stage DESC LIMIT 1), false)::integer FROM unnest($2::text[]) l
	  UNION ALL SELECT 'finished', observation, instrument, 1 FROM observation WHERE observation = ANY($3::text[])`,
		slices.Sorted(maps.Keys(routes)), slices.Sorted(maps.Keys(h.sources())), slices.Sorted(maps.Keys(observations)))
}

// readGroups reads groups that files have joined.
func (h *short) readGroups(joined map[opsdb.ID][]*filed, keys map[opsdb.ID]int64) ([]opsdb.OpenGroup, error) {
	if len(joined) == 0 {
		return nil, nil
	}
	var list []int64
	for _, id := range slices.Sorted(maps.Keys(joined)) {
		list = append(list, keys[id])
	}
	groups := h.askGroups(list)
	if err := h.flush(); err != nil {
		return nil, err
	}
	return groups(), nil
}

// writeGroup writes a group that stays open, or that is closed step by step.
func (h *short) writeGroup(id opsdb.ID) error {
	g := h.groups[id]
	if g == nil {
		return nil
	}
	delete(h.groups, id)
	if err := h.openGroup(id, g.of, g.Location, g.First); err != nil {
		return err
	}
	return h.joinGroup(id, g.files, g.First)
}

// CloseGroup implements opsdb.Short.
func (h *short) CloseGroup(_ context.Context, g opsdb.OpenGroup, packages []opsdb.NewPackage) ([]opsdb.Facts, error) {
	if err := h.come(); err != nil {
		return nil, err
	}
	if h.simple(g, packages) {
		return h.makeAll(h.groups[g.ID], packages), nil
	}
	if h.guess != nil {
		return nil, errGuess("a group that is not packed at once")
	}
	if err := h.writeGroup(g.ID); err != nil {
		return nil, err
	}
	made, err := h.closeGroup(g.ID, g.Version, h.revision, packages)
	if err != nil {
		return nil, err
	}
	ids := make([]opsdb.ID, len(made))
	for i, p := range made {
		ids[i] = p.ID
		if _, held := h.numbers[p.Route]; held {
			h.numbers[p.Route] = p.Number
		}
	}
	facts, err := h.view.Facts(ids)
	for _, f := range facts {
		h.facts[f.Package.ID] = f
	}
	return facts, err
}

// simple reports whether all is known of the packages of a group though nothing of it is written:
// it is new, holds files that are nowhere else, and all of them are packed.
func (h *short) simple(g opsdb.OpenGroup, packages []opsdb.NewPackage) bool {
	n := h.groups[g.ID]
	_, numbered := h.numbers[g.Route]
	if n == nil || !numbered || h.shared[g.Location] {
		return false
	}
	packed := 0
	for _, p := range packages {
		packed += len(p.Files)
		for i := range p.Files {
			if f := h.files[p.Files[i].ID]; f == nil || h.homes[f.Row] != 1 {
				return false
			}
		}
	}
	return packed == len(n.files)
}
