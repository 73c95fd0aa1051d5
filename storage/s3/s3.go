// Package s3 keeps a location's objects in a bucket of an S3 server. It
// implements [storage.Storage] and [storage.Examiner].
//
// How it keeps the promises of package storage:
//   - A final name is given by a conditional request (If-None-Match: *), for one
//     put and for the completion of a multipart upload alike. Whether the server
//     heeds the condition is tried once, on the marker, before the first put.
//   - A final name means whole; only the reading back, done by every Put, means verified.
//   - An upload under way is found again after a kill by a record of its attempt in .part/.
//   - There is no rename: Trash, Restore and Quarantine copy inside the server,
//     bound to the ETag that was seen, to a name that must be free, and then
//     remove what has that ETag. In an archive they are refused (S3).
//   - Every method reads the marker first: a bucket that is away is never "all objects are gone".
//
// A server that fails or asks to slow down is asked again with growing pauses
// for a while, and then it is an error of the environment. The bytes in memory
// are bounded for the whole location, however large the objects and however many the puts.
//
// It is not a cache. It imports storage, opsdb, clock and effect.
package s3

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Options of a bucket. Endpoint, Bucket and Keys must be given.
type Options struct {
	Endpoint  string // https://host or https://host:port
	Bucket    string
	Prefix    string // what every key begins with, without slashes at its ends; may be empty
	Region    string // "" is us-east-1, which servers without regions take
	PathStyle bool   // https://host/bucket, not https://bucket.host
	// Archive: nothing that has a final name is moved or removed.
	Archive bool
	// Credentials is the name of the keys, for messages. Keys gives them; it is asked again now and then.
	Credentials string
	Keys        func() (Keys, error)
	// Marker is the identity the bucket must carry; "": any marker of this location's name is taken, and from then on no other.
	Marker opsdb.ID
	// PartSize is the size of a part of an upload in bytes, 5 MiB at least; 0: 8 MiB.
	PartSize int64
	// Patience is how long a request that failed is tried again; 0: a minute.
	Patience time.Duration
}

// Store is one location in a bucket. It is safe for concurrent use.
type Store struct {
	location string
	o        Options
	client   minio.Core
	buffers  chan []byte // of PartSize; nil ones are not made yet

	mu     sync.Mutex
	marker opsdb.ID // expected
	able   *ability // nil: not tried yet
}

// Store is these.
var (
	_ storage.Storage  = (*Store)(nil)
	_ storage.Examiner = (*Store)(nil)
)

// How much of uploads is in memory, and how many parts of one go at once.
const (
	partSize   = 8 << 20
	bufferBy   = 4 // part buffers of a location
	atOnce     = 3 // parts of one upload
	partsMost  = 10_000
	onePut     = 5 << 30 // the most that one part of a copy may have
	unsaid     = "us-east-1"
	patience   = time.Minute
	clean      = 30 * time.Second // for what is removed after a cancel
	freshKeys  = 30 * time.Second // between two looks at the keys
	quickCheck = 5 * time.Second  // patience of Check
)

// New returns the storage of a location. Nothing is asked before the first call.
func New(location string, o Options) (*Store, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("bucket of %s: the endpoint must be https://host, not %q", location, o.Endpoint)
	}
	if location == "" || o.Bucket == "" || o.Keys == nil {
		return nil, fmt.Errorf("bucket of %q: location, bucket and keys must be given", location)
	}
	if o.PartSize == 0 {
		o.PartSize = partSize
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	if o.Region == "" {
		o.Region = unsaid
	}
	lookup := minio.BucketLookupDNS
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.NewCore(u.Host, &minio.Options{
		Creds: credentials.New(&provider{keys: o.Keys}), Secure: u.Scheme == "https", Region: o.Region, BucketLookup: lookup,
		Transport: newWire(), MaxRetries: 1, // what is tried again is decided in retry.go
	})
	if err != nil {
		return nil, fmt.Errorf("bucket of %s: %w", location, err)
	}
	s := &Store{location: location, o: o, client: *client, marker: o.Marker, buffers: make(chan []byte, bufferBy)}
	for range bufferBy {
		s.buffers <- nil
	}
	return s, nil
}

// Location implements [storage.Storage].
func (s *Store) Location() string { return s.location }

// act does one change at the server between its two effect points.
func act(ctx context.Context, name string, change func() error) error {
	effect.Point(ctx, "s3."+name+".before")
	err := change()
	effect.Point(ctx, "s3."+name+".after")
	return err
}
