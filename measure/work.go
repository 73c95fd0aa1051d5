package measure

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Task says which task something is about, in words of which there are few.
type Task struct {
	Type, Route, Stage, To, Link, Piece string
}

func (t Task) labels() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(labelType, t.Type), attribute.String(labelRoute, t.Route), attribute.String(labelStage, t.Stage),
		attribute.String(labelTo, t.To), attribute.String(labelLink, t.Link), attribute.String(labelPiece, t.Piece),
	}
}

// Ended counts an attempt that ran for d and ended so; failure is the class of
// the failure, or empty. bytes count if it ended well (finished).
func (s *Set) Ended(ctx context.Context, t Task, end, failure string, d time.Duration, bytes int64) {
	if s == nil {
		return
	}
	l := t.labels()
	ended := append(l, attribute.String(labelEnd, end), attribute.String(labelFailure, failure))
	s.add(ctx, taskEnded, 1, ended...)
	s.record(ctx, taskDuration, d.Seconds(), ended[:len(l)+1]...)
	if end == "finished" {
		s.add(ctx, taskBytes, bytes, l...)
	}
}

// Running says how many tasks of a type run in this process.
func (s *Set) Running(ctx context.Context, stageType string, n int) {
	s.set(ctx, taskRunning, float64(n), attribute.String(labelType, stageType))
}

// Claimed records how long a task waited from its dispatch until a worker took it.
func (s *Set) Claimed(ctx context.Context, stageType, site string, waited time.Duration) {
	s.record(ctx, taskWaited, waited.Seconds(), attribute.String(labelType, stageType), attribute.String(labelSite, site))
}

// Waited records how long an attempt had waited at a gate before it was given out.
func (s *Set) Waited(ctx context.Context, stageType, reason string, d time.Duration) {
	s.record(ctx, gateWaited, d.Seconds(), attribute.String(labelType, stageType), attribute.String(labelReason, reason))
}

// Moved counts bytes of a running task's phase.
func (s *Set) Moved(ctx context.Context, t Task, phase string, n int64) {
	s.add(ctx, movedBytes, n, attribute.String(labelType, t.Type), attribute.String(labelTo, t.To), attribute.String(labelLink, t.Link), attribute.String(labelPhase, phase))
}

// Crossed counts what an attempt brought over a link, and what it did not have to bring again.
func (s *Set) Crossed(ctx context.Context, link string, bytes, kept int64, arrived bool) {
	what := "lost"
	if arrived {
		what = "arrived"
	}
	s.add(ctx, crossed, bytes, attribute.String(labelLink, link), attribute.String(labelWhat, what))
	s.add(ctx, crossed, kept, attribute.String(labelLink, link), attribute.String(labelWhat, "kept"))
}

// JournalWaiting says how many results wait for OpsDB.
func (s *Set) JournalWaiting(ctx context.Context, n int) { s.set(ctx, journal, float64(n)) }

// Renewed counts a renewal of a lease: "ok", "failed" or "lost".
func (s *Set) Renewed(ctx context.Context, end string) {
	s.add(ctx, renewals, 1, attribute.String(labelEnd, end))
}

// Archived records how long a package took from being made to its receipt in an archive.
func (s *Set) Archived(ctx context.Context, route, location string, after time.Duration) {
	s.record(ctx, archivedAfter, after.Seconds(), attribute.String(labelRoute, route), attribute.String(labelLocation, location))
}

// Lost counts what was thrown away on its way to a receiver of telemetry.
func (s *Set) Lost(ctx context.Context, sink string, n int64) {
	s.add(ctx, lost, n, attribute.String(labelSink, sink))
}

// Did is what a pass of the engine did.
type Did struct {
	Routed, Closed, Evaluated, Dispatched, Expired, Chained int
}

// Pass records a pass of the engine; failed: it ended with an error.
func (s *Set) Pass(ctx context.Context, d time.Duration, did Did, failed bool) {
	s.record(ctx, passDuration, d.Seconds())
	for _, w := range []struct {
		what string
		n    int
	}{{"routed", did.Routed}, {"closed", did.Closed}, {"evaluated", did.Evaluated}, {"dispatched", did.Dispatched}, {"expired", did.Expired}, {"chained", did.Chained}} {
		s.add(ctx, passDid, int64(w.n), attribute.String(labelWhat, w.what))
	}
	if failed {
		s.add(ctx, passFailed, 1)
	}
}

// PassAge says how long ago the last pass ended well.
func (s *Set) PassAge(ctx context.Context, d time.Duration) { s.set(ctx, passAge, d.Seconds()) }
