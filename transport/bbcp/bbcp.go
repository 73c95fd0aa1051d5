// Package bbcp moves packages over a link with the program bbcp: many TCP
// streams at once, each with a window made for long ways.
//
// bbcp is run, not believed. Every call writes only into parts of this
// attempt, under names the engine made, and create-only (never -f); after it, whatever it
// said and whatever its exit code, the destination is looked at. A call that moves no
// bytes for a while is ended, here and at the other end. Resuming is ours, not bbcp's (never -a): see tail.go.
// Packages go through a call that stays, where there may be one ([Standing]), otherwise together in calls of their own.
//
// It is not the proof that the bytes are right: that is the receive's. It imports transport,
// transport/ssh, storage, stages, opsdb, clock and effect.
package bbcp

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	Host ssh.Host // the other end; its Name is also where the data connection goes. No name: both ends are here

	// Shared gives the socket of a connection to the other end that calls of ssh may go through ([ssh.Host.Share]); nil or "": none.
	Shared func() string

	// Standing keeps the standing calls of the link; nil: every Send makes calls of its own.
	Standing *Standing

	Program       string // bbcp here; "bbcp"
	RemoteProgram string // bbcp at the other end; "bbcp"
	Agent         string // dtctl at the other end, which runs bbcp there; "dtctl"

	Bandwidth int64         // bytes a second the link carries, for Streams and Window
	RTT       time.Duration // and its round-trip time
	AtOnce    int           // how many calls share it; 1
	Streams   int           // 0: as many as bandwidth and round-trip time ask for
	Window    int64         // bytes per stream; 0: bandwidth × round-trip time ÷ streams, in standing calls an eighth more
	Buffer    int64         // bytes read and written at once; 0: bbcp's own choice
	Rate      int64         // bytes a second at most; 0: no limit

	Reverse    bool   // the end with the firewall calls: the target connects to the source
	SourceHost string // with Reverse: the name or address under which the other end reaches this one
	Ports      string // "first:last" on which data connections are awaited; "": bbcp's own, 5031 to 5039, then any

	Stall time.Duration // a call that moves nothing for so long is ended; 90 s

	// SegmentSize is what one digest of Item.Segments covers; 0: opsdb.SegmentSize. For tests.
	SegmentSize int64
	// Environment is added to that of bbcp. For tests.
	Environment []string

	since  func() time.Duration
	lookup func(ctx context.Context, host string) ([]string, error) // of host names
	given  struct {                                                 // before defaults
		streams int
		window  int64
	}
	bound bool // a stream has no more than Window on its way, whatever the kernel would let it have
}

// Transport implements [transport.Transport]. It has no state and serves any number of calls at once.
type Transport struct{ opts Options }

var _ transport.Transport = (*Transport)(nil)

// New returns the transport of a link. Options that could mean something else to bbcp, ssh or a shell are refused.
func New(opts Options) (*Transport, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, fmt.Errorf("bbcp of the link %s: %w", opts.Link, err)
	}
	return &Transport{opts}, nil
}

// Name implements [transport.Transport].
func (t *Transport) Name() string { return "bbcp" }

// Send implements [transport.Transport]. Items of which something good is at the destination
// already get a call of their own for the rest, and all others share calls, unless a standing call takes them.
func (t *Transport) Send(ctx context.Context, items []transport.Item, progress func(item int, n int64)) []error {
	s := &sending{opts: t.opts, items: make([]*item, len(items)), since: t.opts.since}
	for i := range items {
		s.items[i] = &item{Item: items[i], moved: func(n int64) {
			if progress != nil {
				progress(i, n)
			}
		}}
	}
	transport.Each(len(items), func(i int) { s.items[i].err = s.prepare(ctx, s.items[i]) })
	s.sendStanding(ctx)
	s.sendTails(ctx)
	s.sendWhole(ctx)
	errs := make([]error, len(items))
	for i, it := range s.items {
		errs[i] = it.err
	}
	return errs
}

// sending is one Send.
type sending struct {
	opts  Options
	items []*item
	since func() time.Duration
	down  error // the link is; nothing more is tried in this Send
}

// item is one package on its way.
type item struct {
	transport.Item
	from, to string // absolute paths at the two ends
	kept     int64  // bytes of earlier attempts that are in the part, re-read and right
	arrived  bool   // all bytes seem to be there
	err      error

	moved func(int64)
	mu    sync.Mutex
	told  int64 // bytes of progress
}

// at tells progress up to n bytes of the item. It never goes back, and never beyond the size.
func (it *item) at(n int64) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if n = min(n, it.Size) - it.told; n > 0 {
		it.told += n
		it.moved(n)
	}
}

func (it *item) alive() { it.moved(0) }

// open says whether there is something left to be done for the item.
func (it *item) open() bool { return it.err == nil && !it.arrived }

// finish is called when all bytes are there.
func (it *item) finish() {
	it.arrived = true
	it.at(it.Size)
}

// land is called when all bytes are there while others of the same call are still to come.
func (it *item) land() {
	if it.arrived || it.Arrived == nil {
		return
	}
	it.finish()
	it.Arrived()
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
	kept, err := transport.Keep(ctx, it.Item, s.opts.SegmentSize, it.alive)
	<-named
	if err == nil && unnamed != nil {
		return unnamed
	}
	if err != nil {
		return s.targetFailed(ctx, it, err)
	}
	it.kept = kept
	it.at(kept)
	if kept > 0 && kept == it.Size {
		it.finish()
	}
	return nil
}

// find looks whether the item can go at all, and that the source is what was recorded.
func (s *sending) find(ctx context.Context, it *item) error {
	_, readable := it.Source.(storage.Receiver)
	_, writable := it.Target.(storage.Receiver)
	switch {
	case !writable:
		return badConfig("send to %s: its storage takes no part files", it.Target.Location())
	case !readable:
		return badConfig("send from %s: its storage has no files bbcp could read", it.Source.Location())
	case far(it.Source) && far(it.Target):
		return badConfig("send from %s to %s: neither is at this site", it.Source.Location(), it.Target.Location())
	case (far(it.Source) || far(it.Target)) && s.opts.Host.Name == "":
		return badConfig("link %s: name the host at the other end (bbcp: {host: …})", s.opts.Link)
	}
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
	for _, path := range []string{it.from, it.to} {
		if !cleanPath(path) {
			return badConfig("the path %q may not stand in a call of bbcp: only letters, digits and . _ / + @ , = ~ -", path)
		}
	}
	return nil
}

func cleanPath(path string) bool { return ssh.File(path) && filepath.Clean(path) == path }

// far says whether a location is at the other end of the link.
func far(st storage.Storage) bool {
	_, ok := st.(transport.Killer)
	return ok
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
	f := storage.Classify(it.Source.Location(), err)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, storage.ErrIrregular) {
		f.Class = opsdb.BadData
	}
	return failed(ctx, f, fmt.Errorf("read %s:%q: %w", it.Source.Location(), it.Path, err))
}

func (s *sending) targetFailed(ctx context.Context, it *item, err error) error {
	err = storage.FromSystem(err)
	return failed(ctx, storage.Classify(it.Target.Location(), err), fmt.Errorf("write to %s: %w", it.Target.Location(), err))
}

// failed leaves a cancel what it is.
func failed(ctx context.Context, f opsdb.Failure, err error) error {
	if cancelled := ctx.Err(); cancelled != nil {
		return cancelled
	}
	if f.Text = err.Error(); f.Class == "" {
		f.Class = opsdb.Transient
	}
	return stages.Failed(f, err)
}

func badConfig(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig, Text: err.Error()}, err)
}
