package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// say logs how an attempt ended, as one line in the trace of its package: a failure, and bytes that are not what was recorded, are
// warnings; everything else is as it should be.
func (w *Worker) say(ctx context.Context, a *opsdb.Assignment, r *Result, took time.Duration) {
	level, text := slog.LevelInfo, "attempt "+string(r.Kind)
	wrong := wrongBytes(r.Outcome)
	if r.Failure != nil || wrong != "" {
		level = slog.LevelWarn
	}
	if !w.cfg.Log.Enabled(ctx, level) {
		return
	}
	t := &a.Task
	about := []slog.Attr{
		slog.String("site", t.Site()), slog.String("route", t.Route), slog.String("stage", t.Stage), slog.String("package", a.Package.Name), slog.String("from", t.From), slog.String("to", t.To),
		slog.String("task", string(t.ID)), slog.Int64("attempt", t.Token), slog.Int64("bytes", t.Bytes), slog.Float64("seconds", took.Seconds()),
	}
	if t.Link != "" {
		about = append(about, slog.String("link", t.Link), slog.String("piece", string(t.Piece)))
	}
	if r.Reason != "" {
		about = append(about, slog.String("reason", r.Reason))
	}
	if wrong != "" {
		about = append(about, slog.String("wrong", wrong))
	}
	if f := r.Failure; f != nil {
		about = append(about, slog.String("class", string(f.Class)), slog.String("error", f.Text))
	}
	w.cfg.Log.LogAttrs(ctx, level, text, about...)
}

// wrongBytes says what an attempt found that is not what was recorded, a fact of which an attempt that ended well tells; "": nothing.
func wrongBytes(o opsdb.Outcome) string {
	switch {
	case o.Corrupt != nil:
		return "a copy that was read: " + o.Corrupt.Reason
	case len(o.Kept) > 0:
		return fmt.Sprintf("%d source files that were to be deleted, the first: %s", len(o.Kept), o.Kept[0].Reason)
	}
	return ""
}
