package engine

import (
	"iter"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Cut is [Split] for a group of many files ([opsdb.ManyFiles]), which come in
// the order of their paths: each goes into the package of the one before, unless that becomes larger than
// the stage's max_size. Nobody holds a list of them: a package is a span of paths.
func Cut(g *graph.Graph, group opsdb.Group, files iter.Seq2[opsdb.File, error]) (out []opsdb.NewPackage, err error) {
	s := packageStage(g, group.Route, group.Stage)
	if s == nil {
		return nil, nil
	}
	last := ""
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || s.MaxSize > 0 && out[n-1].Package.Bytes+f.Size > s.MaxSize {
			out = append(out, opsdb.NewPackage{Package: newPackage(s, group), Span: &opsdb.Span{After: last, First: f.FiledAt}})
		}
		current := &out[len(out)-1]
		count(&current.Package, f)
		current.Span.To = f.Path
		if f.FiledAt.Before(current.Span.First) {
			current.Span.First = f.FiledAt
		}
		last = f.Path
	}
	for i := range out {
		out[i].Package.Size = opsdb.TarBound(out[i].Package.Files, out[i].Package.Bytes)
	}
	return out, nil
}
