package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// kernel is what tests replace to let the system fail.
type kernel interface {
	// sync makes a file or directory durable.
	sync(f *os.File) error
	// place renames without replacing: EEXIST if the new name is taken.
	place(from *dir, name string, to *dir, as string) error
	// drop throws a range of a file's clean pages out of the page cache; length 0: to the end.
	drop(f *os.File, offset, length int64) error
	// write is f.Write.
	write(f *os.File, p []byte) (int, error)
}

type linux struct{}

func (linux) sync(f *os.File) error                   { return f.Sync() }
func (linux) write(f *os.File, p []byte) (int, error) { return f.Write(p) }
func (linux) drop(f *os.File, offset, length int64) error {
	return again(func() error { return unix.Fadvise(int(f.Fd()), offset, length, unix.FADV_DONTNEED) })
}

func (linux) place(from *dir, name string, to *dir, as string) error {
	err := again(func() error {
		return unix.Renameat2(from.fd(), name, to.fd(), as, unix.RENAME_NOREPLACE)
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) {
		return placeByLink(from, name, to, as)
	}
	return err
}

// placeByLink is place for file systems without RENAME_NOREPLACE. Directories
// cannot be linked; a plain rename of one replaces nothing but an empty directory.
func placeByLink(from *dir, name string, to *dir, as string) error {
	st, err := from.stat(name)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if _, err := to.stat(as); err == nil {
			return unix.EEXIST
		} else if !errors.Is(err, unix.ENOENT) {
			return err
		}
		return again(func() error { return unix.Renameat(from.fd(), name, to.fd(), as) })
	}
	if err := again(func() error { return unix.Linkat(from.fd(), name, to.fd(), as, 0) }); err != nil {
		return err
	}
	return from.unlink(name, 0)
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		err := call()
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
