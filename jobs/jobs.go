// Package jobs is the contract of what brings a task to its site. The truth
// about work is the task row; a lost, doubled or late job does no harm.
package jobs

import (
	"context"

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
