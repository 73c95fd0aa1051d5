// Package transport is the contract of what moves bytes between two
// locations: transport/local, rsync, bbcp. Adapters pass transporttest.
//
// A transport writes only into the attempt's part file at the destination. It
// proves nothing: its exit code is a hint, and only the receive at the destination,
// which reads back from the medium, makes a receipt.
package transport

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Item is one package to be sent.
type Item struct {
	Package opsdb.ID
	Source  storage.Storage
	Path    string // of the copy at Source
	Target  storage.Storage
	Attempt storage.Attempt
	Size    int64
	// Segments are the package's digests per opsdb.SegmentSize, for resuming:
	// only segments re-read at the destination and found right are kept.
	Segments []opsdb.Digest
	// Earlier are attempts of the same task whose parts may lie at the destination.
	Earlier []storage.Attempt
	// Kept, if set, is told what of the progress crossed the link before this Send, as it is found; below 0 are
	// bytes that crossed in it, were given up and are sent once more. What crossed is the progress less the sum.
	Kept func(n int64)
	// Arrived, if set, may be called, once, as soon as all of the item seems to be there and nothing writes it any more, while
	// the Send of others goes on; its progress is complete then, its error nil, and its part is the receive's.
	Arrived func()
}

// Transport moves items over one link.
type Transport interface {
	// Name is the word in YAML: "local", "rsync", "bbcp".
	Name() string
	// Send brings each item's bytes into its attempt's part at the destination
	// and returns one error per item, nil where it believes so. progress (may be nil; it is called by several goroutines) is told bytes that moved, per item:
	// for one that arrives they sum up to its size, with what was kept of earlier attempts; 0 says "alive". Errors are classified
	// (stages.Failed) but for a cancel, which is ctx.Err(); a missing source is fs.ErrNotExist.
	// One item's failure does not fail the others. After a cancel, nothing it started goes on moving bytes.
	Send(ctx context.Context, items []Item, progress func(item int, n int64)) []error
}

// Catalog gives the transport of a link between two locations, already
// configured; within a site it is local. ErrNoDriver if this version has none.
type Catalog interface {
	Transport(from, to string) (Transport, error)
}
