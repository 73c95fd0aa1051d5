//go:build servers

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
)

// A server that ignores conditions is found out. Without versions nothing is put there; with them
// names are looked at before.
func TestAServerThatIgnoresConditions(t *testing.T) {
	t.Parallel()
	s, srv, proxy := through(t, nil)
	proxy.Blind(true)
	_, err := s.Put(t.Context(), storagetest.PutOf(storagetest.NewAttempt(), "p.tar", []byte("x")))
	if !errors.Is(err, storage.ErrUnsafe) || storage.Classify("a.b", err).Class != opsdb.BadConfig {
		t.Fatalf("put without conditions and versions: %v", err)
	}
	if !remarked(t, s, true, "ignores If-None-Match") {
		t.Error("the examination does not say so")
	}
	if _, err := s.Stat(t.Context(), "p.tar"); err == nil {
		t.Error("something has the name")
	}
	srv.Versioned(s.o.Bucket)
	s.able = nil
	for _, size := range []int{10, 6 << 20} {
		path := fmt.Sprint("q", size, ".tar")
		storagetest.MustPut(t, s, path, storagetest.Bytes(size, 1))
		storagetest.MustPut(t, s, path, storagetest.Bytes(size, 1))
		if _, err := s.Put(t.Context(), storagetest.PutOf(storagetest.NewAttempt(), path, storagetest.Bytes(size, 2))); err == nil {
			t.Error("another content took the name")
		}
	}
	if !remarked(t, s, false, "older version") {
		t.Error("the examination does not say so")
	}
}

// remarked reports whether an examination has such a remark.
func remarked(t *testing.T, s *Store, wrong bool, text string) bool {
	t.Helper()
	remarks, err := s.Examine(t.Context())
	if err != nil {
		t.Fatalf("examine: %v", err)
	}
	for _, r := range remarks {
		if r.Wrong == wrong && strings.Contains(r.Text, text) {
			return true
		}
	}
	t.Logf("remarks: %+v", remarks)
	return false
}

// Versions and object lock are recognised; in a locked bucket an archive works as in any other.
func TestExamine(t *testing.T) {
	t.Parallel()
	srv := testserver.S3(t)
	plain := bucket(t, srv, func(o *Options) { o.Archive = true })
	if !remarked(t, plain, false, "heeds If-None-Match") || !remarked(t, plain, false, "keeps no versions") {
		t.Error("a plain bucket is not told")
	}
	srv.Bucket("locked", true)
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: "cologne.lta", MadeAt: time.Unix(1, 0)}
	locked := open(t, srv, "locked", func(o *Options) { o.Archive = true })
	if err := locked.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	if !remarked(t, locked, false, "keeps versions") || !remarked(t, locked, false, "object lock") {
		t.Error("a locked bucket is not told")
	}
	storagetest.MustPut(t, locked, "p.tar", storagetest.Bytes(9<<20, 1))
	if !remarked(t, open(t, srv, "locked", nil), true, "object lock") {
		t.Error("a buffer in a locked bucket is not wrong")
	}
}

// In an archive nothing that has a name is moved or removed.
func TestAnArchiveKeeps(t *testing.T) {
	t.Parallel()
	srv := testserver.S3(t)
	s := bucket(t, srv, func(o *Options) { o.Archive = true })
	storagetest.MustPut(t, s, "p.tar", []byte("x"))
	a := storagetest.NewAttempt()
	_, quarantine := s.Quarantine(t.Context(), "p.tar", a)
	_, held := s.Held(t.Context(), a)
	for _, err := range []error{s.Trash(t.Context(), "p.tar", a), s.Restore(t.Context(), a, "p.tar"), s.Purge(t.Context(), a), quarantine, held} {
		if !errors.Is(err, storage.ErrKept) || storage.Classify("a.b", err).Class != opsdb.Permanent {
			t.Errorf("error %v", err)
		}
	}
	if got := storagetest.Content(t, s, "p.tar"); string(got) != "x" {
		t.Errorf("it holds %q", got)
	}
}

// What killed attempts left: found by the attempt's record, or by age; never another's.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	srv := testserver.S3(t)
	s := bucket(t, srv, nil)
	ctx, mine, other := t.Context(), storagetest.NewAttempt(), storagetest.NewAttempt()
	begun := func(a storage.Attempt, path string) string {
		id, err := s.initiate(ctx, s.in(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.writeRecord(ctx, a.Name(), record{Key: s.in(path), Upload: id}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	begun(mine, "p.tar")
	begun(other, "p.tar") // a rival with the same name
	if _, err := s.initiate(ctx, s.in("q.tar"), nil); err != nil {
		t.Fatal(err) // killed before the second record
	}
	left, err := s.Leftovers(ctx, mine.Task)
	if err != nil || len(left) != 1 || left[0] != mine {
		t.Fatalf("leftovers %v, %v", left, err)
	}
	if err := s.Discard(ctx, mine); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Uploads(s.o.Bucket)); n != 2 {
		t.Errorf("%d uploads after one was discarded", n)
	}
	keep := func(a storage.Attempt) bool { return a == other }
	if n, err := s.Reclaim(ctx, time.Hour, keep); n != 0 || err != nil {
		t.Errorf("reclaimed %d young ones, %v", n, err)
	}
	if n, err := s.Reclaim(ctx, 0, keep); n != 1 || err != nil {
		t.Errorf("reclaimed %d, %v", n, err)
	}
	if left := srv.Uploads(s.o.Bucket); len(left) != 1 || left[0] != "p.tar" {
		t.Errorf("uploads left: %q", left)
	}
	if n, err := s.Reclaim(ctx, 0, nil); n != 1 || err != nil {
		t.Errorf("reclaimed %d, %v", n, err)
	}
	if left := srv.Objects(s.o.Bucket); len(left) != 1 {
		t.Errorf("objects left: %q", left)
	}
}

// The digest that is known beforehand stands in the metadata.
func TestDigestInTheMetadata(t *testing.T) {
	t.Parallel()
	srv := testserver.S3(t)
	s := bucket(t, srv, nil)
	for _, size := range []int{10, 9 << 20} {
		b := storagetest.Bytes(size, 1)
		p := storagetest.PutOf(storagetest.NewAttempt(), "p"+strings.Repeat("p", size%5)+".tar", b)
		p.Known = storage.Expect{Digest: storagetest.Digest(b), Size: int64(size)}
		if _, err := s.Put(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		o, err := srv.Client(srv.Access, srv.Secret).StatObject(t.Context(), s.o.Bucket, p.Path, minio.StatObjectOptions{})
		if err != nil || said(o, digestKey) != string(storagetest.Digest(b)) {
			t.Errorf("%d bytes: metadata %v, %v", size, o.UserMetadata, err)
		}
	}
}

// Memory is bounded by the location's buffers, whatever the size of an object.
func TestMemory(t *testing.T) {
	size, peak := int64(128<<20), atomic.Uint64{}
	if !testing.Short() && memoryBytes() > 0 {
		size = memoryBytes()
	}
	srv := testserver.S3(t)
	s := bucket(t, srv, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.Sys-m.HeapReleased))
			}
		}
	}()
	p := storage.Put{
		Attempt: storagetest.NewAttempt(), Path: "large.tar", Known: storage.Expect{Size: size},
		Write: func(w io.Writer) error {
			b := storagetest.Bytes(1<<20, 1)
			for range size >> 20 {
				if _, err := w.Write(b); err != nil {
					return err
				}
			}
			return nil
		},
	}
	begun := time.Now()
	r, err := s.Put(t.Context(), p)
	took := time.Since(begun)
	stop()
	<-watched
	if err != nil || r.Size != size || int64(len(r.Segments)) != (size+opsdb.SegmentSize-1)/opsdb.SegmentSize {
		t.Fatalf("put %d bytes: %d read back in %d segments, %v", size, r.Size, len(r.Segments), err)
	}
	t.Logf("put and read back %d MiB in %s, memory at most %d MiB", size>>20, took.Round(time.Millisecond), peak.Load()>>20)
	if peak.Load() > 128<<20 {
		t.Errorf("%d MiB of memory", peak.Load()>>20)
	}
}
