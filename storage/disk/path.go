package disk

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// split checks a relative path and cuts it into its components. What CDT
// keeps for itself is outside, but for what was quarantined.
func split(path string) ([]string, error) {
	parts := strings.Split(path, "/")
	for _, p := range parts {
		if p == "" || p == "." || p == ".." || strings.ContainsRune(p, 0) {
			return nil, fmt.Errorf("path %q: %w", path, storage.ErrOutside)
		}
	}
	if own(parts[0]) && (parts[0] != opsdb.QuarantineDir || len(parts) == 1) {
		return nil, fmt.Errorf("path %q is kept for CDT itself: %w", path, storage.ErrOutside)
	}
	return parts, nil
}

// splitFinal is split for a name that is to be given: not in the quarantine.
func splitFinal(path string) ([]string, error) {
	parts, err := split(path)
	if err == nil && own(parts[0]) {
		err = fmt.Errorf("path %q is kept for CDT itself: %w", path, storage.ErrOutside)
	}
	return parts, err
}

// own tells the names in the root that CDT keeps for itself.
func own(name string) bool {
	switch name {
	case opsdb.MarkerName, opsdb.PartDir, opsdb.TrashDir, opsdb.QuarantineDir:
		return true
	}
	return false
}

// nameOf is the attempt's name as one safe component.
func nameOf(a storage.Attempt) (string, error) {
	name := a.Name()
	back, ok := parseAttempt(name)
	if !ok || back != a || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("attempt %q: %w", name, storage.ErrOutside)
	}
	return name, nil
}

// chain is the open directories from the root down; the root is not its own.
type chain struct{ dirs []*dir }

func (c chain) leaf() *dir { return c.dirs[len(c.dirs)-1] }

func (c chain) close() {
	for _, d := range c.dirs[1:] {
		d.close()
	}
}

// descend opens the directories of a path, one after the other.
func descend(root *dir, names []string) (chain, error) {
	return follow(root, names, (*dir).sub)
}

// build is descend that makes what is not there, durably.
func (d *Disk) build(ctx context.Context, root *dir, names []string) (chain, error) {
	return follow(root, names, func(at *dir, name string) (*dir, error) { return at.make(ctx, d.kernel, name) })
}

func follow(root *dir, names []string, next func(*dir, string) (*dir, error)) (chain, error) {
	c := chain{[]*dir{root}}
	for _, name := range names {
		sub, err := next(c.leaf(), name)
		if err != nil {
			c.close()
			return chain{}, err
		}
		c.dirs = append(c.dirs, sub)
	}
	return c, nil
}

// syncChain makes every directory of a path durable, the deepest first: one that
// exists may have been made by an attempt that was killed before it synced it.
func (d *Disk) syncChain(ctx context.Context, c chain) error {
	for i := len(c.dirs) - 1; i >= 0; i-- {
		if err := d.syncDir(ctx, c.dirs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) syncDir(ctx context.Context, at *dir) error {
	return act(ctx, "syncdir", func() error { return d.kernel.sync(at.f) })
}

// rename gives an entry another name, never replacing.
func (d *Disk) rename(ctx context.Context, from *dir, name string, to *dir, as string) error {
	return act(ctx, "rename", func() error { return d.kernel.place(from, name, to, as) })
}

// moveInto renames an entry to a path whose folders are made, never replacing,
// and makes both sides durable. A folder that is removed as empty in between is made again.
func (d *Disk) moveInto(ctx context.Context, root, from *dir, name string, to []string) error {
	for range 100 {
		err := d.moveOnce(ctx, root, from, name, to)
		if !errors.Is(err, unix.ENOENT) {
			return err
		}
		if _, gone := from.stat(name); gone != nil {
			return gone
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("the folders of %q vanish as often as they are made", strings.Join(to, "/")) // never "not there"
}

func (d *Disk) moveOnce(ctx context.Context, root, from *dir, name string, to []string) error {
	last := len(to) - 1
	c, err := d.build(ctx, root, to[:last])
	if err != nil {
		return err
	}
	defer c.close()
	if err := d.rename(ctx, from, name, c.leaf(), to[last]); err != nil {
		return err
	}
	return errors.Join(d.syncChain(ctx, c), d.syncDir(ctx, from))
}

// remove unlinks an entry that is no directory.
func (d *Disk) remove(ctx context.Context, at *dir, name string) error {
	return act(ctx, "unlink", func() error { return at.unlink(name, 0) })
}

// removeIfThere is remove that takes a missing entry as done.
func (d *Disk) removeIfThere(ctx context.Context, at *dir, name string) error {
	if _, err := at.stat(name); errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err := d.remove(ctx, at, name); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}
