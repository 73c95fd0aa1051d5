package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// maxMarker is more than a marker can have, in bytes.
const maxMarker = 64 << 10

// stamp tells whether a file is still the one that was read.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func stampOf(st unix.Stat_t) stamp {
	return stamp{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
}

// enter opens the root and checks its marker: the first thing every method does. The caller closes it.
func (d *Disk) enter(ctx context.Context) (*dir, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	root, err := d.openRoot()
	if err != nil {
		return nil, err
	}
	if _, err := d.checkMarker(root); err != nil {
		root.close()
		return nil, err
	}
	return root, nil
}

func (d *Disk) openRoot() (*dir, error) {
	f, err := os.OpenFile(d.path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, d.offline(err)
	}
	return &dir{f}, nil
}

// stillThere checks that the root a long work began in is still the one at
// its path: a disk that was unmounted lazily goes on taking writes.
func (d *Disk) stillThere(ctx context.Context, root *dir) error {
	now, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer now.close()
	var a, b unix.Stat_t
	if err := errors.Join(unix.Fstat(root.fd(), &a), unix.Fstat(now.fd(), &b)); err != nil {
		return d.offline(err)
	}
	if a.Dev != b.Dev || a.Ino != b.Ino {
		return d.offline(errors.New("another file system lies at the root's path"))
	}
	return nil
}

// checkMarker reads the marker, if it is not the one already read, and compares it.
func (d *Disk) checkMarker(root *dir) (opsdb.Marker, error) {
	st, err := root.stat(opsdb.MarkerName)
	if err != nil {
		return opsdb.Marker{}, d.offline(fmt.Errorf("marker %s: %w", opsdb.MarkerName, err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if stampOf(st) != d.seen {
		m, err := readMarker(root)
		if err != nil {
			return m, fmt.Errorf("marker of %s: %w: %v", d.location, storage.ErrForeign, err)
		}
		d.seen, d.read = stampOf(st), m
	}
	if err := d.compare(d.read); err != nil {
		return d.read, err
	}
	d.marker = d.read.ID
	return d.read, nil
}

// compare is called with mu held.
func (d *Disk) compare(m opsdb.Marker) error {
	switch {
	case d.marker != "" && m.ID != d.marker:
		return fmt.Errorf("root %s of %s has marker %s of %s, expected %s: %w", d.path, d.location, m.ID, m.Location, d.marker, storage.ErrForeign)
	case d.marker == "" && m.Location != d.location:
		return fmt.Errorf("root %s of %s has the marker of %s: %w", d.path, d.location, m.Location, storage.ErrForeign)
	}
	return nil
}

func readMarker(root *dir) (opsdb.Marker, error) {
	var m opsdb.Marker
	f, _, err := root.regular(opsdb.MarkerName)
	if err != nil {
		return m, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxMarker))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, err
	}
	if m.Version != opsdb.FormatVersion || m.ID == "" {
		return m, fmt.Errorf("version %d, id %q: not a marker this version knows", m.Version, m.ID)
	}
	return m, nil
}

// Check implements [storage.Storage]. With an error the health is as far as it is known.
func (d *Disk) Check(ctx context.Context) (storage.Health, error) {
	h := storage.Health{Free: -1}
	if err := ctx.Err(); err != nil {
		return h, err
	}
	root, err := d.openRoot()
	if err != nil {
		return h, err
	}
	defer root.close()
	if h.Marker, err = d.checkMarker(root); err != nil {
		return h, err
	}
	var st unix.Statfs_t
	if err := again(func() error { return unix.Fstatfs(root.fd(), &st) }); err != nil {
		return h, d.failed("look at the room of", ".", err)
	}
	h.Free, h.Total = int64(st.Bavail)*st.Frsize, int64(st.Blocks)*st.Frsize
	return h, d.failed("probe", ".", d.probe(ctx, root))
}

// probe writes, syncs, reads and removes a small file.
func (d *Disk) probe(ctx context.Context, root *dir) error {
	parts, err := root.make(ctx, d.kernel, opsdb.PartDir)
	if err != nil {
		return err
	}
	defer parts.close()
	name := probePrefix + string(opsdb.NewID())
	sum, err := d.writeSmall(ctx, parts, name, []byte(name))
	if err == nil {
		_, err = d.readBack(ctx, parts, name, storage.Expect{Digest: sum, Size: int64(len(name))}, nil)
	}
	return errors.Join(err, d.removeIfThere(context.WithoutCancel(ctx), parts, name))
}
