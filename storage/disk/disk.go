// Package disk keeps a location's objects and files on a mounted file system
// of Linux. It implements [storage.Storage], [storage.Receiver] and [storage.Tree].
//
// How it keeps the promises of package storage:
//   - Every method opens the root anew and looks at the marker before it does
//     anything, so that a disk that was unmounted or exchanged while CDT runs is
//     noticed by the next call, and by a Put before it gives a final name.
//   - No path is handed to the kernel whole. Each component is opened by itself,
//     relative to the open directory before it, with O_NOFOLLOW: stricter than os.Root,
//     which follows symlinks that stay inside. There is nothing that could lead out.
//   - A final name is given by renameat2(RENAME_NOREPLACE), or by link and unlink
//     where the file system has no such thing: never by a plain rename.
//   - A failed fsync fails the attempt and its file, which is removed: after a
//     failed fsync the kernel may show bytes that the medium does not have.
//   - Blocks of zeros become holes: the same bytes for every reader, and no room taken (ADR 0041).
//   - A folder may hold any number of files: its names are sorted in a file once they are many.
//
// It is not a cache and remembers nothing but the marker it saw. It imports
// storage, opsdb, clock and effect.
package disk

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Options of a disk. The zero value is good before the location has a marker.
type Options struct {
	// Marker is the identity the root must carry. Empty: any marker of this
	// location's name is taken, and from then on no other.
	Marker opsdb.ID
	// Clock judges the age of leftovers; nil: the system's.
	Clock clock.Clock
	// SegmentSize is how many bytes one digest of Reading.Segments covers; 0: opsdb.SegmentSize. For tests.
	SegmentSize int64
}

// Disk is one location on a mounted file system. It is safe for concurrent use.
type Disk struct {
	location string
	path     string // of the root, absolute
	clock    clock.Clock
	segment  int64
	kernel   kernel
	blocks   sync.Pool // *[]byte of blockSize
	smalls   sync.Pool // *[]byte of smallSize

	mu     sync.Mutex
	marker opsdb.ID // expected
	seen   stamp    // of the marker file when it was last read
	read   opsdb.Marker
}

// Disk is all of these.
var (
	_ storage.Storage  = (*Disk)(nil)
	_ storage.Receiver = (*Disk)(nil)
	_ storage.Tree     = (*Disk)(nil)
)

// New returns the disk of a location whose root is a directory, which need
// not exist yet. Nothing is looked at before the first call.
func New(location string, root string, opts Options) (*Disk, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("disk of %s: %w", location, err)
	}
	if location == "" || root == "" {
		return nil, fmt.Errorf("disk of %q at %q: location and root must be given", location, root)
	}
	d := &Disk{location: location, path: abs, clock: opts.Clock, segment: opts.SegmentSize, marker: opts.Marker, kernel: linux{}}
	if d.clock == nil {
		d.clock = clock.System{}
	}
	if d.segment <= 0 {
		d.segment = opsdb.SegmentSize
	}
	d.blocks.New = func() any { b := make([]byte, blockSize); return &b }
	d.smalls.New = func() any { b := make([]byte, smallSize); return &b }
	return d, nil
}

// Location implements [storage.Storage].
func (d *Disk) Location() string { return d.location }

// act does one change of the file system between its two effect points.
func act(ctx context.Context, name string, change func() error) error {
	effect.Point(ctx, "disk."+name+".before")
	err := change()
	effect.Point(ctx, "disk."+name+".after")
	return err
}
