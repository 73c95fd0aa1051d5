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
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%s %s:%q: %w: another file system is mounted below %s, and a location is one: give what is mounted there a location of its own (%w)",
			doing, d.location, path, storage.ErrUnsafe, d.path, err)
	}
	return fmt.Errorf("%s %s:%q: %w", doing, d.location, path, storage.FromSystem(err))
}

// offline is what is said of a root that is not there. The cause is not wrapped: that
// the root does not exist must never read as "the object does not exist".
func (d *Disk) offline(err error) error {
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return fmt.Errorf("root of %s: %w: %v", d.location, storage.ErrDenied, err)
	}
	return fmt.Errorf("root of %s: %w: %v (is %s mounted?)", d.location, storage.ErrOffline, err, d.path)
}
