package node

import (
	"fmt"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/s3"
	"github.com/ccatobs/cdt/storage/tape"
)

// Open opens the storage of one location; marker may be empty before it is initialised. Nothing is asked of it yet:
// credentials that are not there are found by the first call, and heal when they come.
func Open(l *graph.Location, marker opsdb.ID, c clock.Clock, k Credentials) (storage.Storage, error) {
	s, err := open(l, marker, c, k)
	if err != nil {
		return nil, stages.Permanent(fmt.Errorf("open %s: %w", l.Name, err))
	}
	return s, nil
}

func open(l *graph.Location, marker opsdb.ID, c clock.Clock, k Credentials) (storage.Storage, error) {
	switch l.Storage {
	case opsdb.Disk:
		return disk.New(l.Name, l.Path, disk.Options{Marker: marker, Clock: c})
	case opsdb.S3:
		return s3.New(l.Name, s3.Options{
			Endpoint: l.S3.Endpoint, Bucket: l.S3.Name, Prefix: l.S3.Prefix, Region: l.S3.Region, PathStyle: l.S3.PathStyle,
			Archive: l.Type == opsdb.Archive, Marker: marker, Credentials: l.S3.Credentials,
			Keys: func() (s3.Keys, error) { return k.Keys(l.S3.Credentials) },
		})
	case opsdb.Tape:
		return tape.New(l.Name, l.Path, tape.Options{
			Marker: marker, Clock: c, Archive: l.Type == opsdb.Archive,
			Put: l.Tape.Put, Recall: l.Tape.Recall, Verify: l.Tape.Verify,
		})
	}
	return nil, fmt.Errorf("this version has no driver for %s", l.Storage)
}
