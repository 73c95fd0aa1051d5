package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Names in .part that belong to no attempt.
const (
	markerPrefix = "marker."
	probePrefix  = "probe."
)

// Init implements [storage.Storage]. A new file system's lost+found is no content.
func (d *Disk) Init(ctx context.Context, m opsdb.Marker, adopt bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.ID == "" || m.Version == 0 {
		return fmt.Errorf("init %s: the marker has no id or version", d.location)
	}
	if err := act(ctx, "mkdir", func() error { return os.MkdirAll(d.path, 0o755) }); err != nil {
		return d.failed("make the root of", d.path, err)
	}
	root, err := d.openRoot()
	if err != nil {
		return err
	}
	defer root.close()
	if _, err := root.stat(opsdb.MarkerName); errors.Is(err, unix.ENOENT) {
		if err := d.mark(ctx, root, m, adopt); err != nil {
			return err
		}
	}
	return d.accept(root, m)
}

// accept takes the marker that is there, if it is m.
func (d *Disk) accept(root *dir, m opsdb.Marker) error {
	there, err := readMarker(root)
	if err != nil {
		return fmt.Errorf("marker of %s: %w: %v", d.location, storage.ErrForeign, err)
	}
	if there.ID != m.ID {
		return fmt.Errorf("root %s of %s has marker %s of %s: %w", d.path, d.location, there.ID, there.Location, storage.ErrForeign)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.marker, d.seen = m.ID, stamp{}
	return nil
}

// mark writes the marker under an attempt's kind of name and places it without replacing.
func (d *Disk) mark(ctx context.Context, root *dir, m opsdb.Marker, adopt bool) error {
	if !adopt {
		if err := d.empty(root); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	parts, err := root.make(ctx, d.kernel, opsdb.PartDir)
	if err != nil {
		return d.failed("mark", ".", err)
	}
	defer parts.close()
	name := markerPrefix + string(opsdb.NewID())
	if _, err := d.writeSmall(ctx, parts, name, append(text, '\n')); err != nil {
		return d.failed("write the marker of", ".", err)
	}
	if err := d.rename(ctx, parts, name, root, opsdb.MarkerName); err != nil && !errors.Is(err, unix.EEXIST) {
		return d.failed("place the marker of", ".", err)
	}
	return d.failed("sync the root of", ".", errors.Join(d.removeIfThere(ctx, parts, name), d.syncDir(ctx, root)))
}

// empty reports a root with content. What a killed Init left is none.
func (d *Disk) empty(root *dir) error {
	names, err := namesIn(root)
	if err != nil {
		return d.failed("look into", ".", err)
	}
	for _, name := range names {
		if name == "lost+found" || name == opsdb.PartDir && onlyMarkers(root) {
			continue
		}
		return fmt.Errorf("root %s of %s holds %q: %w (adopt it, if it is the right one)", d.path, d.location, name, storage.ErrNotEmpty)
	}
	return nil
}

func onlyMarkers(root *dir) bool {
	parts, err := root.sub(opsdb.PartDir)
	if err != nil {
		return false
	}
	defer parts.close()
	names, err := namesIn(parts)
	for _, name := range names {
		if !strings.HasPrefix(name, markerPrefix) && !strings.HasPrefix(name, probePrefix) {
			return false
		}
	}
	return err == nil
}
