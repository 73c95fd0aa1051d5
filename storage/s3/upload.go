package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // not for safety: buckets with object lock ask for it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// upload is one object on its way: a stream cut into parts that go beside each
// other. It is one only from its second part on; before, nothing was asked of the server.
type upload struct {
	s         *Store
	ctx       context.Context // of the caller
	name, key string          // the attempt's, and the object's
	known     storage.Expect
	progress  func(int64)

	size int64     // written
	sum  hash.Hash // of what was written
	buf  []byte    // the part that is being filled
	own  bool      // buf is not one of the pool's
	next int       // number of that part

	id     string // of the multipart upload; "" before there is one
	group  *errgroup.Group
	inner  context.Context // ends with the first part that fails
	mu     sync.Mutex
	parts  []minio.CompletePart
	record bool // there is a record of the attempt
}

func (s *Store) newUpload(ctx context.Context, name, key string, p storage.Put) *upload {
	return &upload{s: s, ctx: ctx, name: name, key: key, known: p.Known, progress: tell(p.Progress, storage.Moving), sum: sha256.New(), next: 1}
}

// fill has the content written. Parts that are full go while the next is filled.
func (u *upload) fill(write func(io.Writer) error) error {
	if err := write(u); err != nil {
		if failed := u.wait(); failed != nil && !errors.Is(failed, context.Canceled) {
			return failed // a part: that is why the writing ended
		}
		return &writeError{err}
	}
	if err := u.ctx.Err(); err != nil {
		return errors.Join(err, u.wait())
	}
	if u.group != nil && len(u.buf) > 0 {
		if err := u.send(); err != nil {
			return errors.Join(err, u.wait())
		}
	}
	return u.wait()
}

// Write implements io.Writer.
func (u *upload) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if err := cmp.Or(u.ctx.Err(), u.broken()); err != nil {
			return 0, err
		}
		if u.buf == nil {
			if err := u.take(); err != nil {
				return 0, err
			}
		}
		if len(u.buf) == cap(u.buf) {
			if err := u.send(); err != nil {
				return 0, err
			}
			continue
		}
		m := min(len(b), cap(u.buf)-len(u.buf))
		u.buf = append(u.buf, b[:m]...)
		u.sum.Write(b[:m])
		u.size += int64(m)
		b = b[m:]
	}
	return n, nil
}

func (u *upload) broken() error {
	if u.inner == nil {
		return nil
	}
	return u.inner.Err()
}

func (u *upload) written() storage.Expect {
	return storage.Expect{Digest: opsdb.Digest(hex.EncodeToString(u.sum.Sum(nil))), Size: u.size}
}

// take gets a buffer of the size of the next part: one of the location's, when one is
// free, or a larger one where the object needs larger parts than those.
func (u *upload) take() error {
	size := u.partSize()
	if size > u.s.o.PartSize {
		u.buf, u.own = make([]byte, 0, size), true
		return nil
	}
	select {
	case b := <-u.s.buffers:
		if b == nil {
			b = make([]byte, 0, size)
		}
		u.buf, u.own = b[:0], false
		return nil
	case <-u.ctx.Done():
		return u.ctx.Err()
	}
}

// partSize grows with the object, so that there are never more parts than there
// may be: by its size where that is known, else as it goes on.
func (u *upload) partSize() int64 {
	const most, mib = partsMost - 500, 1 << 20
	if need := (u.known.Size/most + mib) / mib * mib; u.known.Size > most*u.s.o.PartSize {
		return need
	}
	if u.known.Size > 0 && u.size <= u.known.Size {
		return u.s.o.PartSize
	}
	return u.s.o.PartSize << min(u.next/1000, 9)
}

func (u *upload) give(buf []byte, own bool) {
	if buf != nil && !own {
		u.s.buffers <- buf[:0]
	}
}

// release gives back what is still held.
func (u *upload) release() {
	u.give(u.buf, u.own)
	u.buf = nil
}

// send sends the part that is filled, beside others.
func (u *upload) send() error {
	if u.group == nil {
		if err := u.begin(); err != nil {
			return err
		}
	}
	buf, own, number := u.buf, u.own, u.next
	u.buf, u.next = nil, u.next+1
	u.group.Go(func() error {
		defer u.give(buf, own)
		return u.part(number, buf)
	})
	return nil
}

// begin begins the multipart upload; the record of the attempt is there before its first part.
func (u *upload) begin() error {
	var metadata map[string]string
	if u.known.Digest != "" {
		metadata = map[string]string{digestKey: string(u.known.Digest)}
	}
	u.record = true
	if err := u.s.writeRecord(u.ctx, u.name, record{Key: u.key}); err != nil {
		return err
	}
	id, err := u.s.initiate(u.ctx, u.key, metadata)
	if err != nil {
		return err
	}
	u.id = id
	u.group, u.inner = errgroup.WithContext(u.ctx)
	u.group.SetLimit(atOnce)
	return u.s.writeRecord(u.ctx, u.name, record{Key: u.key, Upload: id})
}

func (u *upload) part(number int, content []byte) error {
	sum := sha256.Sum256(content)
	o := minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), Md5Base64: sum5(content), DisableContentSha256: true}
	done, err := call(u.inner, u.s, func(ctx context.Context, _ *exchange) (minio.ObjectPart, error) {
		return u.s.client.PutObjectPart(ctx, u.s.o.Bucket, u.key, u.id, number, newBody(content, func() { u.progress(0) }), int64(len(content)), o)
	})
	if err != nil {
		return err
	}
	u.progress(int64(len(content)))
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts = append(u.parts, minio.CompletePart{PartNumber: number, ETag: done.ETag})
	return nil
}

// wait waits for the parts that are on their way.
func (u *upload) wait() error {
	if u.group == nil {
		return nil
	}
	return u.group.Wait()
}

// finish gives the object its name.
func (u *upload) finish(able ability, want storage.Expect) error {
	if u.group == nil {
		_, err := u.s.name(u.ctx, able.put, u.key, func() (minio.UploadInfo, error) {
			return u.s.putWhole(u.ctx, u.key, u.buf, condition(able.put), map[string]string{digestKey: string(want.Digest)})
		})
		if err == nil {
			u.progress(u.size)
		}
		return err
	}
	_, err := u.s.name(u.ctx, able.multipart, u.key, func() (minio.UploadInfo, error) {
		return u.s.complete(u.ctx, u.key, u.id, u.parts, able.multipart)
	})
	return err
}

// discard removes what the attempt has at the server, after a cancel too.
func (u *upload) discard() error {
	if !u.record {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), clean)
	defer cancel()
	if u.id != "" {
		if err := u.s.abort(ctx, u.key, u.id); err != nil {
			return err
		}
	}
	return u.s.removeRecord(ctx, u.name)
}

// forget removes the record of an upload that is complete.
func (u *upload) forget() error {
	if !u.record {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), clean)
	defer cancel()
	return u.s.removeRecord(ctx, u.name)
}

func (s *Store) initiate(ctx context.Context, key string, metadata map[string]string) (id string, err error) {
	err = act(ctx, "initiate", func() error {
		id, err = call(ctx, s, func(ctx context.Context, _ *exchange) (string, error) {
			return s.client.NewMultipartUpload(ctx, s.o.Bucket, key, minio.PutObjectOptions{UserMetadata: metadata})
		})
		return err
	})
	return id, err
}

func (s *Store) complete(ctx context.Context, key, id string, parts []minio.CompletePart, conditional bool) (minio.UploadInfo, error) {
	slices.SortFunc(parts, func(a, b minio.CompletePart) int { return cmp.Compare(a.PartNumber, b.PartNumber) })
	return call(ctx, s, func(ctx context.Context, _ *exchange) (minio.UploadInfo, error) {
		return s.client.CompleteMultipartUpload(ctx, s.o.Bucket, key, id, parts, condition(conditional))
	})
}

// abort ends an unfinished upload; one that is not there is fine.
func (s *Store) abort(ctx context.Context, key, id string) error {
	err := act(ctx, "abort", func() error {
		return s.do(ctx, func(ctx context.Context, _ *exchange) error {
			return s.client.AbortMultipartUpload(ctx, s.o.Bucket, key, id)
		})
	})
	if code(err) == "NoSuchUpload" || missing(err) {
		return nil
	}
	return err
}

// body is bytes of a request that can be sent again; moved, if given, is told that some went.
type body struct {
	*bytes.Reader
	moved func()
}

func newBody(b []byte, moved func()) *body { return &body{bytes.NewReader(b), moved} }

func (b *body) Read(p []byte) (int, error) {
	if b.moved != nil {
		b.moved()
	}
	return b.Reader.Read(p)
}

// WriteTo hides that of the reader: each read is to be told.
func (b *body) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{b}) }

func sum5(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}
