package disk

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// PartSize implements [storage.PartSizer].
func (d *Disk) PartSize(ctx context.Context, a storage.Attempt) (size int64, err error) {
	err = d.inParts(ctx, a, func(parts *dir, name string) error {
		st, err := parts.stat(name)
		if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
			err = irregular(name, modeOf(st.Mode))
		}
		size = st.Size
		return err
	})
	if err != nil {
		return 0, d.failed("look at the part of", a.Name(), err)
	}
	return size, nil
}

// openPart opens a part for reading. Some tools let a file be written only,
// even by its owner, until they are through with it; one that was ended on the way left it so.
func (d *Disk) openPart(ctx context.Context, parts *dir, name string) (*os.File, unix.Stat_t, error) {
	const ours = unix.S_IRUSR | unix.S_IWUSR
	st, err := parts.stat(name)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&ours != ours {
		mode := st.Mode&0o777 | ours
		err = act(ctx, "chmod", func() error {
			return again(func() error { return unix.Fchmodat(parts.fd(), name, mode, 0) })
		})
	}
	if err != nil {
		return nil, st, err
	}
	return parts.regular(name)
}
