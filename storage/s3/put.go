package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// digestKey is the metadata under which an object carries its SHA-256, where that was known before its bytes went.
const digestKey = "Cdt-Sha256"

// errWriting marks what the writer of the content gave, which is not ours to name.
var errWriting = errors.New("write the content")

// Put implements [storage.Storage]. What is as small as one part goes in one conditional request, anything else
// as a multipart upload whose completion is conditional. What was written wrong, by its own digest or size, gets no name at all.
func (s *Store) Put(ctx context.Context, p storage.Put) (storage.Reading, error) {
	name, err := nameOf(p.Attempt)
	if err != nil {
		return storage.Reading{}, err
	}
	key, err := s.finalKey(p.Path)
	if err != nil {
		return storage.Reading{}, err
	}
	if err := s.enter(ctx); err != nil {
		return storage.Reading{}, err
	}
	r, err := s.put(ctx, name, key, p)
	var writing *writeError
	if errors.As(err, &writing) && ctx.Err() == nil {
		return storage.Reading{}, fmt.Errorf("put %s:%q: %w", s.location, p.Path, writing.err)
	}
	if err != nil {
		return storage.Reading{}, s.failed(ctx, "put", p.Path, err)
	}
	return r, nil
}

// writeError carries an error of the one who writes the content.
type writeError struct{ err error }

func (e *writeError) Error() string        { return e.err.Error() }
func (e *writeError) Unwrap() error        { return e.err }
func (e *writeError) Is(target error) bool { return target == errWriting }

func (s *Store) put(ctx context.Context, name, key string, p storage.Put) (storage.Reading, error) {
	able, err := s.ability(ctx)
	if err != nil {
		return storage.Reading{}, err
	}
	u := s.newUpload(ctx, name, key, p)
	defer u.release()
	if err := u.fill(p.Write); err != nil {
		return storage.Reading{}, errors.Join(err, u.discard())
	}
	want, err := expected(p, u.written())
	if err != nil {
		return storage.Reading{}, errors.Join(err, u.discard())
	}
	tell(p.Progress, storage.Committing)(0)
	err = u.finish(able, want)
	switch code(err) {
	case "PreconditionFailed", "NoSuchUpload": // taken, perhaps by ourselves in a request whose answer was lost
		r, taken := s.adopt(ctx, key, want, p.Progress)
		if errors.Is(taken, fs.ErrNotExist) {
			taken = err
		}
		return r, errors.Join(taken, u.discard())
	case "":
		if err != nil {
			return storage.Reading{}, errors.Join(err, u.discard())
		}
	default:
		return storage.Reading{}, errors.Join(err, u.discard())
	}
	r, err := s.readBack(ctx, key, want, p.Progress)
	return r, errors.Join(err, u.forget())
}

// expected is what must be read back: what was asked for, or what was written if nothing was.
func expected(p storage.Put, written storage.Expect) (storage.Expect, error) {
	want := storage.Expect{}
	if p.Expect != nil {
		want = p.Expect()
	}
	if want.Digest == "" {
		return written, nil
	}
	if want.Size != written.Size || want.Digest != written.Digest {
		return want, fmt.Errorf("wrote %s of %d bytes, expected %s of %d: %w", written.Digest, written.Size, want.Digest, want.Size, storage.ErrMismatch)
	}
	return want, nil
}

// readBack reads the object and compares it.
func (s *Store) readBack(ctx context.Context, key string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	r, err := s.digest(ctx, key, tell(progress, storage.ReadingBack))
	if err != nil {
		return r, err
	}
	if r.Digest != want.Digest || r.Size != want.Size {
		return r, fmt.Errorf("read %s of %d bytes, expected %s of %d: %w", r.Digest, r.Size, want.Digest, want.Size, storage.ErrMismatch)
	}
	return r, nil
}

// adopt takes what has the name, if it is what was to be put; fs.ErrNotExist: nothing has it.
func (s *Store) adopt(ctx context.Context, key string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	r, err := s.readBack(ctx, key, want, progress)
	switch {
	case missing(err):
		return r, fs.ErrNotExist
	case errors.Is(err, storage.ErrMismatch):
		return r, fmt.Errorf("%w with other content: %v", fs.ErrExist, err)
	}
	return r, err
}

// PutSmall implements [storage.Storage].
func (s *Store) PutSmall(ctx context.Context, a storage.Attempt, path string, content []byte) error {
	if _, err := nameOf(a); err != nil {
		return err
	}
	key, err := s.finalKey(path)
	if err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	return s.failed(ctx, "put", path, s.putSmall(ctx, key, content))
}

func (s *Store) putSmall(ctx context.Context, key string, content []byte) error {
	able, err := s.ability(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	want := storage.Expect{Digest: opsdb.Digest(hex.EncodeToString(sum[:])), Size: int64(len(content))}
	_, err = s.name(ctx, able.put, key, func() (minio.UploadInfo, error) {
		return s.putWhole(ctx, key, content, condition(able.put), map[string]string{digestKey: string(want.Digest)})
	})
	if code(err) == "PreconditionFailed" {
		_, err = s.adopt(ctx, key, want, nil)
		return err
	}
	if err == nil {
		_, err = s.readBack(ctx, key, want, nil)
	}
	return err
}

// name gives a final name. Where the server does not heed the condition it is looked at right before: what
// would be overwritten all the same stays as an older version, without which we would not be here (see ability).
func (s *Store) name(ctx context.Context, conditional bool, key string, give func() (minio.UploadInfo, error)) (minio.UploadInfo, error) {
	if !conditional {
		_, err := s.stat(ctx, key)
		if err == nil {
			return minio.UploadInfo{}, minio.ErrorResponse{Code: "PreconditionFailed", StatusCode: http.StatusPreconditionFailed}
		}
		if !missing(err) {
			return minio.UploadInfo{}, err
		}
	}
	var info minio.UploadInfo
	err := act(ctx, "name", func() (err error) { info, err = give(); return err })
	return info, err
}

// condition is the options of a request that must not replace.
func condition(conditional bool) minio.PutObjectOptions {
	o := minio.PutObjectOptions{}
	if conditional {
		o.SetMatchETagExcept("*")
	}
	return o
}

// putWhole puts an object in one request. Its bytes are in memory: they can be sent again.
func (s *Store) putWhole(ctx context.Context, key string, content []byte, o minio.PutObjectOptions, metadata map[string]string) (minio.UploadInfo, error) {
	o.UserMetadata, o.DisableContentSha256 = metadata, true // no chunks signed by themselves: the digest of all is
	sum := sha256.Sum256(content)
	return call(ctx, s, func(ctx context.Context, _ *exchange) (minio.UploadInfo, error) {
		return s.client.PutObject(ctx, s.o.Bucket, key, newBody(content, nil), int64(len(content)), sum5(content), hex.EncodeToString(sum[:]), o)
	})
}

// tell is progress of one phase; it may be called when progress is nil.
func tell(progress storage.Progress, phase string) func(int64) {
	if progress == nil {
		return func(int64) {}
	}
	return func(n int64) { progress(phase, n) }
}
