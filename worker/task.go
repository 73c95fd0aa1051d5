package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// RunTask does the present piece of one task, and of those that are to be sent together with it. It returns false, nil if the
// task cannot be claimed: somebody else has it, or it needs nothing any more.
// How the run itself ended is a fact in OpsDB, not an error here; an error
// means that OpsDB was away: before the claim (false), or after the run, whose
// result then waits in the journal (true). On cancel the run is cancelled and
// the task given back at no cost.
func (w *Worker) RunTask(ctx context.Context, id opsdb.ID) (ran bool, err error) {
	return w.runTask(ctx, id, func() {})
}

// runTask is RunTask, and says when a run has ended, before its result is recorded. Of runs that are done together it does not say it.
func (w *Worker) runTask(ctx context.Context, id opsdb.ID, ended func()) (ran bool, err error) {
	if err := w.Replay(ctx); err != nil {
		return false, err
	}
	all, err := w.claim(ctx, id)
	switch {
	case err != nil || len(all) == 0:
		return false, err
	case len(all) == 1:
		return true, w.runOne(ctx, all[0], nil, ended)
	}
	return true, w.together(ctx, all)
}

// runOne runs a claimed task, by itself or with others, and records how that ended.
func (w *Worker) runOne(ctx context.Context, a *opsdb.Assignment, with *party, ended func()) error {
	w.busy.Add(1)
	defer w.busy.Add(-1)
	ctx, over := w.observe(ctx, a)
	r := w.judge(ctx, &a.Task, w.perform(ctx, a, with))
	over(r)
	ended()
	return w.record(ctx, r)
}

// end is how a run ended.
type end struct {
	outcome opsdb.Outcome
	err     error
}

// Why a run was cancelled by its keeper.
var (
	errStuck   = errors.New("stuck")
	errStopped = errors.New("the worker was stopped")
)

// perform runs the stage and keeps its lease meanwhile.
func (w *Worker) perform(ctx context.Context, a *opsdb.Assignment, with *party) end {
	stage, known := w.stages.Find(a.Task.Type)
	if !known {
		f := opsdb.Failure{Class: opsdb.BadConfig, Text: fmt.Sprintf("this worker (version %q) knows no stage type %q", w.cfg.Version, a.Task.Type)}
		return end{err: stages.Failed(f, errors.New(f.Text))}
	}
	work := newWork(w, a, stage.Spec())
	defer work.close()
	if with != nil {
		work.beats, stage = &with.beats, partyStage{stage, with}
	}
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan end, 1)
	go func() { ended <- guarded(run, stage, work) }()
	return w.keep(ctx, work, ended, cancel)
}

// guarded runs the stage; a panic becomes a permanent failure that shows where.
func guarded(ctx context.Context, stage stages.Stage, work *work) (e end) {
	defer func() {
		if p := recover(); p != nil {
			e = end{err: stages.Permanent(fmt.Errorf("panic in stage %s: %v\n%s", work.Assignment().Task.Type, p, debug.Stack()))}
		}
	}()
	out, err := stage.Run(ctx, work)
	return end{out, err}
}
