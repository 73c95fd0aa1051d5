package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// removable is what every method begins with that moves or removes what has a name.
func (s *Store) removable(ctx context.Context, a storage.Attempt) (name string, err error) {
	if s.o.Archive {
		return "", fmt.Errorf("%s: %w", s.location, storage.ErrKept)
	}
	if name, err = nameOf(a); err != nil {
		return "", err
	}
	return name, s.enter(ctx)
}

func (s *Store) trashKey(name string) string { return s.in(opsdb.TrashDir + "/" + name) }

// Trash implements [storage.Storage].
func (s *Store) Trash(ctx context.Context, path string, a storage.Attempt) error {
	key, err := s.key(path)
	if err != nil {
		return err
	}
	name, err := s.removable(ctx, a)
	if err != nil {
		return err
	}
	o, err := s.stat(ctx, key)
	if err == nil {
		err = s.move(ctx, o, s.trashKey(name))
	}
	return s.failed(ctx, "trash", path, err)
}

// Held implements [storage.Storage]. The identity is that of the object that was taken away: what is
// held was copied from it inside the server, on the condition that it was that one.
func (s *Store) Held(ctx context.Context, a storage.Attempt) (storage.Info, error) {
	name, err := s.removable(ctx, a)
	if err != nil {
		return storage.Info{}, err
	}
	o, err := s.stat(ctx, s.trashKey(name))
	if err != nil {
		return storage.Info{}, s.failed(ctx, "look at the trash of", name, err)
	}
	info := s.info(o)
	info.Identity = said(o, originETag)
	return info, nil
}

// Restore implements [storage.Storage]. If the object never went, because the attempt was killed between the copy and
// the removal, only the copy goes.
func (s *Store) Restore(ctx context.Context, a storage.Attempt, path string) error {
	key, err := s.key(path)
	if err != nil {
		return err
	}
	name, err := s.removable(ctx, a)
	if err != nil {
		return err
	}
	return s.failed(ctx, "restore", path, s.restore(ctx, s.trashKey(name), key))
}

func (s *Store) restore(ctx context.Context, from, key string) error {
	o, err := s.stat(ctx, from)
	if err != nil {
		return err
	}
	err = s.copyTo(ctx, o, key, s.cameFrom(o))
	if code(err) == "PreconditionFailed" {
		there, bad := s.stat(ctx, key)
		if bad != nil {
			return bad
		}
		neverWent := there.ETag == said(o, originETag)
		if !neverWent && !s.isFrom(there, o) || there.Size != o.Size {
			return fs.ErrExist
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return s.remove(ctx, "remove", from, o.ETag)
}

// Purge implements [storage.Storage]. In a bucket with versions an older version stays until the bucket's own rules remove it.
func (s *Store) Purge(ctx context.Context, a storage.Attempt) error {
	name, err := s.removable(ctx, a)
	if err != nil {
		return err
	}
	o, err := s.stat(ctx, s.trashKey(name))
	if err == nil {
		err = s.remove(ctx, "purge", s.trashKey(name), o.ETag)
	}
	return s.failed(ctx, "purge", name, err)
}

// Quarantine implements [storage.Storage]. The new path keeps the old one below a folder of the attempt.
func (s *Store) Quarantine(ctx context.Context, path string, a storage.Attempt) (string, error) {
	key, err := s.finalKey(path)
	if err != nil {
		return "", err
	}
	name, err := s.removable(ctx, a)
	if err != nil {
		return "", err
	}
	o, err := s.stat(ctx, key)
	if err != nil {
		return "", s.failed(ctx, "quarantine", path, err)
	}
	for n := 0; ; n++ {
		moved := opsdb.QuarantineDir + "/" + numbered(name, n) + "/" + path
		err := s.move(ctx, o, s.in(moved))
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", s.failed(ctx, "quarantine", path, err)
		}
		return moved, nil
	}
}

func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(n)
}
