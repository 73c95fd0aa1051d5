package storagetest

import (
	"context"
	"iter"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

func (s *faultyStorage) PutSmall(ctx context.Context, a storage.Attempt, path string, content []byte) error {
	if err := s.f.fails("PutSmall", path); err != nil {
		return err
	}
	return s.inner.PutSmall(ctx, a, path, content)
}

func (s *faultyStorage) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	if err := s.f.fails("List", prefix); err != nil {
		return func(yield func(storage.Info, error) bool) { yield(storage.Info{Path: prefix}, err) }
	}
	return s.inner.List(ctx, prefix)
}

func (s *faultyStorage) Quarantine(ctx context.Context, path string, a storage.Attempt) (string, error) {
	if err := s.f.fails("Quarantine", path); err != nil {
		return "", err
	}
	return s.inner.Quarantine(ctx, path, a)
}

func (s *faultyStorage) Trash(ctx context.Context, path string, a storage.Attempt) error {
	if err := s.f.fails("Trash", path); err != nil {
		return err
	}
	return s.inner.Trash(ctx, path, a)
}

func (s *faultyStorage) Held(ctx context.Context, a storage.Attempt) (storage.Info, error) {
	if err := s.f.fails("Held", ""); err != nil {
		return storage.Info{}, err
	}
	return s.inner.Held(ctx, a)
}

func (s *faultyStorage) Restore(ctx context.Context, a storage.Attempt, path string) error {
	if err := s.f.fails("Restore", path); err != nil {
		return err
	}
	return s.inner.Restore(ctx, a, path)
}

func (s *faultyStorage) Purge(ctx context.Context, a storage.Attempt) error {
	if err := s.f.fails("Purge", ""); err != nil {
		return err
	}
	return s.inner.Purge(ctx, a)
}

func (s *faultyStorage) Trashed(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	if err := s.f.fails("Trashed", ""); err != nil {
		return nil, err
	}
	return s.inner.Trashed(ctx, task)
}

func (s *faultyStorage) Leftovers(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	if err := s.f.fails("Leftovers", ""); err != nil {
		return nil, err
	}
	return s.inner.Leftovers(ctx, task)
}

func (s *faultyStorage) Discard(ctx context.Context, a storage.Attempt) error {
	if err := s.f.fails("Discard", ""); err != nil {
		return err
	}
	return s.inner.Discard(ctx, a)
}

func (s *faultyStorage) Reclaim(ctx context.Context, age time.Duration, keep func(storage.Attempt) bool) (int, error) {
	if err := s.f.fails("Reclaim", ""); err != nil {
		return 0, err
	}
	return s.inner.Reclaim(ctx, age, keep)
}
