package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// ability is what a server heeds.
type ability struct {
	put, multipart bool // If-None-Match: * on a put, on the completion of a multipart upload
	versioned      bool // what is overwritten stays as an older version
}

// ability tries the server once, and again only after an error. A server that ignores conditions is good enough
// only if the bucket keeps versions; otherwise nothing is put there at all.
func (s *Store) ability(ctx context.Context) (ability, error) {
	s.mu.Lock()
	known := s.able
	s.mu.Unlock()
	if known == nil {
		able, err := s.try(ctx)
		if err != nil {
			return able, fmt.Errorf("try what the server can do: %w", err)
		}
		s.mu.Lock()
		s.able, known = &able, &able
		s.mu.Unlock()
	}
	if (!known.put || !known.multipart) && !known.versioned {
		return *known, fmt.Errorf("%w: %s ignores If-None-Match, and the bucket %s keeps no versions: turn on versioning, or use another server", storage.ErrUnsafe, s.o.Endpoint, s.o.Bucket)
	}
	return *known, nil
}

// try puts the marker over itself: a server that heeds the condition refuses, another one writes the same bytes.
func (s *Store) try(ctx context.Context) (able ability, err error) {
	key := s.in(opsdb.MarkerName)
	text, err := s.readSmall(ctx, key)
	if err != nil {
		return able, err
	}
	_, err = s.putWhole(ctx, key, text, condition(true), nil)
	if able.put, err = heeded(err); err != nil {
		return able, err
	}
	if able.multipart, err = s.tryMultipart(ctx, key, text); err != nil {
		return able, err
	}
	able.versioned, err = s.versioned(ctx)
	return able, err
}

func (s *Store) tryMultipart(ctx context.Context, key string, text []byte) (bool, error) {
	id, err := s.initiate(ctx, key, nil)
	if err != nil {
		return false, err
	}
	u := &upload{s: s, ctx: ctx, inner: ctx, key: key, id: id, progress: func(int64) {}}
	if err := u.part(1, text); err != nil {
		return false, errors.Join(err, s.abort(context.WithoutCancel(ctx), key, id))
	}
	_, err = s.complete(ctx, key, id, u.parts, true)
	able, err := heeded(err)
	return able, errors.Join(err, s.abort(context.WithoutCancel(ctx), key, id))
}

// heeded reads the answer to a request that must be refused.
func heeded(err error) (bool, error) {
	switch code(err) {
	case "PreconditionFailed":
		return true, nil
	case "NotImplemented":
		return false, nil
	}
	return false, err
}

// versioned reports whether the bucket keeps what is overwritten.
func (s *Store) versioned(ctx context.Context) (bool, error) {
	v, err := call(ctx, s, func(ctx context.Context, _ *exchange) (minio.BucketVersioningConfiguration, error) {
		return s.client.GetBucketVersioning(ctx, s.o.Bucket)
	})
	if slices.Contains([]string{"NotImplemented", "AccessDenied", "MethodNotAllowed", "VersioningNotConfigured", "NoSuchVersioningConfiguration"}, code(err)) {
		return false, nil // not known: that is no
	}
	return v.Enabled(), err
}
