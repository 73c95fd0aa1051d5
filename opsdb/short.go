package opsdb

import (
	"context"
	"time"
)

// ShortWay is what a store may be able to do besides: a few changed facts go the whole way in one transaction.
type ShortWay interface {
	// Short calls way in one transaction that holds the active revision, and once more from the beginning if what it took for granted was not so. What way concludes is there, whole, when Short
	// returns nil, and nothing of it otherwise. On ErrChanged something came in between, or it is nothing for
	// the short way: the same is to be concluded step by step. Todo is what a call of [Planning.Todo] has just returned, or files that [Hinting] told of; limit is that of Queue.
	Short(ctx context.Context, revision int64, todo Todo, limit int, way func(Short) error) error
}

// Hinting is what a store may be able to do besides: it was told of what has just changed.
type Hinting interface {
	// Hints are files that were filed a moment ago, few if any, as they were told of, and no longer told of again. Any of them may have
	// changed since, have been looked at by others, or not be there. Who takes them as the Todo of a short way finds out; what no hint tells of, a call of [Planning.Todo] does.
	Hints() []File
}

// Short are the steps of a short way, in their order; each is taken at most once, KeepGroup and
// CloseGroup once for each group. They promise what the methods of these names in [Planning] do. An error of a step ends the way.
type Short interface {
	// Route returns the groups that the files have joined, as Todo would show them.
	Route(ctx context.Context, files []ID, routings []Routing) ([]OpenGroup, error)
	// World is the world as it is apart from what this way concludes, or as the todo shows it.
	World(ctx context.Context) (World, error)
	// KeepGroup keeps a group open.
	KeepGroup(ctx context.Context, g OpenGroup, wake time.Time, reason string) error
	// CloseGroup returns the facts of the packages it made.
	CloseGroup(ctx context.Context, g OpenGroup, packages []NewPackage) ([]Facts, error)
	// Hold takes the todo's dirty packages until the way ends. Left are those that have changed since, or that somebody else holds.
	Hold(ctx context.Context) (left []ID, err error)
	// Queue is what is ready of packages that this way does not hold, together with mine, and the world that goes with it.
	Queue(ctx context.Context, mine []OpenMove) ([]OpenMove, World, error)
	// Save takes evaluations of packages that were held or that CloseGroup made. One that gets a task need not be
	// saved, as long as nothing follows from it but moves: with its task it has changed, and is evaluated anew.
	Save(ctx context.Context, evals []Evaluation) error
	// Dispatch takes grants for moves of packages that were held or made, as they were evaluated, but for deletions, for tasks
	// that back off, and for batches. A package that CloseGroup made is saved, or a grant for it is given.
	Dispatch(ctx context.Context, grants []Grant) ([]Dispatched, error)
}
