package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// Backoff of failures: base, doubling, to the longest; environment failures
// are probed at least once a minute, because they end without our doing.
const (
	baseDelay        = 2 * time.Second
	longestDelay     = 10 * time.Minute
	longestProbe     = time.Minute
	mostDoublings    = 20
	attemptsExceeded = "attempts_exceeded"
)

// opsDB is what the breaker calls the database: every attempt needs it.
const opsDB = "opsdb"

// judge turns the end of a run into the result that is recorded.
func (w *Worker) judge(ctx context.Context, t *opsdb.Task, e end) *Result {
	r := &Result{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Task: t.ID, Epoch: t.Epoch, Token: t.Token, Piece: t.Piece, Outcome: e.outcome}
	r.Last = t.Attempts+1 >= or(w.cfg.Attempts(*t), defaultAttempts)
	var later *stages.LaterError
	var objection *opsdb.Objection
	switch {
	case e.err == nil:
		w.breaker.succeeded(t.ID, append(subjects(t), opsDB)...)
		r.Kind = Finished
	case errors.As(e.err, &objection) && objection.Again:
		r.Kind, r.After, r.Reason = Postponed, baseDelay, e.err.Error()
	case errors.Is(e.err, opsdb.ErrStale), objection != nil:
		// Another attempt owns the task, or the gate withdrew it: only readings are left to record.
		r.Kind, r.Reason = Dropped, e.err.Error()
	case errors.As(e.err, &later):
		r.Kind, r.After, r.Reason = Postponed, later.After, later.Reason
	case errors.Is(e.err, errStopped):
		r.Kind, r.Reason = Postponed, e.err.Error()
	case errors.Is(e.err, opsdb.ErrAway):
		// What an attempt must ask nobody could tell it. However often: that costs no attempt, as with what is around it.
		inARow, _ := w.breaker.failedAgain(opsDB, t.ID)
		r.Kind, r.Failure, r.After = Failed, &opsdb.Failure{Class: opsdb.Transient, Text: opsdb.Said(e.err)}, min(w.delay(inARow), longestProbe)
	default:
		w.fail(ctx, r, t, stages.FailureOf(e.err))
	}
	return r
}

// fail applies the policy of the failure's class.
func (w *Worker) fail(ctx context.Context, r *Result, t *opsdb.Task, f opsdb.Failure) {
	r.Kind, r.Failure = Failed, &f
	switch f.Class {
	case opsdb.BadConfig, opsdb.Permanent:
	case opsdb.Environment:
		inARow, others := w.breaker.failedAgain(f.Subject, t.ID)
		r.After = min(w.delay(inARow), longestProbe)
		if others {
			w.count(r, t, &f)
		}
		if location, ok := strings.CutPrefix(f.Subject, "location:"); ok {
			w.cfg.Suspect(ctx, location, f, t.Bytes)
		}
	default: // transient, data
		r.After = w.delay(t.Attempts + 1)
		w.count(r, t, &f)
	}
}

// count makes the failure cost an attempt; the last one is permanent.
func (w *Worker) count(r *Result, t *opsdb.Task, f *opsdb.Failure) {
	r.Counts = true
	if r.Last {
		f.Text = fmt.Sprintf("%d attempts, the last one: %s", t.Attempts+1, f.Text)
		f.Class, f.Reason, r.After = opsdb.Permanent, or(f.Reason, attemptsExceeded), 0
	}
}

// delay is the pause after the n-th failure, within a quarter of itself.
func (w *Worker) delay(n int) time.Duration {
	d := min(baseDelay<<min(max(n-1, 0), mostDoublings), longestDelay)
	return time.Duration(float64(d) * (0.75 + w.cfg.Jitter()/2))
}

// subjects are the places and the link a task touches.
func subjects(t *opsdb.Task) []string {
	return []string{"location:" + t.From, "location:" + t.To, "link:" + t.Link}
}
