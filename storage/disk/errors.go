package disk

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// failed says what d was doing when err came, in the words of package storage.
func (d *Disk) failed(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	if kind := kindOf(err); kind != nil && !errors.Is(err, kind) {
		err = fmt.Errorf("%w: %w", kind, err)
	}
	return fmt.Errorf("%s %s:%q: %w", doing, d.location, path, err)
}

// kindOf is the error of package storage for one of the system; nil if there is none.
func kindOf(err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	switch errno {
	case unix.ENOSPC, unix.EDQUOT:
		return storage.ErrFull
	case unix.EROFS:
		return storage.ErrReadOnly
	case unix.EACCES, unix.EPERM:
		return storage.ErrDenied
	case unix.ESTALE, unix.ENODEV, unix.ENXIO, unix.ENOTCONN, unix.ESHUTDOWN, unix.EHOSTDOWN, unix.EHOSTUNREACH:
		return storage.ErrOffline
	case unix.ELOOP, unix.ENOTDIR, unix.EISDIR:
		return storage.ErrIrregular
	}
	return nil
}

// offline is what is said of a root that is not there. The cause is not wrapped: that
// the root does not exist must never read as "the object does not exist".
func (d *Disk) offline(err error) error {
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return fmt.Errorf("root of %s: %w: %v", d.location, storage.ErrDenied, err)
	}
	return fmt.Errorf("root of %s: %w: %v (is %s mounted?)", d.location, storage.ErrOffline, err, d.path)
}
