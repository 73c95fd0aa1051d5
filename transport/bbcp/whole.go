package bbcp

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// mostInCall is how many files one call takes.
const mostInCall = 256

// sendWhole brings all items that are to go from their first byte on: as many
// in one call as can be, because a call costs a second. Items a call leaves behind go again in the
// next, unless they are what it failed over; each round settles at least one.
func (s *sending) sendWhole(ctx context.Context) {
	for {
		batch := s.batch()
		if len(batch) == 0 || s.stop(ctx, batch) {
			if len(batch) == 0 {
				return
			}
			continue
		}
		c, err := s.callFor(ctx, batch)
		if err != nil {
			for _, it := range batch {
				it.err = err
			}
			continue
		}
		s.settle(ctx, c)
	}
}

// batch is what goes in the next call: the first open item and all that go the same way.
func (s *sending) batch() []*item {
	var batch []*item
	for _, it := range s.items {
		if !it.open() || it.kept > 0 {
			continue
		}
		if len(batch) > 0 && (filepath.Dir(it.to) != filepath.Dir(batch[0].to) || endsOf(it) != endsOf(batch[0])) {
			continue
		}
		batch = append(batch, it)
		// The names of several are made by links, which can only be made here.
		if len(batch) == mostInCall || endsOf(it).source {
			break
		}
	}
	return batch
}

// callFor runs the call for a batch.
func (s *sending) callFor(ctx context.Context, batch []*item) (*call, error) {
	e := endsOf(batch[0])
	if len(batch) == 1 {
		c := s.newCall(batch, e, s.opts.single(batch[0], e))
		c.run(ctx)
		return c, nil
	}
	stage, err := makeStage(ctx, batch, s.opts.near(e))
	if err != nil {
		return nil, failed(ctx, opsdb.Failure{Class: opsdb.Transient}, err)
	}
	c := s.newCall(batch, e, s.opts.several(stage.list(), filepath.Dir(batch[0].to), e, names(batch)))
	c.run(ctx)
	return c, stage.remove(ctx)
}

// settle looks at the destination for each item of a call, and decides about those that are not there.
func (s *sending) settle(ctx context.Context, c *call) {
	left := slices.DeleteFunc(slices.Clone(c.items), func(it *item) bool { return it.arrived || s.arrived(ctx, c, it) })
	blamed := 0
	for _, it := range left { // whose source is not what it was
		if it.err == nil {
			it.err = s.checkSource(ctx, it)
		}
		if it.err != nil {
			blamed++
		}
	}
	if blamed == 0 {
		blamed = s.blame(ctx, c, left)
	}
	if len(left) == len(c.items) && blamed == 0 {
		for _, it := range left {
			it.err = s.failure(ctx, c, it)
		}
	}
	for _, it := range left {
		if it.err == nil { // it goes again
			it.err = s.fromTheStart(ctx, it)
		}
	}
}

// blame gives the call's failure to the items it is about: to all of them if it is about the
// link, a location or the settings; otherwise to those that were begun.
func (s *sending) blame(ctx context.Context, c *call, left []*item) int {
	blamed := 0
	for _, it := range left {
		if err := s.failure(ctx, c, it); s.blames(ctx, it, err) {
			it.err = err
			blamed++
		}
	}
	return blamed
}

// blames reports whether the failure of a call is an item's: it is about all of them, or the item was begun.
func (s *sending) blames(ctx context.Context, it *item, err error) bool {
	f := stages.FailureOf(err)
	_, missing := partSize(ctx, it)
	return ctx.Err() != nil || f.Class == opsdb.Environment || f.Class == opsdb.BadConfig || !errors.Is(missing, fs.ErrNotExist)
}

// arrived looks whether all bytes of an item seem to be there. After a call
// that ended badly the size is not enough: its last bytes may have come before others.
func (s *sending) arrived(ctx context.Context, c *call, it *item) bool {
	size, err := partSize(ctx, it)
	if errors.Is(err, errNoSizes) {
		var r storage.Reading
		r, err = it.Target.(storage.Receiver).ReadPart(ctx, it.Attempt, func(string, int64) { it.alive() })
		size = r.Size
	}
	switch {
	case ctx.Err() != nil:
		it.err = ctx.Err()
		return false
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		it.err = s.targetFailed(ctx, it, err)
		return false
	case err != nil:
		return false
	case size != it.Size:
		it.at(size)
		return false
	}
	if c.err != nil && len(it.Segments) > 0 {
		r, err := it.Target.(storage.Receiver).ReadPart(ctx, it.Attempt, func(string, int64) { it.alive() })
		if err != nil || transport.Prefix(it.Item, s.opts.SegmentSize, r.Segments, r.Size) != it.Size {
			return false
		}
	}
	it.finish()
	return true
}
