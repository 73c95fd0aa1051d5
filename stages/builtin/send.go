package builtin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// sending is a package on its way over a link.
type sending struct {
	run      *run
	from, to storage.Storage
	source   opsdb.Copy
	target   opsdb.Copy
	item     transport.Item
	told     atomic.Int64 // bytes of progress
	kept     atomic.Int64 // of those, what did not cross the link now
}

// send brings the package's bytes into this attempt's part at the destination.
// It proves nothing; receive does. If bytes were found wrong the last time, the source is read first.
func (r *run) send(ctx context.Context) (opsdb.Outcome, error) {
	s, out, err := r.prepare(ctx)
	if s == nil || err != nil {
		return out, err
	}
	tr, err := r.transport(s)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	r.Phase(storage.Moving, s.item.Size)
	errs := tr.Send(ctx, []transport.Item{s.item}, func(_ int, n int64) { s.moved(n) })
	return s.ended(ctx, errors.Join(errs...))
}

// prepare finds out what is to be sent. It returns nil and the end of the piece
// if nothing is: the source is bad, or something of the right size has the
// final name already, which receive will read.
func (r *run) prepare(ctx context.Context) (*sending, opsdb.Outcome, error) {
	s, err := r.ends()
	if err != nil {
		return nil, opsdb.Outcome{}, err
	}
	if f := r.a.Task.Failure; f != nil && f.Class == opsdb.BadData {
		found, err := r.examine(ctx, s.from, s.source.Path)
		if err != nil {
			return nil, opsdb.Outcome{}, err
		}
		if !found.good {
			out, err := r.corrupt(ctx, s.from, s.source, r.a.FromType, found)
			return nil, out, err
		}
	}
	var earlier []storage.Attempt
	var lost error
	var both sync.WaitGroup
	both.Go(func() { earlier, lost = r.leftovers(ctx, s.to) }) // over a long way each look takes its time
	info, err := s.to.Stat(ctx, s.target.Path)
	both.Wait()
	switch {
	case err == nil && info.Size == r.a.Package.Size && r.a.Task.Type == "transfer":
		return nil, s.arrived(), nil
	case err != nil && !missing(err):
		return nil, opsdb.Outcome{}, r.failed(ctx, s.target.Location, "look for "+s.target.Path, err)
	case lost != nil:
		return nil, opsdb.Outcome{}, r.failed(ctx, s.target.Location, "look for leftovers", lost)
	}
	s.item = transport.Item{
		Package: r.a.Package.ID, Source: s.from, Path: s.source.Path, Target: s.to, Attempt: r.attempt(),
		Size: r.a.Package.Size, Segments: r.a.Package.Segments, Earlier: earlier,
		Kept: func(n int64) { s.kept.Add(n) },
	}
	return s, opsdb.Outcome{}, nil
}

// ends finds the two ends of the way.
func (r *run) ends() (*sending, error) {
	s := &sending{run: r}
	var err error
	if s.source, err = r.source(); err != nil {
		return nil, err
	}
	if s.target, err = r.target(); err != nil {
		return nil, err
	}
	if s.from, err = r.storage(s.source.Location); err != nil {
		return nil, err
	}
	s.to, err = r.storage(s.target.Location)
	return s, err
}

func (r *run) transport(s *sending) (transport.Transport, error) {
	tr, err := r.Transports.Transport(s.source.Location, s.target.Location)
	if err != nil {
		return nil, stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, fmt.Errorf("transport from %s to %s: %w", s.source.Location, s.target.Location, err))
	}
	return tr, nil
}

// moved tells progress.
func (s *sending) moved(n int64) {
	s.told.Add(n)
	s.run.Moved(n)
}

// ended is the end of the piece: what the end of the transport's call means
// for the package, and what crossed the link, whatever it means.
func (s *sending) ended(ctx context.Context, err error) (opsdb.Outcome, error) {
	out, failure := s.meaning(ctx, err)
	if link := s.run.a.Task.Link; link != "" {
		out.Sent = &opsdb.Sent{Link: link, Bytes: max(0, s.told.Load()-s.kept.Load()), Kept: max(0, s.kept.Load()), Arrived: err == nil}
	}
	return out, failure
}

func (s *sending) meaning(ctx context.Context, err error) (opsdb.Outcome, error) {
	if err := s.run.sent(ctx, s.from, s.to, err); err != nil {
		if stages.FailureOf(err).Class == opsdb.BadData {
			return s.run.blameSource(ctx, s.from, s.source, err)
		}
		return opsdb.Outcome{}, err
	}
	return s.arrived(), nil
}

func (s *sending) arrived() opsdb.Outcome {
	return opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Path: s.target.Path, Size: s.run.a.Package.Size}}
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
