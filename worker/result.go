package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// Kind is how a run ended, as it is recorded.
type Kind string

// The kinds of results.
const (
	Finished  Kind = "finished"
	Failed    Kind = "failed"
	Postponed Kind = "postponed"
	Dropped   Kind = "dropped" // nothing but its receipts
)

// Result is the end of one run, as it is recorded in OpsDB or waits in the journal.
type Result struct {
	Version int            `json:"version"` // of the format, 1
	ID      opsdb.ID       `json:"id"`
	Kind    Kind           `json:"kind"`
	Task    opsdb.ID       `json:"task"`
	Epoch   string         `json:"epoch"` // of OpsDB, without which a token means nothing
	Token   int64          `json:"token"`
	Piece   opsdb.Piece    `json:"piece"`
	Outcome opsdb.Outcome  `json:"outcome"`
	Failure *opsdb.Failure `json:"failure,omitempty"`
	After   time.Duration  `json:"after,omitempty"` // nanoseconds until the next try
	Counts  bool           `json:"counts,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Last    bool           `json:"last,omitempty"` // no counted attempt is left after this one
	Tries   int            `json:"-"`              // how often OpsDB answered and did not take it
}

// record writes a result; if OpsDB is away it waits in the journal. The run
// may have been cancelled: recording has time of its own.
func (w *Worker) record(ctx context.Context, r *Result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Write)
	defer cancel()
	err := w.write(ctx, r)
	if err == nil {
		return nil
	}
	if err := w.cfg.Journal.Add(ctx, *r); err != nil {
		return fmt.Errorf("keep the result of task %s: %w", r.Task, err)
	}
	return fmt.Errorf("record the result of task %s (it waits in the journal): %w", r.Task, err)
}

// write brings a result into OpsDB. A stale one is dropped; its receipts are
// readings and are recorded whatever became of the task.
func (w *Worker) write(ctx context.Context, r *Result) error {
	dated, err := w.dated(ctx, r)
	if err == nil {
		err = w.commit(ctx, dated)
	}
	if errors.Is(err, opsdb.ErrStale) || errors.Is(err, opsdb.ErrNotFound) {
		w.cfg.Log.WarnContext(ctx, "result came too late and is dropped", "task", r.Task, "token", r.Token, "kind", r.Kind)
		return w.receipts(ctx, dated)
	}
	if r.Kind == Finished && contradicts(err) {
		return w.write(ctx, refused(r, err))
	}
	return err
}

// contradicts reports whether OpsDB refuses a result for what it says: no waiting mends that, another attempt may.
func contradicts(err error) bool {
	return errors.Is(err, opsdb.ErrInvariant) || errors.Is(err, opsdb.ErrChanged) || errors.Is(err, opsdb.ErrConflict)
}

// refused is the failure that stands for a result OpsDB does not take.
func refused(of *Result, err error) *Result {
	r := *of
	r.Kind, r.Counts, r.After = Failed, true, longestProbe
	r.Failure = &opsdb.Failure{Class: opsdb.Transient, Text: fmt.Sprintf("the result could not be recorded: %v", err)}
	if r.Last {
		r.Failure.Class, r.Failure.Reason, r.After = opsdb.Permanent, attemptsExceeded, 0
	}
	r.Outcome = opsdb.Outcome{Receipts: r.Outcome.Receipts}
	return &r
}

func (w *Worker) commit(ctx context.Context, r *Result) error {
	switch r.Kind {
	case Finished:
		return w.finish(ctx, r)
	case Failed:
		return w.failed(ctx, r)
	case Postponed:
		return w.postpone(ctx, r)
	default:
		return w.receipts(ctx, r)
	}
}

// late is how long ago a reading was made that is not taken for one of now.
const late = time.Minute

// dated says, in store time, when the readings of a result were made: it may have waited in the journal for days.
// How long is counted on this host's clock alone (S7).
func (w *Worker) dated(ctx context.Context, of *Result) (*Result, error) {
	if len(of.Outcome.Receipts) == 0 {
		return of, nil
	}
	r := *of
	r.Outcome.Receipts = slices.Clone(r.Outcome.Receipts)
	var now time.Time
	for i := range r.Outcome.Receipts {
		read := &r.Outcome.Receipts[i]
		waited := w.cfg.Clock.Now().Sub(read.At)
		if read.At.IsZero() || waited < late {
			read.At = time.Time{}
			continue
		}
		if now.IsZero() {
			var err error
			if now, err = w.store.Now(ctx); err != nil {
				return &r, fmt.Errorf("ask for the time: %w", err)
			}
		}
		read.At = now.Add(-waited)
	}
	return &r, nil
}

func (w *Worker) finish(ctx context.Context, r *Result) error {
	effect.Point(ctx, "worker.finish.before")
	t, err := w.store.Finish(ctx, r.Task, r.Token, r.Outcome)
	if err != nil {
		return err
	}
	effect.Point(ctx, "worker.finish.after")
	return w.bring(ctx, t)
}

// bring offers the next piece of a task to its site.
func (w *Worker) bring(ctx context.Context, t opsdb.Task) error {
	if t.State != opsdb.TaskScheduled {
		return nil
	}
	if err := w.queue.Enqueue(ctx, []opsdb.Task{t}); err != nil {
		// The task is a fact; its claim deadline brings it up again.
		w.cfg.Log.WarnContext(ctx, "next piece not offered", "task", t.ID, "error", err)
	}
	return nil
}

func (w *Worker) failed(ctx context.Context, r *Result) error {
	now, err := w.store.Now(ctx)
	if err != nil {
		return err
	}
	f := *r.Failure
	f.At = now
	effect.Point(ctx, "worker.fail.before")
	if err := w.store.Fail(ctx, r.Task, r.Token, f, now.Add(r.After), r.Counts, r.Outcome); err != nil {
		return err
	}
	effect.Point(ctx, "worker.fail.after")
	return nil
}

func (w *Worker) postpone(ctx context.Context, r *Result) error {
	if err := w.receipts(ctx, r); err != nil {
		return err
	}
	now, err := w.store.Now(ctx)
	if err != nil {
		return err
	}
	effect.Point(ctx, "worker.later.before")
	if err := w.store.Later(ctx, r.Task, r.Token, now.Add(r.After), r.Reason); err != nil {
		return err
	}
	effect.Point(ctx, "worker.later.after")
	return nil
}

func (w *Worker) receipts(ctx context.Context, r *Result) error {
	if len(r.Outcome.Receipts) == 0 {
		return nil
	}
	return w.store.RecordReceipts(ctx, r.Outcome.Receipts)
}
