//go:build servers

package s3

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
)

// bucket makes the n-th bucket of a server and a store in it with its marker.
func bucket(t *testing.T, srv *testserver.S3Server, change func(*Options)) *Store {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", buckets.Add(1))
	srv.Bucket(name, false)
	s := open(t, srv, name, change)
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: s.Location(), MadeAt: time.Unix(1, 0)}
	if err := s.Init(t.Context(), m, false); err != nil {
		t.Fatalf("init: %v", err)
	}
	return s
}

var buckets atomic.Int64

func open(t *testing.T, srv *testserver.S3Server, name string, change func(*Options)) *Store {
	t.Helper()
	o := Options{
		Endpoint: srv.URL, Bucket: name, PathStyle: true, Credentials: "TEST", Patience: 20 * time.Second,
		Keys: func() (Keys, error) { return Keys{Access: srv.Access, Secret: srv.Secret}, nil },
	}
	if change != nil {
		change(&o)
	}
	s, err := New("cologne.lta", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	srv := testserver.S3(t)
	for name, change := range map[string]func(*Options){
		"bucket":      nil,
		"prefix":      func(o *Options) { o.Prefix = "raw/2026" },
		"small parts": func(o *Options) { o.PartSize = 5 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storage.Storage { return bucket(t, srv, change) })
		})
	}
}
