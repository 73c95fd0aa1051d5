package engine

import (
	"context"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// trace writes the first spans of the traces of packages that an evaluation has just found at their end: from the
// filing of the oldest file to the last archive, and therein how long they were gathered. That is asked once
// for each package, after what was concluded is saved; nothing waits for it, and that it fails costs no more than the spans.
func (e *Engine) trace(ctx context.Context, before []opsdb.Facts, results []Result, left []opsdb.ID) {
	if e.cfg.Tracer == nil {
		return
	}
	var ended []opsdb.ID
	for i := range results {
		if under(before[i].Moves) && !under(results[i].Moves) && before[i].Package.Packed() && !slices.Contains(left, before[i].Package.ID) {
			ended = append(ended, before[i].Package.ID)
		}
	}
	if len(ended) == 0 {
		return
	}
	lives, err := e.cfg.Store.Lives(ctx, ended)
	if err != nil {
		e.cfg.Log.WarnContext(ctx, "packages were archived whose traces have no first span", "packages", len(ended), "error", err)
	}
	for _, l := range lives {
		if l.Archived.IsZero() || l.Again || l.FirstFiled.IsZero() {
			continue // it went nowhere, or it was told when it was archived first
		}
		e.cfg.Tracer.Root(ctx, string(l.Package), l.Route, l.FirstFiled, l.Archived)
		e.cfg.Tracer.Whole(ctx, string(l.Package), "gathered", l.FirstFiled, l.MadeAt)
	}
}

// under reports whether a package still has a way to go: whether there is a move that is more than a check or a deletion.
func under(moves []opsdb.OpenMove) bool {
	return slices.ContainsFunc(moves, makes)
}
