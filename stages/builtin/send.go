package builtin

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// send brings the package's bytes into this attempt's part at the destination.
// It proves nothing; receive does. If bytes were found wrong the last time, the source is read first.
func (r *run) send(ctx context.Context) (opsdb.Outcome, error) {
	source, err := r.source()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	from, err := r.storage(source.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	to, err := r.storage(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	if f := r.a.Task.Failure; f != nil && f.Class == opsdb.BadData {
		found, err := r.examine(ctx, from, source.Path)
		if err != nil {
			return opsdb.Outcome{}, err
		}
		if !found.good {
			return r.corrupt(ctx, from, source, r.a.FromType, found)
		}
	}
	if err := r.bring(ctx, from, source, to, target); err != nil {
		if stages.FailureOf(err).Class == opsdb.BadData {
			return r.blameSource(ctx, from, source, err)
		}
		return opsdb.Outcome{}, err
	}
	return opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Path: target.Path, Size: r.a.Package.Size}}, nil
}

// bring sends, unless something of the right size has the final name already:
// receive will read it.
func (r *run) bring(ctx context.Context, from storage.Storage, source opsdb.Copy, to storage.Storage, target opsdb.Copy) error {
	if info, err := to.Stat(ctx, target.Path); err == nil && info.Size == r.a.Package.Size && r.a.Task.Type == "transfer" {
		return nil
	} else if err != nil && !missing(err) {
		return r.failed(ctx, target.Location, "look for "+target.Path, err)
	}
	tr, err := r.Transports.Transport(source.Location, target.Location)
	if err != nil {
		return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, fmt.Errorf("transport from %s to %s: %w", source.Location, target.Location, err))
	}
	earlier, err := r.leftovers(ctx, to)
	if err != nil {
		return r.failed(ctx, target.Location, "look for leftovers", err)
	}
	item := transport.Item{
		Package: r.a.Package.ID, Source: from, Path: source.Path, Target: to, Attempt: r.attempt(),
		Size: r.a.Package.Size, Segments: r.a.Package.Segments, Earlier: earlier,
	}
	r.Phase(storage.Moving, item.Size)
	errs := tr.Send(ctx, []transport.Item{item}, func(_ int, n int64) { r.Moved(n) })
	return r.sent(ctx, from, to, errors.Join(errs...))
}

// sent finds out which end an error of a transport is about.
func (r *run) sent(ctx context.Context, from, to storage.Storage, err error) error {
	if err == nil || ctx.Err() != nil {
		return r.failed(ctx, to.Location(), "send", err)
	}
	if classified := new(stages.FailureError); errors.As(err, &classified) {
		return err
	}
	doing := "send " + from.Location() + " to " + to.Location()
	if storage.Classify(to.Location(), err).Class != opsdb.Environment {
		return r.failed(ctx, from.Location(), doing, err)
	}
	if _, bad := to.Check(ctx); bad != nil {
		return r.failed(ctx, to.Location(), doing, errors.Join(err, bad))
	}
	if _, bad := from.Check(ctx); bad != nil && !errors.Is(err, storage.ErrFull) {
		return r.failed(ctx, from.Location(), doing, errors.Join(err, bad))
	}
	return r.failed(ctx, to.Location(), doing, err)
}
