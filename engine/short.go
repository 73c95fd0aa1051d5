package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// few is how many changed facts go a short way; of more each step is worth a transaction of its own.
const few = 32

// shortly is what a short way concluded. Nothing of it counts before it is committed.
type shortly struct {
	did     Progress
	dirty   []opsdb.Facts
	results []Result
	left    []opsdb.ID
	tasks   []opsdb.Task
	gave    []opsdb.OpenMove
	rest    bool // dispatch has to look whether more can go

	gathered bool // files or groups were looked at
}

// short takes what there is to be done the whole way in one transaction: the
// decisions of [Engine.step] and [Engine.dispatch], one after the other. It
// returns nil if the store cannot, if it is too much, or if something came in between:
// then nothing has happened, and the same is to be done step by step.
func (e *Engine) short(ctx context.Context, p *plans, todo opsdb.Todo, did *Progress) (*shortly, error) {
	store, can := e.cfg.Store.(opsdb.ShortWay)
	if n := len(todo.Unrouted) + len(todo.Groups) + len(todo.Dirty); !can || n == 0 || n > few {
		return nil, nil
	}
	var s shortly
	effect.Point(ctx, "engine.short.before")
	err := store.Short(ctx, p.revision, todo, laneLimit, func(way opsdb.Short) error {
		s = shortly{}
		return e.conclude(ctx, p, way, todo, &s)
	})
	if errors.Is(err, opsdb.ErrChanged) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("go the short way: %w", err)
	}
	effect.Point(ctx, "engine.short.after")
	return &s, e.concluded(ctx, s, did)
}

// hinted goes the short way with the files that the store was told of, without looking what else there is to be done:
// that the next pass does in any case, whatever it is told. It returns false if there is still something to be done now.
func (e *Engine) hinted(ctx context.Context, p *plans, did *Progress) (done bool, err error) {
	store, can := e.cfg.Store.(opsdb.Hinting)
	if !can {
		return false, nil
	}
	files, again := store.Hints(), e.byHint
	if e.byHint = !again && len(files) > 0; !e.byHint {
		return false, nil
	}
	s, err := e.short(ctx, p, opsdb.Todo{Unrouted: files}, did)
	if err != nil || s == nil || s.rest {
		return false, err
	}
	return true, nil
}

// far is how far a short way has come.
func (s *shortly) far() moved {
	switch {
	case len(s.left) < len(s.dirty):
		return evaluated
	case s.gathered:
		return gathered
	}
	return nothing
}

// concluded is what follows from a short way that was committed.
func (e *Engine) concluded(ctx context.Context, s shortly, did *Progress) error {
	did.Routed += s.did.Routed
	did.Closed += s.did.Closed
	did.Evaluated += len(s.dirty) - len(s.left)
	did.Dispatched += len(s.tasks)
	e.left.Store(len(s.left) > 0)
	e.seen = make(map[opsdb.ID]opsdb.Facts, len(s.dirty))
	for _, f := range s.dirty {
		e.seen[f.Package.ID] = f
	}
	for _, m := range s.gave {
		e.turns.Gave(m.Link, m.Class, m.Bytes)
	}
	if len(s.tasks) > 0 {
		if err := e.cfg.Enqueue(ctx, opsdb.Offers(s.tasks)); err != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
	}
	e.trace(ctx, s.dirty, s.results, s.left)
	return nil
}

// conclude goes the steps.
func (e *Engine) conclude(ctx context.Context, p *plans, way opsdb.Short, todo opsdb.Todo, s *shortly) error {
	groups := todo.Groups
	if len(todo.Unrouted) > 0 {
		joined, err := e.routeShortly(ctx, p, way, todo.Unrouted, s)
		if err != nil {
			return err
		}
		groups = append(slices.DeleteFunc(slices.Clone(groups), func(g opsdb.OpenGroup) bool {
			return slices.ContainsFunc(joined, func(j opsdb.OpenGroup) bool { return j.ID == g.ID })
		}), joined...)
	}
	w := todo.World
	if s.gathered = len(todo.Unrouted)+len(groups) > 0; s.gathered {
		var err error
		if w, err = way.World(ctx); err != nil {
			return err
		}
	}
	s.dirty = slices.Clone(todo.Dirty)
	for _, g := range groups {
		made, err := e.closeShortly(ctx, p, way, w, g, s)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.ID.Short(), err)
		}
		s.dirty = append(s.dirty, made...)
	}
	if len(s.dirty) == 0 {
		s.rest = true
		return nil
	}
	var err error
	if s.left, err = way.Hold(ctx); err != nil {
		return err
	}
	s.results = Evaluate(p.graph, State{w, s.dirty}, w.Now)
	return e.dispatchShortly(ctx, p, way, s)
}

func (e *Engine) routeShortly(ctx context.Context, p *plans, way opsdb.Short, files []opsdb.File, s *shortly) ([]opsdb.OpenGroup, error) {
	routings, err := RouteFiles(p.graph, files, e.cfg.Clock.Now())
	if err != nil {
		e.cfg.Log.ErrorContext(ctx, "a file was selected by no stage", "error", err)
	}
	s.did.Routed = len(files)
	return way.Route(ctx, idsOf(files), routings)
}

func idsOf(files []opsdb.File) []opsdb.ID {
	ids := make([]opsdb.ID, len(files))
	for i := range files {
		ids[i] = files[i].ID
	}
	return ids
}

func (e *Engine) closeShortly(ctx context.Context, p *plans, way opsdb.Short, w opsdb.World, g opsdb.OpenGroup, s *shortly) ([]opsdb.Facts, error) {
	c := EvaluateGroup(p.graph, w, g.Group, w.Now)
	if !c.Close {
		return nil, way.KeepGroup(ctx, g, c.Wake, c.Reason)
	}
	if g.Members == nil {
		return nil, fmt.Errorf("its files are many: %w", opsdb.ErrChanged)
	}
	packages := Split(p.graph, g.Group, g.Members)
	s.did.Closed += len(packages)
	return way.CloseGroup(ctx, g, packages)
}

// dispatchShortly gives out what was just evaluated, among all that is ready: the rest is for [Engine.dispatch]. What
// gets a task is evaluated anew as soon as it is there: what was concluded for it is not written down first.
func (e *Engine) dispatchShortly(ctx context.Context, p *plans, way opsdb.Short, s *shortly) error {
	grants, err := e.grantShortly(ctx, p, way, s)
	if err != nil {
		return err
	}
	if err := way.Save(ctx, s.toSave(grants)); err != nil || len(grants) == 0 {
		return err
	}
	answers, err := way.Dispatch(ctx, grants)
	if err != nil {
		return err
	}
	for i, a := range answers {
		if a.Refusal != opsdb.Granted {
			return fmt.Errorf("%s: %w", a.Text, opsdb.ErrChanged)
		}
		s.tasks, s.gave = append(s.tasks, a.Task), append(s.gave, grants[i].Move)
	}
	return nil
}

// grantShortly is what of the queue a short way may give out.
func (e *Engine) grantShortly(ctx context.Context, p *plans, way opsdb.Short, s *shortly) ([]opsdb.Grant, error) {
	mine := s.ready()
	all, w, err := way.Queue(ctx, mine)
	if err != nil {
		return nil, err
	}
	if len(mine) == 0 {
		s.rest = len(all) > 0
		return nil, nil
	}
	o := openness{g: p.graph, w: &w}
	grants := Complete(s.own(Arrange(p.graph, w, all, e.cfg.Limits, e.turns).Grants), s.dirty, func(site string) int { return o.atSite(site, e.cfg.Limits) })
	s.rest = len(grants) < len(all)
	return grants, nil
}

// toSave are the evaluations that are to be written: of what gets no task, and those from which more follows than moves.
func (s *shortly) toSave(grants []opsdb.Grant) (evals []opsdb.Evaluation) {
	for i, r := range s.results {
		granted := slices.ContainsFunc(grants, func(g opsdb.Grant) bool { return g.Move.Package == r.Evaluation.Package })
		if !slices.Contains(s.left, r.Evaluation.Package) && !(granted && onlyMoves(r.Evaluation, s.dirty[i])) {
			evals = append(evals, r.Evaluation)
		}
	}
	return evals
}

// onlyMoves reports whether nothing follows from an evaluation but moves, and nothing of the package is on its way out.
func onlyMoves(e opsdb.Evaluation, f opsdb.Facts) bool {
	return len(e.Condemn)+len(e.Press)+len(e.Pardon)+len(e.Lose)+len(e.Withdraw)+len(e.Resent)+len(e.Events) == 0 &&
		!slices.ContainsFunc(f.Copies, func(c opsdb.Copy) bool {
			return condemned(&c) || c.State == opsdb.DeletionInProgress || c.State == opsdb.DeletionFailed
		})
}

// ready are the moves that Dispatch may look at.
func (s *shortly) ready() (moves []opsdb.OpenMove) {
	for _, r := range s.results {
		if slices.Contains(s.left, r.Evaluation.Package) {
			continue
		}
		for _, m := range r.Moves {
			if m.Verdict == string(Ready) {
				moves = append(moves, m)
			}
		}
	}
	return moves
}

// own are the grants that a short way may take: of packages it has evaluated,
// and nothing that another transaction has to do with.
func (s *shortly) own(grants []opsdb.Grant) (own []opsdb.Grant) {
	for _, g := range grants {
		i := slices.IndexFunc(s.dirty, func(f opsdb.Facts) bool { return f.Package.ID == g.Move.Package })
		if i < 0 || g.Move.Type == typeDelete || g.Batch != "" || slices.Contains(s.left, g.Move.Package) || taken(s.dirty[i], g.Move) {
			continue
		}
		own = append(own, g)
	}
	return own
}

// taken reports whether an open task has the place of a move.
func taken(f opsdb.Facts, m opsdb.OpenMove) bool {
	return slices.ContainsFunc(f.Tasks, func(t opsdb.Task) bool { return t.State.Open() && t.To == m.To })
}
