package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// PartPath implements [storage.Receiver].
func (d *Disk) PartPath(ctx context.Context, a storage.Attempt) (string, error) {
	err := d.inParts(ctx, a, func(*dir, string) error { return nil })
	if err != nil {
		return "", d.failed("open the part of", a.Name(), err)
	}
	return filepath.Join(d.path, opsdb.PartDir, a.Name()), nil
}

// inParts calls do with the open .part, made if missing, and the attempt's name.
func (d *Disk) inParts(ctx context.Context, a storage.Attempt, do func(parts *dir, name string) error) error {
	name, err := nameOf(a)
	if err != nil {
		return err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	parts, err := root.make(ctx, d.kernel, opsdb.PartDir)
	if err != nil {
		return err
	}
	defer parts.close()
	return do(parts, name)
}

// AbsPath implements [storage.Receiver]. It is of a regular file at the moment of the call.
func (d *Disk) AbsPath(ctx context.Context, path string) (string, error) {
	f, err := d.openRegular(ctx, path)
	if err != nil {
		return "", err
	}
	return filepath.Join(d.path, filepath.FromSlash(path)), f.Close()
}

// Settle implements [storage.Receiver]. A part that turns out wrong stays:
// its good segments are worth something to the next attempt. One whose sync failed does not.
func (d *Disk) Settle(ctx context.Context, a storage.Attempt, path string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	r, err := d.settle(ctx, a, path, want, progress)
	if err != nil {
		return storage.Reading{}, d.failed("settle", path, err)
	}
	return r, nil
}

func (d *Disk) settle(ctx context.Context, a storage.Attempt, path string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	name, err := nameOf(a)
	if err != nil {
		return storage.Reading{}, err
	}
	c, err := d.begin(ctx, name, path, progress)
	if err != nil {
		return storage.Reading{}, err
	}
	defer c.end()
	err = c.syncPart()
	if errors.Is(err, fs.ErrNotExist) {
		return c.settled(want)
	}
	if err != nil {
		return storage.Reading{}, err
	}
	return c.commit(want, nil)
}

func (c *commit) syncPart() error {
	f, st, err := c.disk.openPart(c.ctx, c.parts, c.part)
	if err != nil {
		return err
	}
	tell(c.progress, storage.Syncing)(0)
	if err := c.disk.syncClose(c.ctx, f); err != nil {
		return errors.Join(err, c.disk.removeIfThere(context.WithoutCancel(c.ctx), c.parts, c.part))
	}
	tell(c.progress, storage.Syncing)(st.Size)
	return nil
}

// settled is for a part that is gone: an earlier call may have named it.
func (c *commit) settled(want storage.Expect) (storage.Reading, error) {
	missing := fmt.Errorf("part %s: %w", c.part, fs.ErrNotExist)
	if want.Digest == "" {
		return storage.Reading{}, missing
	}
	r, err := c.adopt(want)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, missing
	case errors.Is(err, fs.ErrExist):
		return r, fmt.Errorf("%w, and %v", missing, err)
	}
	return r, err
}

// ReadPart implements [storage.Receiver]. It reads from the medium.
func (d *Disk) ReadPart(ctx context.Context, a storage.Attempt, progress storage.Progress) (r storage.Reading, err error) {
	err = d.inParts(ctx, a, func(parts *dir, name string) error {
		f, _, err := d.openPart(ctx, parts, name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		r, _, err = d.digest(ctx, f, medium, tell(progress, storage.ReadingBack))
		return err
	})
	if err != nil {
		return storage.Reading{}, d.failed("read the part of", a.Name(), err)
	}
	return r, nil
}

// CopyPart implements [storage.Receiver]. The bytes do not leave the kernel where it can copy by itself.
func (d *Disk) CopyPart(ctx context.Context, from, to storage.Attempt, n int64) error {
	old, err := nameOf(from)
	if err == nil && from == to {
		err = fmt.Errorf("an attempt cannot copy its own part: %w", fs.ErrInvalid)
	}
	if err == nil {
		err = d.inParts(ctx, to, func(parts *dir, name string) error {
			return d.copyPart(ctx, parts, old, name, n)
		})
	}
	return d.failed("copy the part of", from.Name(), err)
}

func (d *Disk) copyPart(ctx context.Context, parts *dir, old, name string, n int64) error {
	src, _, err := d.openPart(ctx, parts, old)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := d.create(ctx, parts, name)
	if err != nil {
		return err
	}
	if err := errors.Join(copyBytes(ctx, dst, src, n), dst.Close()); err != nil {
		return errors.Join(err, d.removeIfThere(context.WithoutCancel(ctx), parts, name))
	}
	return nil
}

// copyBytes copies n bytes, looking for a cancel every two windows.
func copyBytes(ctx context.Context, dst, src *os.File, n int64) error {
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := io.CopyN(dst, src, min(n, 2*window))
		n -= m
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}
