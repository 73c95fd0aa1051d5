package disk

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// Stat implements [storage.Storage]. What is not a regular file is told by its mode; a symlink is never followed.
func (d *Disk) Stat(ctx context.Context, path string) (storage.Info, error) {
	var info storage.Info
	err := d.at(ctx, path, func(at *dir, name string) error {
		st, err := at.stat(name)
		info = infoOf(path, st)
		return err
	})
	if err != nil {
		return storage.Info{}, d.failed("stat", path, err)
	}
	return info, nil
}

// at calls do with the open directory of a path and the path's last name.
func (d *Disk) at(ctx context.Context, path string, do func(at *dir, name string) error) error {
	names, err := split(path)
	if err != nil {
		return err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	c, err := descend(root, names[:len(names)-1])
	if err != nil {
		return err
	}
	defer c.close()
	return do(c.leaf(), names[len(names)-1])
}

// openRegular opens a regular file for reading.
func (d *Disk) openRegular(ctx context.Context, path string) (f *os.File, err error) {
	err = d.at(ctx, path, func(at *dir, name string) error {
		f, _, err = at.regular(name)
		return err
	})
	return f, d.failed("open", path, err)
}

// Open implements [storage.Storage].
func (d *Disk) Open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error) {
	f, err := d.openRegular(ctx, path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, d.failed("open", path, err)
	}
	_ = unix.Fadvise(int(f.Fd()), offset, max(length, 0), unix.FADV_SEQUENTIAL)
	r := &section{ctx: ctx, f: f, left: length}
	if length < 0 {
		r.left = 1<<63 - 1
	}
	return r, nil
}

// section is a part of an open file. It has none of the file's other methods:
// its WriteTo would go past the end of the section.
type section struct {
	f    *os.File
	ctx  context.Context
	left int64
}

// Close implements io.Closer.
func (s *section) Close() error { return s.f.Close() }

func (s *section) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.left <= 0 {
		return 0, io.EOF
	}
	n, err := s.f.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

// Raw is the open file, at its offset, for one who copies inside the kernel.
func (s *section) Raw() *os.File { return s.f }

// Read implements [storage.Storage].
func (d *Disk) Read(ctx context.Context, path string, fromMedium bool, progress storage.Progress) (storage.Reading, error) {
	f, err := d.openRegular(ctx, path)
	if err != nil {
		return storage.Reading{}, err
	}
	defer func() { _ = f.Close() }()
	from := cached
	if fromMedium {
		from = medium
	}
	r, _, err := d.digest(ctx, f, from, tell(progress, storage.ReadingBack))
	if err != nil {
		return storage.Reading{}, d.failed("read", path, err)
	}
	return r, nil
}

// readBack reads a file from the medium and compares it.
func (d *Disk) readBack(ctx context.Context, at *dir, name string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	r, _, err := d.readMedium(ctx, at, name, medium, progress)
	if err != nil {
		return r, err
	}
	return r, compare(r, want)
}

func (d *Disk) readMedium(ctx context.Context, at *dir, name string, from source, progress storage.Progress) (storage.Reading, guard, error) {
	return d.readKept(ctx, at, name, from, 0, progress)
}

// readKept is readMedium that leaves the first bytes it has read in the cache.
func (d *Disk) readKept(ctx context.Context, at *dir, name string, from source, keep int64, progress storage.Progress) (storage.Reading, guard, error) {
	f, _, err := at.regular(name)
	if err != nil {
		return storage.Reading{}, guard{}, err
	}
	defer func() { _ = f.Close() }()
	return d.digestKept(ctx, f, from, keep, tell(progress, storage.ReadingBack))
}

// compare holds a reading against what it must be; an empty digest says nothing.
func compare(r storage.Reading, want storage.Expect) error {
	if want.Digest == "" || r.Digest == want.Digest && r.Size == want.Size {
		return nil
	}
	return fmt.Errorf("read %s of %d bytes, expected %s of %d: %w", r.Digest, r.Size, want.Digest, want.Size, storage.ErrMismatch)
}

// tell is progress of one phase; it may be called when progress is nil.
func tell(progress storage.Progress, phase string) func(int64) {
	if progress == nil {
		return func(int64) {}
	}
	return func(n int64) { progress(phase, n) }
}
