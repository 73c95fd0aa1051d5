package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/storage"
)

// What a copy made inside the server says of where it is from, in its metadata.
const (
	originETag = "Cdt-Origin-Etag"
	originPath = "Cdt-Origin-Path"
)

// copyPart is how much of an object one request copies.
const copyPart = 1 << 30

// copyTo copies an object inside the server to a key that must be free, and
// only if it still is the one that was looked at. It is a multipart upload, because that is
// where servers heed the condition on the destination; an empty object is put.
func (s *Store) copyTo(ctx context.Context, from minio.ObjectInfo, key string, metadata map[string]string) error {
	able, err := s.ability(ctx)
	if err != nil {
		return err
	}
	if from.Size == 0 {
		_, err := s.name(ctx, able.put, key, func() (minio.UploadInfo, error) {
			return s.putWhole(ctx, key, nil, condition(able.put), metadata)
		})
		return err
	}
	id, err := s.initiate(ctx, key, metadata)
	if err != nil {
		return err
	}
	parts, err := s.copyParts(ctx, from, key, id)
	if err == nil {
		_, err = s.name(ctx, able.multipart, key, func() (minio.UploadInfo, error) {
			return s.complete(ctx, key, id, parts, able.multipart)
		})
	}
	if err != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), clean)
		defer cancel()
		return errors.Join(err, s.abort(clean, key, id))
	}
	return nil
}

func (s *Store) copyParts(ctx context.Context, from minio.ObjectInfo, key, id string) ([]minio.CompletePart, error) {
	var parts []minio.CompletePart
	same := map[string]string{"x-amz-copy-source-if-match": `"` + from.ETag + `"`}
	for at := int64(0); at < from.Size; at += copyPart {
		n := min(copyPart, from.Size-at)
		p, err := call(ctx, s, func(ctx context.Context, _ *exchange) (minio.CompletePart, error) {
			return s.client.CopyObjectPart(ctx, s.o.Bucket, from.Key, s.o.Bucket, key, id, len(parts)+1, at, n, same)
		})
		if code(err) == "PreconditionFailed" {
			return nil, fmt.Errorf("it was exchanged while it was copied: %w", storage.ErrMismatch)
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// move copies an object to a key that must be free and then removes it, if it still is that one. A
// copy of the very same object that is there already, left by an attempt that was killed in between, is taken as made.
func (s *Store) move(ctx context.Context, from minio.ObjectInfo, key string) error {
	err := s.copyTo(ctx, from, key, s.cameFrom(from))
	if code(err) == "PreconditionFailed" {
		there, bad := s.stat(ctx, key)
		if bad != nil {
			return bad
		}
		if !s.isFrom(there, from) || there.Size != from.Size {
			return fs.ErrExist
		}
		err = nil
	}
	if err != nil {
		return err
	}
	err = s.remove(ctx, "remove", from.Key, from.ETag)
	if code(err) == "PreconditionFailed" {
		return fmt.Errorf("it was exchanged while it was moved: %w", storage.ErrMismatch)
	}
	return err
}

// cameFrom is the metadata of a copy of an object: what the object had, and which one it was.
func (s *Store) cameFrom(o minio.ObjectInfo) map[string]string {
	m := maps.Clone(map[string]string(o.UserMetadata))
	if m == nil {
		m = map[string]string{}
	}
	m[originETag], m[originPath] = o.ETag, s.out(o.Key)
	return m
}

// isFrom reports whether an object was made as a copy of that very one.
func (s *Store) isFrom(o, origin minio.ObjectInfo) bool {
	return said(o, originETag) == origin.ETag && said(o, originPath) == s.out(origin.Key)
}

func said(o minio.ObjectInfo, key string) string { return o.UserMetadata[key] }
