package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Stat implements [storage.Storage]. The identity is the ETag.
func (s *Store) Stat(ctx context.Context, path string) (storage.Info, error) {
	key, err := s.key(path)
	if err != nil {
		return storage.Info{}, err
	}
	if err := s.enter(ctx); err != nil {
		return storage.Info{}, err
	}
	o, err := s.stat(ctx, key)
	if err != nil {
		return storage.Info{}, s.failed(ctx, "stat", path, err)
	}
	return s.info(o), nil
}

func (s *Store) info(o minio.ObjectInfo) storage.Info {
	return storage.Info{Path: s.out(o.Key), Size: o.Size, ModTime: o.LastModified, Identity: o.ETag, Mode: 0o644}
}

func (s *Store) stat(ctx context.Context, key string) (minio.ObjectInfo, error) {
	o, err := call(ctx, s, func(ctx context.Context, _ *exchange) (minio.ObjectInfo, error) {
		return s.client.StatObject(ctx, s.o.Bucket, key, minio.StatObjectOptions{})
	})
	o.Key = key
	return o, err
}

// Open implements [storage.Storage]. All bytes are of one object, whatever happens to its name meanwhile.
func (s *Store) Open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error) {
	key, err := s.key(path)
	if err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	o, err := s.stat(ctx, key)
	if err != nil {
		return nil, s.failed(ctx, "open", path, err)
	}
	end := o.Size
	if length >= 0 {
		end = min(end, offset+length)
	}
	return s.stream(ctx, key, o.ETag, offset, end), nil
}

// Read implements [storage.Storage]. What answers is the server; what its medium holds nobody else can say.
func (s *Store) Read(ctx context.Context, path string, _ bool, progress storage.Progress) (storage.Reading, error) {
	key, err := s.key(path)
	if err != nil {
		return storage.Reading{}, err
	}
	if err := s.enter(ctx); err != nil {
		return storage.Reading{}, err
	}
	r, err := s.digest(ctx, key, tell(progress, storage.ReadingBack))
	if err != nil {
		return storage.Reading{}, s.failed(ctx, "read", path, err)
	}
	return r, nil
}

// digest reads an object whole, in ranges, and holds only a buffer of it.
func (s *Store) digest(ctx context.Context, key string, moved func(int64)) (storage.Reading, error) {
	o, err := s.stat(ctx, key)
	if err != nil {
		return storage.Reading{}, err
	}
	in := s.stream(ctx, key, o.ETag, 0, o.Size)
	defer func() { _ = in.Close() }()
	d := digester{whole: sha256.New(), part: sha256.New()}
	buf := make([]byte, readBuffer)
	for {
		n, err := in.Read(buf)
		d.add(buf[:n])
		moved(int64(n))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return storage.Reading{}, err
		}
	}
	return storage.Reading{Digest: hexOf(d.whole), Size: d.n, Segments: d.segments(), Medium: opsdb.FromRemote, Identity: o.ETag}, nil
}

const readBuffer = 256 << 10

// digester digests a stream whole and per segment.
type digester struct {
	whole, part hash.Hash
	n           int64
	done        []opsdb.Digest
}

func (d *digester) add(b []byte) {
	d.whole.Write(b)
	for len(b) > 0 {
		m := min(opsdb.SegmentSize-d.n%opsdb.SegmentSize, int64(len(b)))
		d.part.Write(b[:m])
		d.n, b = d.n+m, b[m:]
		if d.n%opsdb.SegmentSize == 0 {
			d.cut()
		}
	}
}

func (d *digester) cut() {
	d.done = append(d.done, hexOf(d.part))
	d.part.Reset()
}

func (d *digester) segments() []opsdb.Digest {
	if d.n%opsdb.SegmentSize != 0 {
		d.cut()
	}
	return d.done
}

func hexOf(h hash.Hash) opsdb.Digest { return opsdb.Digest(hex.EncodeToString(h.Sum(nil))) }

// stream reads an object in ranges, and goes on where it was when a connection ends early.
type stream struct {
	s        *Store
	ctx      context.Context
	key      string
	etag     string
	at, end  int64
	body     io.ReadCloser // of the range that is open
	left     int64         // of it
	troubles int           // in a row, without a byte between them
}

// rangeSize is how much one request asks for, and troublesMost how often in a row one may end without a byte.
const (
	rangeSize    = 64 << 20
	troublesMost = 5
)

func (s *Store) stream(ctx context.Context, key, etag string, from, end int64) *stream {
	return &stream{s: s, ctx: ctx, key: key, etag: etag, at: from, end: end}
}

// Read implements io.Reader.
func (r *stream) Read(b []byte) (int, error) {
	for {
		if err := r.ctx.Err(); err != nil {
			return 0, context.Cause(r.ctx)
		}
		if r.at >= r.end {
			return 0, io.EOF
		}
		if r.body == nil {
			if err := r.open(); err != nil {
				return 0, r.s.failed(r.ctx, "read", r.s.out(r.key), err)
			}
		}
		n, err := r.body.Read(b[:min(int64(len(b)), r.left)])
		r.at, r.left = r.at+int64(n), r.left-int64(n)
		if n > 0 {
			r.troubles = 0
		}
		if r.left == 0 || err != nil {
			r.drop()
		}
		if n > 0 {
			return n, nil
		}
		if r.troubles++; err != nil && r.troubles > troublesMost && r.ctx.Err() == nil {
			return 0, fmt.Errorf("read %s:%q at byte %d: %w", r.s.location, r.s.out(r.key), r.at, r.s.named(err))
		}
	}
}

// open asks for the next range of the very object that was looked at.
func (r *stream) open() error {
	o := minio.GetObjectOptions{}
	n := min(r.end-r.at, rangeSize)
	if err := errors.Join(o.SetRange(r.at, r.at+n-1), o.SetMatchETag(r.etag)); err != nil {
		return err
	}
	body, err := call(r.ctx, r.s, func(ctx context.Context, _ *exchange) (io.ReadCloser, error) {
		body, _, _, err := r.s.client.GetObject(ctx, r.s.o.Bucket, r.key, o)
		return body, err
	})
	if code(err) == "PreconditionFailed" {
		return errors.New("it was exchanged while it was read")
	}
	r.body, r.left = body, n
	return err
}

func (r *stream) drop() {
	if r.body != nil {
		_ = r.body.Close()
		r.body = nil
	}
}

// Close implements io.Closer.
func (r *stream) Close() error {
	r.drop()
	return nil
}
