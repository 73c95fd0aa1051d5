// Package jobs is the contract of what brings a task to its site. The truth
// about work is the task row; a lost, doubled or late job does no harm.
package jobs

import (
	"context"
	"errors"

	"github.com/ccatobs/cdt/opsdb"
)

// Queue brings tasks to workers.
type Queue interface {
	// Enqueue offers tasks to the site where their piece must run. It may be
	// called again for the same task.
	Enqueue(ctx context.Context, tasks []opsdb.Task) error
	// Next waits for a task for one of the sites; ctx.Err() on cancel.
	Next(ctx context.Context, sites []string) (opsdb.ID, error)
}

// Keeper is a queue whose job lasts as long as its run, so that a run can be
// cancelled from another process. Of such a queue Keep is called once for
// every task that Next returned.
type Keeper interface {
	// Keep returns the context for the run of a task that Next returned: it
	// ends with ctx, or with the cause [ErrCancelled] when its job was
	// cancelled. over must be called when the run has ended, and may be called
	// twice, of which the first counts; until then the job counts as in hand. A job that
	// was not begun goes back to be taken by others.
	Keep(ctx context.Context, task opsdb.ID) (run context.Context, over func(begun bool))
	// Leave says that nobody here takes any more: what was not taken goes to others at once, and nothing else comes. What was taken stays until it is over.
	Leave()
}

// Canceller is a queue that can stop runs anywhere.
type Canceller interface {
	// Cancel stops what runs or waits for a task, wherever that is, and returns
	// how many jobs it reached; 0 is no error. The task itself stays open: the
	// worker gives it back, and it goes again when the engine lets it.
	Cancel(ctx context.Context, task opsdb.ID) (int, error)
}

// ErrCancelled is why a run ended that was cancelled from elsewhere.
var ErrCancelled = errors.New("cancelled by a person")
