package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// maxRounds bounds how long one pass stays with one kind of work; what is
// left is taken by the next pass.
const maxRounds = 200

// routeFiles puts new files into groups.
func (e *Engine) routeFiles(ctx context.Context, p *plans, did *Progress) error {
	for range maxRounds {
		files, err := e.cfg.Store.Unrouted(ctx, e.cfg.Batch)
		if err != nil {
			return fmt.Errorf("read unrouted files: %w", err)
		}
		if len(files) == 0 {
			return nil
		}
		routings, err := RouteFiles(p.graph, files, e.cfg.Clock.Now())
		if err != nil {
			e.cfg.Log.ErrorContext(ctx, "a file was selected by no stage", "error", err)
		}
		ids := make([]opsdb.ID, len(files))
		for i, f := range files {
			ids[i] = f.ID
		}
		effect.Point(ctx, "engine.route.before")
		if err := e.cfg.Store.Route(ctx, ids, routings); err != nil {
			return fmt.Errorf("route %d files: %w", len(files), err)
		}
		effect.Point(ctx, "engine.route.after")
		did.Routed += len(files)
	}
	return nil
}

// closeGroups holds dirty and due groups against their close_when.
func (e *Engine) closeGroups(ctx context.Context, p *plans, did *Progress) error {
	for range maxRounds {
		now, err := e.cfg.Store.Now(ctx)
		if err != nil {
			return fmt.Errorf("ask for the time: %w", err)
		}
		groups, err := e.cfg.Store.DirtyGroups(ctx, now, e.cfg.Batch)
		if err != nil {
			return fmt.Errorf("read groups: %w", err)
		}
		if len(groups) == 0 {
			return nil
		}
		w, err := e.cfg.Store.World(ctx)
		if err != nil {
			return fmt.Errorf("read the world: %w", err)
		}
		moved := false
		for _, g := range groups {
			ok, err := e.closeGroup(ctx, p, w, g, did)
			if err != nil {
				return fmt.Errorf("group %s: %w", g.ID.Short(), err)
			}
			moved = moved || ok
		}
		if !moved {
			return nil
		}
	}
	return nil
}

// closeGroup closes one group or keeps it open. It reports whether the group
// is off the list; one that changed meanwhile comes back.
func (e *Engine) closeGroup(ctx context.Context, p *plans, w opsdb.World, g opsdb.Group, did *Progress) (bool, error) {
	c := EvaluateGroup(p.graph, w, g, w.Now)
	if !c.Close {
		return settled(e.cfg.Store.KeepGroup(ctx, g.ID, g.Version, c.Wake, c.Reason))
	}
	files, err := e.cfg.Store.GroupFiles(ctx, g.ID)
	if err != nil {
		return false, fmt.Errorf("read its files: %w", err)
	}
	packages := Split(p.graph, g, files)
	effect.Point(ctx, "engine.close.before")
	ok, err := settled(func() error {
		_, err := e.cfg.Store.CloseGroup(ctx, g.ID, g.Version, p.revision, packages)
		return err
	}())
	effect.Point(ctx, "engine.close.after")
	if ok {
		did.Closed += len(packages)
	}
	return ok, err
}

// settled takes a change in between for what it is: to be looked at again.
func settled(err error) (bool, error) {
	if errors.Is(err, opsdb.ErrChanged) {
		return false, nil
	}
	return err == nil, err
}

// evaluate takes dirty and due packages in batches until there are none. The
// world is read after the facts: what changes it raises the versions of the
// packages it concerns, so that what was concluded from an older one is not saved.
func (e *Engine) evaluate(ctx context.Context, p *plans, did *Progress) error {
	for range maxRounds {
		now, err := e.cfg.Store.Now(ctx)
		if err != nil {
			return fmt.Errorf("ask for the time: %w", err)
		}
		facts, err := e.cfg.Store.Dirty(ctx, now, e.cfg.Batch)
		if err != nil {
			return fmt.Errorf("read dirty packages: %w", err)
		}
		if len(facts) == 0 {
			return nil
		}
		w, err := e.cfg.Store.World(ctx)
		if err != nil {
			return fmt.Errorf("read the world: %w", err)
		}
		if w.Revision != p.revision {
			return nil // another revision was activated elsewhere
		}
		results := Evaluate(p.graph, State{w, facts}, w.Now)
		evaluations := make([]opsdb.Evaluation, len(results))
		for i, r := range results {
			evaluations[i] = r.Evaluation
		}
		effect.Point(ctx, "engine.save.before")
		left, err := e.cfg.Store.Save(ctx, p.revision, evaluations)
		if err != nil {
			return fmt.Errorf("save %d evaluations: %w", len(evaluations), err)
		}
		effect.Point(ctx, "engine.save.after")
		did.Evaluated += len(facts) - len(left)
		if len(left) == len(facts) {
			return nil // all changed meanwhile, or the revision did: the next pass
		}
	}
	return nil
}
