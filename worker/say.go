package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// say logs how an attempt ended, as one line in the trace of its package: a failure is a warning, everything else is as it should be.
func (w *Worker) say(ctx context.Context, a opsdb.Assignment, r Result, took time.Duration) {
	level, text := slog.LevelInfo, "attempt "+string(r.Kind)
	if r.Failure != nil {
		level = slog.LevelWarn
	}
	if !w.cfg.Log.Enabled(ctx, level) {
		return
	}
	t := a.Task
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
	if f := r.Failure; f != nil {
		about = append(about, slog.String("class", string(f.Class)), slog.String("error", f.Text))
	}
	w.cfg.Log.LogAttrs(ctx, level, text, about...)
}
