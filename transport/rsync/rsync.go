// Package rsync moves packages over a link with rsync over ssh.
//
// rsync is run, not believed. It writes only into parts of this attempt, whose
// names the engine made; after every call, whatever its exit code, the destination is looked at.
// A call that moves no bytes for a while is ended, here and at the other end. What
// earlier attempts left is kept only where it was read again and found right; rsync
// then appends the rest, and every byte is read back by the receive.
//
// It does not sync, prove or name anything. It imports transport,
// transport/ssh, storage, stages and opsdb.
package rsync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/ssh"
)

// Options of one link's transport. Zero fields take the default that is said.
type Options struct {
	Link string   // "ccat>cologne", for failures
	Host ssh.Host // the other end
	// Shared gives the socket of a connection to the other end that calls may go through ([ssh.Host.Share]); nil or "": none.
	// It carries no more than 2 MB a round trip for each call: over a long way a connection of its own is faster.
	Shared        func() string
	Program       string // rsync here; "rsync"
	RemoteProgram string // rsync at the other end; "rsync"
	Agent         string // dtctl at the other end, which runs rsync there; "dtctl"
	Rate          int64  // bytes a second at most; 0: no limit

	Stall time.Duration // a call that moves nothing for so long is ended; 90 s
	Look  time.Duration // between two looks at the sizes at the destination; 1 s
	// SegmentSize is what one digest of Item.Segments covers; 0: opsdb.SegmentSize. For tests.
	SegmentSize int64
}

// Transport implements [transport.Transport]. It has no state and serves any number of calls at once.
type Transport struct{ opts Options }

var _ transport.Transport = (*Transport)(nil)

// New returns the transport of a link. Words that could mean more than themselves to rsync, ssh or a shell are refused.
func New(o Options) (*Transport, error) {
	def := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	def(&o.Program, "rsync")
	def(&o.RemoteProgram, "rsync")
	def(&o.Agent, "dtctl")
	if o.Stall <= 0 {
		o.Stall = 90 * time.Second
	}
	if o.Look <= 0 {
		o.Look = time.Second
	}
	if o.SegmentSize <= 0 {
		o.SegmentSize = opsdb.SegmentSize
	}
	if err := o.Host.Check(); err != nil {
		return nil, fmt.Errorf("rsync of the link %s: %w", o.Link, err)
	}
	for _, p := range []string{o.Program, o.RemoteProgram, o.Agent} {
		if !ssh.ProgramWord(p) {
			return nil, fmt.Errorf("rsync of the link %s: %q is no program's name or absolute path", o.Link, p)
		}
	}
	return &Transport{o}, nil
}

// Name implements [transport.Transport].
func (t *Transport) Name() string { return "rsync" }

// Send implements [transport.Transport]: all items in one call of rsync, if they go the same way.
func (t *Transport) Send(ctx context.Context, items []transport.Item, progress func(item int, n int64)) []error {
	s := &sending{Options: t.opts}
	for i := range items {
		it := &item{Item: items[i], moved: func(n int64) {
			if progress != nil {
				progress(i, n)
			}
		}}
		s.items = append(s.items, it)
	}
	transport.Each(len(items), func(i int) { s.items[i].err = s.prepare(ctx, s.items[i]) })
	for _, c := range s.calls() {
		s.call(ctx, c)
	}
	errs := make([]error, len(items))
	for i, it := range s.items {
		errs[i] = it.err
	}
	return errs
}

// sending is one Send.
type sending struct {
	Options
	items []*item
}

// item is one package on its way.
type item struct {
	transport.Item
	from, to string // absolute paths at the two ends
	pull     bool   // the source is at the other end
	arrived  bool   // all bytes seem to be there
	err      error

	moved func(int64)
	mu    sync.Mutex
	told  int64 // bytes of progress
}

// at tells progress up to n bytes of the item: never back, and never beyond its size.
func (it *item) at(n int64) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if n = min(n, it.Size) - it.told; n > 0 {
		it.told += n
		it.moved(n)
	}
}

func (it *item) open() bool { return it.err == nil && !it.arrived }

// far is the end of the item that is at the other site.
func (it *item) far() storage.Storage {
	if it.pull {
		return it.Source
	}
	return it.Target
}

// prepare finds out where the item is and what of it the destination has.
func (s *sending) prepare(ctx context.Context, it *item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.find(ctx, it); err != nil {
		return err
	}
	var unnamed error
	named := make(chan struct{})
	go func() { // beside what follows: over a long way each question takes its time
		defer close(named)
		unnamed = s.name(ctx, it)
	}()
	kept, err := transport.Keep(ctx, it.Item, s.SegmentSize, func() { it.moved(0) })
	<-named
	if err == nil && unnamed != nil {
		return unnamed
	}
	if err != nil {
		return s.targetFailed(ctx, it, err)
	}
	it.at(kept)
	it.arrived = kept > 0 && kept == it.Size
	return nil
}

// find looks whether the item can go at all, and that the source is what was recorded.
func (s *sending) find(ctx context.Context, it *item) error {
	_, readable := it.Source.(storage.Receiver)
	_, writable := it.Target.(storage.Receiver)
	_, sized := it.Target.(storage.PartSizer)
	_, farSource := it.Source.(transport.Killer)
	_, farTarget := it.Target.(transport.Killer)
	switch {
	case !writable || !sized:
		return badConfig("send to %s: its storage takes no part files", it.Target.Location())
	case !readable:
		return badConfig("send from %s: its storage has no files that rsync could read", it.Source.Location())
	case farSource && farTarget:
		return badConfig("send from %s to %s: neither is at this site", it.Source.Location(), it.Target.Location())
	}
	it.pull = farSource
	return s.checkSource(ctx, it)
}

// name gives the item its paths.
func (s *sending) name(ctx context.Context, it *item) error {
	from, to := it.Source.(storage.Receiver), it.Target.(storage.Receiver)
	var err error
	if it.from, err = from.AbsPath(ctx, it.Path); err != nil {
		return s.sourceFailed(ctx, it, err)
	}
	if it.to, err = to.PartPath(ctx, it.Attempt); err != nil {
		return s.targetFailed(ctx, it, err)
	}
	over := it.to
	if it.pull {
		over = it.from
	}
	if !ssh.File(over) || filepath.Clean(over) != over {
		return badConfig("the path %q at %s may not stand in a call of rsync: only letters, digits and . _ / + @ , = ~ -", over, it.far().Location())
	}
	return nil
}

// checkSource holds the source against the record.
func (s *sending) checkSource(ctx context.Context, it *item) error {
	if err := it.CheckSource(ctx); err != nil {
		return s.sourceFailed(ctx, it, err)
	}
	return nil
}

// sourceFailed is an error about the source. One that is gone is bad data: there is nothing to be had by trying again.
func (s *sending) sourceFailed(ctx context.Context, it *item, err error) error {
	err = storage.FromSystem(err)
	f := storage.Classify(it.Source.Location(), err)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrIrregular) {
		f.Class = opsdb.BadData
	}
	return failed(ctx, f, fmt.Errorf("read %s:%q: %w", it.Source.Location(), it.Path, err))
}

// targetFailed is an error about the destination.
func (s *sending) targetFailed(ctx context.Context, it *item, err error) error {
	err = storage.FromSystem(err)
	return failed(ctx, storage.Classify(it.Target.Location(), err), fmt.Errorf("write to %s: %w", it.Target.Location(), err))
}

// failed leaves a cancel what it is, and a classified error (of the link) too.
func failed(ctx context.Context, f opsdb.Failure, err error) error {
	if cancelled := ctx.Err(); cancelled != nil {
		return cancelled
	}
	if classified := new(stages.FailureError); errors.As(err, &classified) {
		return err
	}
	f.Text = err.Error()
	return stages.Failed(f, err)
}

func badConfig(format string, args ...any) error {
	return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, fmt.Errorf(format, args...))
}
