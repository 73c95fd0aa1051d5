package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Trash implements [storage.Storage].
func (d *Disk) Trash(ctx context.Context, path string, a storage.Attempt) error {
	return d.failed("trash", path, d.throw(ctx, path, a, ""))
}

// Held implements [storage.Storage].
func (d *Disk) Held(ctx context.Context, a storage.Attempt) (info storage.Info, err error) {
	err = d.inTrash(ctx, a, "", func(_ *dir, at *dir, name string) error {
		st, err := at.stat(name)
		info = infoOf(path.Join(opsdb.TrashDir, name), st)
		if err == nil && !info.Mode.IsRegular() {
			err = irregular(name, info.Mode)
		}
		return err
	})
	return info, d.failed("look at the trash of", a.Name(), err)
}

// Restore implements [storage.Storage].
func (d *Disk) Restore(ctx context.Context, a storage.Attempt, path string) error {
	return d.failed("restore", path, d.putBack(ctx, a, "", path))
}

// Purge implements [storage.Storage].
func (d *Disk) Purge(ctx context.Context, a storage.Attempt) error {
	err := d.inTrash(ctx, a, "", func(_ *dir, at *dir, name string) error {
		if err := d.purge(ctx, at, name); err != nil {
			return err
		}
		return d.syncDir(ctx, at)
	})
	return d.failed("purge", a.Name(), err)
}

// purge unlinks a regular file and nothing else.
func (d *Disk) purge(ctx context.Context, at *dir, name string) error {
	st, err := at.stat(name)
	if err != nil {
		return err
	}
	if mode := modeOf(st.Mode); !mode.IsRegular() {
		return irregular(name, mode)
	}
	return d.remove(ctx, at, name)
}

// throw renames a regular file into the trash: to the attempt's name, or, with
// a number, to that name in the attempt's folder.
func (d *Disk) throw(ctx context.Context, from string, a storage.Attempt, number string) error {
	return d.at(ctx, from, func(at *dir, name string) error {
		for {
			st, err := at.stat(name)
			if err != nil {
				return err
			}
			if mode := modeOf(st.Mode); !mode.IsRegular() {
				return irregular(name, mode)
			}
			err = d.throwOnce(ctx, at, name, a, number)
			if number == "" || !errors.Is(err, unix.ENOENT) {
				return err
			}
			// The file went, or the attempt's folder did with the last one purged: look again.
		}
	})
}

func (d *Disk) throwOnce(ctx context.Context, at *dir, name string, a storage.Attempt, number string) error {
	return d.makeTrash(ctx, a, number, func(trash *dir, as string) error {
		if err := d.rename(ctx, at, name, trash, as); err != nil {
			return err
		}
		if number != "" {
			return nil // a crash that loses the rename loses nothing else; see PurgeFile
		}
		return errors.Join(d.syncDir(ctx, trash), d.syncDir(ctx, at))
	})
}

// makeTrash opens the place in the trash, making its folders.
func (d *Disk) makeTrash(ctx context.Context, a storage.Attempt, number string, do func(at *dir, as string) error) error {
	folders, as, err := trashed(a, number)
	if err != nil {
		return err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	c, err := d.build(ctx, root, folders)
	if err != nil {
		return err
	}
	defer c.close()
	return do(c.leaf(), as)
}

// inTrash calls do with what an attempt has in the trash.
func (d *Disk) inTrash(ctx context.Context, a storage.Attempt, number string, do func(root, at *dir, name string) error) error {
	folders, name, err := trashed(a, number)
	if err != nil {
		return err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	c, err := descend(root, folders)
	if err != nil {
		return err
	}
	defer c.close()
	return do(root, c.leaf(), name)
}

// trashed is where an attempt's object, or one of its files, lies in the trash.
func trashed(a storage.Attempt, number string) (folders []string, name string, err error) {
	name, err = nameOf(a)
	if number == "" {
		return []string{opsdb.TrashDir}, name, err
	}
	return []string{opsdb.TrashDir, name + treeSuffix}, number, err
}

// putBack gives what is in the trash its name again, without replacing.
func (d *Disk) putBack(ctx context.Context, a storage.Attempt, number, to string) error {
	names, err := split(to)
	if err != nil {
		return err
	}
	return d.inTrash(ctx, a, number, func(root, at *dir, name string) error {
		if _, err := at.stat(name); err != nil {
			return err // before folders are made for it
		}
		return d.moveInto(ctx, root, at, name, names)
	})
}

// Quarantine implements [storage.Storage]. The new path keeps the old one below a folder of the attempt.
func (d *Disk) Quarantine(ctx context.Context, from string, a storage.Attempt) (string, error) {
	moved, err := d.quarantine(ctx, from, a)
	return moved, d.failed("quarantine", from, err)
}

func (d *Disk) quarantine(ctx context.Context, from string, a storage.Attempt) (moved string, err error) {
	names, err := splitFinal(from)
	if err != nil {
		return "", err
	}
	folder, err := nameOf(a)
	if err != nil {
		return "", err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return "", err
	}
	defer root.close()
	err = d.at(ctx, from, func(at *dir, name string) error {
		if _, err := at.stat(name); err != nil {
			return err
		}
		for n := 0; ; n++ {
			to := append([]string{opsdb.QuarantineDir, numbered(folder, n)}, names...)
			err := d.moveInto(ctx, root, at, name, to)
			if errors.Is(err, unix.EEXIST) {
				continue
			}
			moved = path.Join(to...)
			return err
		}
	})
	if err != nil {
		return "", err
	}
	return moved, nil
}

func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(n)
}

// TrashFile implements [storage.Tree]. It is not synced by itself: after a
// crash the file is in the trash or at its path, whole in both, and the
// deletion asks for either.
func (d *Disk) TrashFile(ctx context.Context, path string, a storage.Attempt, n int) error {
	return d.failed("trash", path, d.throw(ctx, path, a, strconv.Itoa(n)))
}

// OpenTrashed implements [storage.Tree].
func (d *Disk) OpenTrashed(ctx context.Context, a storage.Attempt, n int) (storage.File, error) {
	var open *file
	err := d.inTrash(ctx, a, strconv.Itoa(n), func(_, at *dir, name string) error {
		f, _, err := at.regular(name)
		open = &file{File: f, path: path.Join(opsdb.TrashDir, a.Name()+treeSuffix, name)}
		return err
	})
	if err != nil {
		return nil, d.failed("open from the trash", fmt.Sprintf("%s %d", a.Name(), n), err)
	}
	return open, nil
}

// RestoreFile implements [storage.Tree].
func (d *Disk) RestoreFile(ctx context.Context, a storage.Attempt, n int, path string) error {
	err := d.putBack(ctx, a, strconv.Itoa(n), path)
	if err == nil || errors.Is(err, fs.ErrNotExist) { // killed before the first file came: the folder goes too
		err = errors.Join(err, d.emptied(ctx, a))
	}
	return d.failed("restore", path, err)
}

// PurgeFile implements [storage.Tree]. With the last file of the attempt its
// folder goes and all of it is made durable at once; until then a crash may show some files in the trash again.
func (d *Disk) PurgeFile(ctx context.Context, a storage.Attempt, n int) error {
	err := d.inTrash(ctx, a, strconv.Itoa(n), func(_, at *dir, name string) error {
		return d.purge(ctx, at, name)
	})
	if err == nil {
		err = d.emptied(ctx, a)
	}
	return d.failed("purge", fmt.Sprintf("%s %d", a.Name(), n), err)
}

// emptied removes the attempt's folder in the trash once nothing is in it.
func (d *Disk) emptied(ctx context.Context, a storage.Attempt) error {
	return d.inTrash(ctx, a, "", func(_, trash *dir, name string) error {
		removed, err := d.removeIfEmpty(ctx, trash, name+treeSuffix)
		if err != nil || !removed {
			return err
		}
		return d.syncDir(ctx, trash)
	})
}

// removeIfEmpty removes a directory with nothing in it; one that is not there counts as not removed.
func (d *Disk) removeIfEmpty(ctx context.Context, at *dir, name string) (bool, error) {
	sub, err := at.sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, more := sub.f.Readdirnames(1)
	sub.close()
	if more == nil {
		return false, nil
	}
	err = act(ctx, "rmdir", func() error { return at.unlink(name, unix.AT_REMOVEDIR) })
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil, err
}
