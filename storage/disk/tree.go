package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// file is an open regular file.
type file struct {
	*os.File
	path string
}

// Info implements [storage.File].
func (f *file) Info() (storage.Info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", f.path, err)
	}
	return infoOf(f.path, st), nil
}

// OpenFile implements [storage.Tree].
func (d *Disk) OpenFile(ctx context.Context, path string) (storage.File, error) {
	f, err := d.openRegular(ctx, path)
	if err != nil {
		return nil, err
	}
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	_ = unix.Fadvise(int(f.Fd()), 0, window, unix.FADV_WILLNEED)
	return &file{f, path}, nil
}

// WriteFile implements [storage.Tree]. What fails leaves no file.
func (d *Disk) WriteFile(ctx context.Context, a storage.Attempt, path string, modTime time.Time, content io.Reader) error {
	err := d.inTree(ctx, a, path, true, func(at *dir, name string) error {
		f, err := d.createNew(ctx, at, name)
		if err != nil {
			return err
		}
		if err := d.writeFile(ctx, at, name, f, modTime, content); err != nil {
			return errors.Join(err, d.removeIfThere(context.WithoutCancel(ctx), at, name))
		}
		return nil
	})
	return d.failed("unpack", path, err)
}

func (d *Disk) writeFile(ctx context.Context, at *dir, name string, f *os.File, modTime time.Time, content io.Reader) error {
	copied := func(w io.Writer) error {
		_, err := w.(io.ReaderFrom).ReadFrom(content)
		return err
	}
	_, _, _, err := d.fill(ctx, f, copied, func(int64) {}, guard{}, nil)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = act(ctx, "chtimes", func() error { return setTime(at, name, modTime) })
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return d.syncClose(ctx, f)
}

func setTime(at *dir, name string, t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return fmt.Errorf("modification time %v: %w", t, err)
	}
	both := []unix.Timespec{ts, ts}
	return again(func() error { return unix.UtimesNanoAt(at.fd(), name, both, unix.AT_SYMLINK_NOFOLLOW) })
}

// inTree calls do with the directory of a path in the attempt's unpack
// folder. The folders made on the way become durable with CommitTree.
func (d *Disk) inTree(ctx context.Context, a storage.Attempt, path string, build bool, do func(at *dir, name string) error) error {
	names := strings.Split(path, "/")
	for _, n := range names {
		if n == "" || n == "." || n == ".." || strings.ContainsRune(n, 0) {
			return fmt.Errorf("path %q: %w", path, storage.ErrOutside)
		}
	}
	return d.inParts(ctx, a, func(parts *dir, name string) error {
		next := (*dir).sub
		if build {
			next = func(at *dir, name string) (*dir, error) { return at.make(ctx, nil, name) }
		}
		c, err := follow(parts, append([]string{name + treeSuffix}, names[:len(names)-1]...), next)
		if err != nil {
			return err
		}
		defer c.close()
		return do(c.leaf(), names[len(names)-1])
	})
}

// ReadTree implements [storage.Tree].
func (d *Disk) ReadTree(ctx context.Context, a storage.Attempt, path string, progress storage.Progress) (r storage.Reading, err error) {
	err = d.inTree(ctx, a, path, false, func(at *dir, name string) error {
		r, _, err = d.readMedium(ctx, at, name, synced, progress)
		return err
	})
	if err != nil {
		return storage.Reading{}, d.failed("read back", path, err)
	}
	return r, nil
}

// CommitTree implements [storage.Tree]. The files were synced when they were written.
func (d *Disk) CommitTree(ctx context.Context, a storage.Attempt, path string) error {
	return d.failed("commit the folder", path, d.commitTree(ctx, a, path))
}

func (d *Disk) commitTree(ctx context.Context, a storage.Attempt, path string) error {
	name, err := nameOf(a)
	if err != nil {
		return err
	}
	c, err := d.begin(ctx, name+treeSuffix, path, nil)
	if err != nil {
		return err
	}
	defer c.end()
	tree, err := c.parts.sub(c.part)
	if err != nil {
		return err
	}
	defer tree.close()
	if err := d.syncTree(ctx, tree); err != nil {
		return err
	}
	if err := d.stillThere(ctx, c.root); err != nil {
		return err
	}
	return d.moveInto(ctx, c.root, c.parts, c.part, c.final)
}

// syncTree makes every directory below at, and at itself, durable.
func (d *Disk) syncTree(ctx context.Context, at *dir) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := eachName(at, func(e named) error {
		if !e.dir {
			return nil
		}
		sub, err := at.sub(e.name)
		if err != nil {
			return err
		}
		defer sub.close()
		return d.syncTree(ctx, sub)
	})
	if err != nil {
		return err
	}
	return d.syncDir(ctx, at)
}

// DiscardTree implements [storage.Tree]. Missing is fine.
func (d *Disk) DiscardTree(ctx context.Context, a storage.Attempt) error {
	err := d.inParts(ctx, a, func(parts *dir, name string) error {
		return d.removeAll(ctx, parts, name+treeSuffix)
	})
	return d.failed("discard the folder of", a.Name(), err)
}

// RemoveDirs implements [storage.Tree].
func (d *Disk) RemoveDirs(ctx context.Context, path string) error {
	return d.failed("remove the empty directories of", path, d.removeDirs(ctx, path))
}

func (d *Disk) removeDirs(ctx context.Context, path string) error {
	names, err := splitFinal(path)
	if err != nil {
		return err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	for last := len(names) - 1; last > 0; last-- {
		c, err := descend(root, names[:last-1])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, missing := c.leaf().stat(names[last-1])
		removed, err := d.removeIfEmpty(ctx, c.leaf(), names[last-1])
		c.close()
		if err != nil || !removed && missing == nil {
			return err
		}
	}
	return nil
}
