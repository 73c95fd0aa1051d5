package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/opsdb"
)

// Objects is a location that is an object store. Paths are relative to the location.
type Objects interface {
	// List streams every object with its size, CDT's own included.
	List(ctx context.Context) iter.Seq2[Object, error]
	// Open reads an object whole; fs.ErrNotExist: there is none.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	// Unfinished are the paths of uploads that were begun and not ended.
	Unfinished(ctx context.Context) ([]string, error)
}

// Object is one object of a store.
type Object struct {
	Path string
	Size int64
}

// Bucket is the objects of a bucket below a prefix, read with nothing but the S3 client.
func Bucket(client *minio.Client, bucket, prefix string) Objects {
	if prefix != "" {
		prefix = strings.Trim(prefix, "/") + "/"
	}
	return s3bucket{client, bucket, prefix}
}

type s3bucket struct {
	client         *minio.Client
	bucket, prefix string
}

func (b s3bucket) List(ctx context.Context) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for o := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
			if !yield(Object{strings.TrimPrefix(o.Key, b.prefix), o.Size}, o.Err) || o.Err != nil {
				return
			}
		}
	}
}

func (b s3bucket) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	o, err := b.client.GetObject(ctx, b.bucket, b.prefix+path, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := o.Stat(); err != nil {
		return nil, errors.Join(absent(err), o.Close())
	}
	return o, nil
}

func absent(err error) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

func (b s3bucket) Unfinished(ctx context.Context) ([]string, error) {
	var out []string
	for u := range b.client.ListIncompleteUploads(ctx, b.bucket, b.prefix, true) {
		if u.Err != nil {
			return nil, u.Err
		}
		out = append(out, strings.TrimPrefix(u.Key, b.prefix))
	}
	return out, nil
}

// list is walk for an object store.
func (r *run) list(ctx context.Context, location string, store Objects) ([]object, error) {
	var out []object
	for o, err := range store.List(ctx) {
		if err != nil {
			return nil, err
		}
		top, _, _ := strings.Cut(o.Path, "/")
		switch {
		case o.Path == opsdb.MarkerName:
		case ours(top):
			r.note(object{location, o.Path, 0}.String(), "a leftover")
		default:
			out = append(out, object{location, o.Path, o.Size})
			r.seen.files[original{location, o.Path}] = o.Size
		}
	}
	unfinished, err := store.Unfinished(ctx)
	for _, path := range unfinished {
		r.note(object{location, path, 0}.String(), "an unfinished upload")
	}
	return out, err
}

// looksAt reports whether a location is looked at.
func (r *run) looksAt(location string) bool {
	_, folder := r.Roots[location]
	_, store := r.Objects[location]
	return folder || store
}

// looked are the locations that are looked at, in order.
func (r *run) looked() []string {
	var out []string
	for location := range r.Roots {
		out = append(out, location)
	}
	for location := range r.Objects {
		if _, twice := r.Roots[location]; !twice {
			out = append(out, location)
		}
	}
	slices.Sort(out)
	return out
}
