package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// dir is an open directory; everything in it is reached by one name at a
// time and never through a symlink.
type dir struct{ f *os.File }

func (d *dir) fd() int { return int(d.f.Fd()) }
func (d *dir) close()  { _ = d.f.Close() }

// open opens the entry name; flags always include O_NOFOLLOW and O_CLOEXEC.
func (d *dir) open(name string, flags int, mode uint32) (*os.File, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY, mode)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// sub opens a directory in d.
func (d *dir) sub(name string) (*dir, error) {
	f, err := d.open(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%q is no directory: %w", name, storage.ErrIrregular)
	}
	if err != nil {
		return nil, err
	}
	return &dir{f}, nil
}

// regular opens a regular file for reading: nothing else is ever opened, so
// that no FIFO hangs and no device is touched.
func (d *dir) regular(name string) (*os.File, unix.Stat_t, error) {
	var opened unix.Stat_t
	before, err := d.stat(name)
	if err != nil {
		return nil, opened, err
	}
	if before.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, opened, irregular(name, modeOf(before.Mode))
	}
	f, err := d.open(name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		return nil, opened, fmt.Errorf("%q changed its type: %w", name, storage.ErrIrregular)
	}
	if err != nil {
		return nil, opened, err
	}
	if err := unix.Fstat(int(f.Fd()), &opened); err != nil {
		_ = f.Close()
		return nil, opened, err
	}
	if opened.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = f.Close()
		return nil, opened, irregular(name, modeOf(opened.Mode))
	}
	return f, opened, nil
}

// stat looks at the entry itself.
func (d *dir) stat(name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

func (d *dir) unlink(name string, flags int) error {
	return again(func() error { return unix.Unlinkat(d.fd(), name, flags) })
}

// make makes the directory name if it is not there and opens it. With a nil
// kernel it is not made durable here.
func (d *dir) make(ctx context.Context, k kernel, name string) (*dir, error) {
	sub, err := d.sub(name)
	if !errors.Is(err, unix.ENOENT) {
		return sub, err
	}
	err = act(ctx, "mkdir", func() error {
		return again(func() error { return unix.Mkdirat(d.fd(), name, 0o755) })
	})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	if k == nil {
		return d.sub(name)
	}
	if err := act(ctx, "syncdir", func() error { return k.sync(d.f) }); err != nil {
		return nil, err
	}
	return d.sub(name)
}

// namesIn are the entries of a directory that holds few, in no order.
func namesIn(d *dir) (names []string, err error) {
	err = eachName(d, func(e named) error {
		names = append(names, e.name)
		return nil
	})
	return names, err
}

func irregular(name string, mode fs.FileMode) error {
	what := "a special file"
	switch mode.Type() {
	case fs.ModeDir:
		what = "a directory"
	case fs.ModeSymlink:
		what = "a symlink"
	case fs.ModeNamedPipe:
		what = "a FIFO"
	case fs.ModeSocket:
		what = "a socket"
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		what = "a device"
	}
	return fmt.Errorf("%q is %s: %w", name, what, storage.ErrIrregular)
}

func modeOf(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	default:
		mode |= fs.ModeIrregular
	}
	return mode
}

func infoOf(path string, st unix.Stat_t) storage.Info {
	return storage.Info{
		Path:     path,
		Size:     st.Size,
		ModTime:  time.Unix(st.Mtim.Unix()).UTC(),
		Identity: identity(st),
		Mode:     modeOf(st.Mode),
	}
}

func identity(st unix.Stat_t) string { return fmt.Sprintf("%d:%d", st.Dev, st.Ino) }
