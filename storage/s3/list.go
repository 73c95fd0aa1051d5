package s3

import (
	"context"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/ccatobs/cdt/storage"
)

// List implements [storage.Storage]. A prefix is a folder, as on a disk.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		below := s.in("")
		if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" && prefix != "." {
			if err := check(prefix); err != nil {
				yield(storage.Info{Path: prefix}, err)
				return
			}
			below = s.in(prefix) + "/"
		}
		if err := s.enter(ctx); err != nil {
			yield(storage.Info{Path: prefix}, err)
			return
		}
		for o, err := range s.list(ctx, below, "") {
			if !yield(s.info(o), s.failed(ctx, "list", prefix, err)) || err != nil {
				return
			}
		}
	}
}

// list streams the objects whose keys begin so, after a key, without what CDT keeps for itself at the root unless asked for.
func (s *Store) list(ctx context.Context, below, after string) iter.Seq2[minio.ObjectInfo, error] {
	inside := own(firstOf(s.out(below)))
	return func(yield func(minio.ObjectInfo, error) bool) {
		for o, err := range s.listAll(ctx, below, after) {
			if err == nil && !inside && own(firstOf(s.out(o.Key))) {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func firstOf(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

// pageSize is how many keys one answer has.
const pageSize = 1000

// listAll streams all objects, page by page; an answer that fails is asked for again by itself.
func (s *Store) listAll(ctx context.Context, below, after string) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		for {
			page, err := s.page(ctx, below, after)
			if err != nil {
				yield(minio.ObjectInfo{Key: below}, err)
				return
			}
			for _, o := range page {
				after = o.Key
				if !strings.HasSuffix(o.Key, "/") && !yield(o, nil) { // a gateway's folder is no object
					return
				}
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

func (s *Store) page(ctx context.Context, below, after string) ([]minio.ObjectInfo, error) {
	return call(ctx, s, func(ctx context.Context, _ *exchange) ([]minio.ObjectInfo, error) {
		var page []minio.ObjectInfo
		o := minio.ListObjectsOptions{Prefix: below, Recursive: true, StartAfter: after, MaxKeys: pageSize}
		for o := range s.client.ListObjectsIter(ctx, s.o.Bucket, o) {
			if o.Err != nil {
				return nil, o.Err
			}
			if page = append(page, o); len(page) == pageSize {
				break
			}
		}
		return page, ctx.Err()
	})
}
