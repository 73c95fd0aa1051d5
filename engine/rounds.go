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

// settle looks at what has changed or is due, until nothing is left to look at.
func (e *Engine) settle(ctx context.Context, p *plans, did *Progress) error {
	for range maxRounds {
		moved, _, err := e.round(ctx, p, did)
		if err != nil || moved == nothing {
			return err
		}
	}
	return nil
}

// moved is how far a round has come.
type moved int

const (
	nothing   moved = iota // there was nothing to do, or all of it changed meanwhile
	gathered               // files and groups were looked at: there may be new packages
	evaluated              // packages were
)

// round reads what there is to do, and does it: a little in one transaction, as far as to tasks, more of it
// step by step: files into groups, groups into packages, packages evaluated. What follows from the one for the
// next is then seen by the next round. rest: it is for dispatch to look whether anything is ready.
func (e *Engine) round(ctx context.Context, p *plans, did *Progress) (far moved, rest bool, err error) {
	todo, err := e.todo(ctx, p)
	if err != nil {
		return nothing, true, err
	}
	switch s, err := e.short(ctx, p, todo, did); {
	case err != nil:
		return nothing, true, err
	case s != nil:
		return s.far(), s.rest, nil
	}
	far, err = e.step(ctx, p, todo, did)
	return far, true, err
}

// todo is what there is to do; nothing if another revision was activated elsewhere.
func (e *Engine) todo(ctx context.Context, p *plans) (opsdb.Todo, error) {
	todo, err := e.cfg.Store.Todo(ctx, e.cfg.Batch)
	if err != nil {
		return todo, fmt.Errorf("read what there is to do: %w", err)
	}
	if todo.World.Revision != p.revision {
		return opsdb.Todo{}, nil
	}
	return todo, nil
}

// step does what there is to do step by step, each in a transaction of its own.
func (e *Engine) step(ctx context.Context, p *plans, todo opsdb.Todo, did *Progress) (far moved, err error) {
	if len(todo.Unrouted) > 0 {
		far = gathered
		if err := e.routeFiles(ctx, p, todo.Unrouted, did); err != nil {
			return far, err
		}
	}
	for _, g := range todo.Groups {
		ok, err := e.closeGroup(ctx, p, todo.World, g, did)
		if err != nil {
			return far, fmt.Errorf("group %s: %w", g.ID.Short(), err)
		}
		if ok {
			far = gathered
		}
	}
	saved, err := e.evaluate(ctx, p, todo, did)
	if saved {
		far = evaluated
	}
	return far, err
}

// routeFiles puts new files into groups.
func (e *Engine) routeFiles(ctx context.Context, p *plans, files []opsdb.File, did *Progress) error {
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
	return nil
}

// closeGroup closes one group or keeps it open. It reports whether the group
// is off the list; one that changed meanwhile comes back.
func (e *Engine) closeGroup(ctx context.Context, p *plans, w opsdb.World, g opsdb.OpenGroup, did *Progress) (bool, error) {
	c := EvaluateGroup(p.graph, w, g.Group, w.Now)
	if !c.Close {
		return settled(e.cfg.Store.KeepGroup(ctx, g.ID, g.Version, c.Wake, c.Reason))
	}
	packages, err := e.packages(ctx, p, g)
	if err != nil {
		return false, fmt.Errorf("read its files: %w", err)
	}
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

// packages are what becomes of the files of a group.
func (e *Engine) packages(ctx context.Context, p *plans, g opsdb.OpenGroup) ([]opsdb.NewPackage, error) {
	switch {
	case g.Members != nil:
		return Split(p.graph, g.Group, g.Members), nil
	case g.Files >= opsdb.ManyFiles:
		return Cut(p.graph, g.Group, e.cfg.Store.StreamGroup(ctx, g.ID))
	}
	files, err := e.cfg.Store.GroupFiles(ctx, g.ID)
	return Split(p.graph, g.Group, files), err
}

// settled takes a change in between for what it is: to be looked at again.
func settled(err error) (bool, error) {
	if errors.Is(err, opsdb.ErrChanged) {
		return false, nil
	}
	return err == nil, err
}

// evaluate takes dirty and due packages, with the world of the same snapshot:
// what changes it later raises the versions of the packages it concerns, so that
// what was concluded from an older one is not saved. It reports whether any was.
func (e *Engine) evaluate(ctx context.Context, p *plans, todo opsdb.Todo, did *Progress) (saved bool, err error) {
	if len(todo.Dirty) == 0 {
		e.left.Store(false)
		return false, nil
	}
	results := Evaluate(p.graph, State{todo.World, todo.Dirty}, todo.World.Now)
	evaluations := make([]opsdb.Evaluation, len(results))
	e.seen = make(map[opsdb.ID]opsdb.Facts, len(results))
	for i, r := range results {
		evaluations[i] = r.Evaluation
		e.seen[r.Evaluation.Package] = todo.Dirty[i]
	}
	effect.Point(ctx, "engine.save.before")
	left, err := e.cfg.Store.Save(ctx, p.revision, evaluations)
	if err != nil {
		return false, fmt.Errorf("save %d evaluations: %w", len(evaluations), err)
	}
	effect.Point(ctx, "engine.save.after")
	e.left.Store(len(left) > 0)
	did.Evaluated += len(todo.Dirty) - len(left)
	e.trace(ctx, todo.Dirty, results, left)
	return len(left) < len(todo.Dirty), nil
}
