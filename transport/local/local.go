// Package local moves packages between two locations that this machine can
// reach itself: disks, or any storage it can read to a disk.
//
// It copies inside the kernel where the file systems can (a clone of the
// extents, copy_file_range), and by reading and writing where they cannot. It
// takes over the good segments that earlier attempts left at the destination. It does
// not sync, prove or name anything: that is the receive's. It imports
// transport, storage, stages, opsdb and clock.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// Options of the transport; the zero value is good.
type Options struct {
	// SegmentSize is what one digest of Item.Segments covers; 0: opsdb.SegmentSize. For tests.
	SegmentSize int64
	// Rate is how many bit/s one Send may move at most, over all its items; 0: no limit. With one, nothing is cloned.
	Rate int64
}

// Transport implements [transport.Transport]. It has no state and serves any number of calls at once.
type Transport struct{ segment, rate int64 }

var _ transport.Transport = (*Transport)(nil)

// New returns the transport.
func New(opts Options) *Transport {
	if opts.SegmentSize <= 0 {
		opts.SegmentSize = opsdb.SegmentSize
	}
	return &Transport{segment: opts.SegmentSize, rate: opts.Rate}
}

// Name implements [transport.Transport].
func (t *Transport) Name() string { return "local" }

// Send implements [transport.Transport]: one item after the other.
func (t *Transport) Send(ctx context.Context, items []transport.Item, progress func(item int, n int64)) []error {
	errs := make([]error, len(items))
	pace := newPace(t.rate)
	for i := range items {
		s := sending{item: items[i], segment: t.segment, pace: pace, moved: func(n int64) {
			if progress != nil {
				progress(i, n)
			}
		}}
		errs[i] = s.run(ctx)
	}
	return errs
}

// sending is the way of one item.
type sending struct {
	item    transport.Item
	segment int64
	pace    *pace
	moved   func(int64)
	target  storage.Receiver
}

func (s *sending) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	target, ok := s.item.Target.(storage.Receiver)
	if !ok {
		err := fmt.Errorf("send to %s: its storage takes no part files", s.item.Target.Location())
		return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, err)
	}
	s.target = target
	if err := s.checkSource(ctx); err != nil {
		return err
	}
	kept, err := s.resume(ctx)
	if err != nil {
		return err
	}
	s.moved(kept)
	return s.move(ctx, kept)
}

// checkSource holds the size of the source against the record, before anything is moved.
func (s *sending) checkSource(ctx context.Context) error {
	if err := s.item.CheckSource(ctx); err != nil {
		return s.sourceFailed(ctx, err)
	}
	return nil
}

// sourceFailed is an error about the source. One that is gone is bad data: there is nothing to be had by trying again.
func (s *sending) sourceFailed(ctx context.Context, err error) error {
	f := storage.Classify(s.item.Source.Location(), err)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, storage.ErrIrregular) {
		f.Class = opsdb.BadData
	}
	return s.failed(ctx, f, fmt.Errorf("read %s:%q: %w", s.item.Source.Location(), s.item.Path, err))
}

// targetFailed is an error about the destination.
func (s *sending) targetFailed(ctx context.Context, err error) error {
	if classified := new(stages.FailureError); errors.As(err, &classified) && ctx.Err() == nil {
		return err
	}
	err = storage.FromSystem(err)
	f := storage.Classify(s.item.Target.Location(), err)
	return s.failed(ctx, f, fmt.Errorf("write to %s: %w", s.item.Target.Location(), err))
}

// failed leaves a cancel what it is.
func (s *sending) failed(ctx context.Context, f opsdb.Failure, err error) error {
	if cancelled := ctx.Err(); cancelled != nil {
		return cancelled
	}
	f.Text = err.Error()
	return stages.Failed(f, err)
}
