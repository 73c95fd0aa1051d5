package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// remover removes the files of a package, at their source or unpacked.
type remover struct {
	*run
	tree    treeStorage
	members *memberSpool
	prefix  string // folder of an unpacked package, with "/"; "" at a source
	kept    []opsdb.ChangedMember
	removed []opsdb.ID
}

func (r *run) newRemover(ctx context.Context, target opsdb.Copy, prefix string) (*remover, error) {
	tree, err := r.tree(target.Location)
	if err != nil {
		return nil, err
	}
	members, err := r.frozen(ctx)
	if err != nil {
		return nil, err
	}
	return &remover{run: r, tree: tree, members: members, prefix: prefix}, nil
}

func (d *remover) path(m opsdb.Member) string { return d.prefix + m.Path }

// deleteFiles removes the source files of a package. All are read and
// compared before the first goes: one that differs keeps them all, and a person is told (S1f).
func (r *run) deleteFiles(ctx context.Context, target opsdb.Copy) (opsdb.Outcome, error) {
	d, err := r.newRemover(ctx, target, "")
	if err != nil {
		return opsdb.Outcome{}, err
	}
	defer func() { _ = d.members.Close() }()
	if err := d.begin(ctx); err != nil {
		return opsdb.Outcome{}, err
	}
	seen, err := d.compareAll(ctx)
	if seen != nil {
		defer func() { _ = seen.Close() }()
	}
	if err != nil || len(d.kept) > 0 {
		return opsdb.Outcome{Kept: d.kept}, err
	}
	if err := d.confirm(ctx); err != nil {
		return opsdb.Outcome{}, err
	}
	if err := d.removeAll(ctx, seen); err != nil {
		return opsdb.Outcome{}, err
	}
	if len(d.kept) > 0 {
		return opsdb.Outcome{Kept: d.kept, Removed: d.removed}, nil
	}
	out := gone(target)
	out.Removed = d.removed
	return out, nil
}

// deleteTree removes the recorded members of an unpacked package and the
// folders that are empty then. What users put beside them, or wrote in their place, stays.
func (r *run) deleteTree(ctx context.Context, target opsdb.Copy) (opsdb.Outcome, error) {
	d, err := r.newRemover(ctx, target, target.Path+"/")
	if err != nil {
		return opsdb.Outcome{}, err
	}
	defer func() { _ = d.members.Close() }()
	if err := d.begin(ctx); err != nil {
		return opsdb.Outcome{}, err
	}
	seen, err := d.lookAtAll(ctx)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	defer func() { _ = seen.Close() }()
	if err := d.confirm(ctx); err != nil {
		return opsdb.Outcome{}, err
	}
	if err := d.removeAll(ctx, seen); err != nil {
		return opsdb.Outcome{}, err
	}
	return gone(target), nil
}

// begin asks the gate and puts back what earlier attempts held.
func (d *remover) begin(ctx context.Context) error {
	if err := d.confirm(ctx); err != nil {
		return errors.Join(err, d.restoreHeld(context.WithoutCancel(ctx)))
	}
	return d.restoreHeld(ctx)
}

// restoreHeld puts back files that earlier attempts took out of the way and
// did not unlink; this attempt compares them again.
func (d *remover) restoreHeld(ctx context.Context) error {
	attempts, err := d.tree.Trashed(ctx, d.a.Task.ID)
	if err != nil {
		return fmt.Errorf("look for earlier attempts: %w", err)
	}
	for _, a := range d.own(attempts) {
		held, err := d.tree.TrashedFiles(ctx, a)
		if err != nil {
			return fmt.Errorf("look for earlier attempts: %w", err)
		}
		if err := d.restore(ctx, a, held); err != nil {
			return err
		}
	}
	return nil
}

func (d *remover) restore(ctx context.Context, a storage.Attempt, held []int) error {
	which := map[int]bool{}
	for _, n := range held {
		which[n] = true
	}
	return d.each(ctx, func(n int, m opsdb.Member) error {
		if !which[n] {
			return nil
		}
		err := d.tree.RestoreFile(ctx, a, n, d.path(m))
		if err != nil && !missing(err) && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("put back %s: %w", opsdb.ShowPath(m.Path), err)
		}
		return nil
	})
}

// each visits the members with their number, which is the same in every attempt: their list is frozen.
func (d *remover) each(ctx context.Context, visit func(n int, m opsdb.Member) error) error {
	n := 0
	for m, err := range d.members.all() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = visit(n, m)
		}
		if err != nil {
			return err
		}
		n++
	}
	return nil
}

// compareAll reads every file from the medium and compares it with its member. It returns, per
// member, what was seen: its Identity, Size and ModTime are those of the file as read; without Identity it is not there.
func (d *remover) compareAll(ctx context.Context) (*memberSpool, error) {
	d.Phase(storage.ReadingBack, d.a.Package.Bytes)
	seen, err := newMemberSpool()
	if err != nil {
		return nil, err
	}
	return seen, d.each(ctx, func(_ int, m opsdb.Member) error {
		now, err := d.compareOne(ctx, m)
		if err != nil {
			return err
		}
		return seen.add(now)
	})
}

func (d *remover) compareOne(ctx context.Context, m opsdb.Member) (opsdb.Member, error) {
	before, err := d.tree.Stat(ctx, d.path(m))
	if missing(err) {
		m.Identity = ""
		return m, nil
	}
	var got storage.Reading
	if err == nil {
		got, err = d.readTwice(ctx, m)
	}
	switch {
	case errors.Is(err, storage.ErrIrregular), errors.Is(err, storage.ErrOutside):
		d.keep(m, "it is no regular file any more", storage.Info{})
		return m, nil
	case err != nil:
		return m, d.failed(ctx, d.tree.Location(), "read "+opsdb.ShowPath(m.Path), err)
	case got.Digest != m.Digest || got.Size != m.Size || got.Identity != before.Identity:
		d.keep(m, fmt.Sprintf("it has %d bytes and digest %s, packed were %d and %s", got.Size, got.Digest, m.Size, m.Digest), before)
	}
	m.Identity, m.Size, m.ModTime = before.Identity, before.Size, before.ModTime
	return m, nil
}

// readTwice reads a file, and once more before its data are blamed.
func (d *remover) readTwice(ctx context.Context, m opsdb.Member) (storage.Reading, error) {
	moved := func(_ string, n int64) { d.Moved(n) }
	got, err := d.tree.Read(ctx, d.path(m), true, moved)
	if err == nil && got.Digest != m.Digest {
		return d.tree.Read(ctx, d.path(m), true, moved)
	}
	return got, err
}

func (d *remover) keep(m opsdb.Member, reason string, now storage.Info) {
	d.kept = append(d.kept, opsdb.ChangedMember{File: m.File, Reason: reason, Gone: now.Identity == "",
		Size: now.Size, ModTime: now.ModTime, Identity: now.Identity})
}

// lookAtAll notes which members lie there as they were unpacked: same size and modification time.
func (d *remover) lookAtAll(ctx context.Context) (*memberSpool, error) {
	d.Phase(checking, 0)
	seen, err := newMemberSpool()
	if err != nil {
		return nil, err
	}
	return seen, d.each(ctx, func(_ int, m opsdb.Member) error {
		d.Moved(1)
		now, err := d.tree.Stat(ctx, d.path(m))
		m.Identity = ""
		switch {
		case err == nil && now.Mode.IsRegular() && now.Size == m.Size && now.ModTime.Equal(m.ModTime):
			m.Identity = now.Identity
		case err != nil && !missing(err) && !errors.Is(err, storage.ErrIrregular) && !errors.Is(err, storage.ErrOutside):
			return err
		}
		return seen.add(m)
	})
}

// removeAll removes what was seen, one by one: renamed, proved to be what was
// seen, unlinked. At a difference it is put back and nothing more is removed.
func (d *remover) removeAll(ctx context.Context, seen *memberSpool) error {
	d.Phase(removing, 0)
	n := -1
	for m, err := range seen.all() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		n++
		if m.Identity != "" {
			if err := d.removeOne(ctx, n, m); err != nil {
				return err
			}
		}
		if len(d.kept) > 0 {
			return nil
		}
		if err := d.tree.RemoveDirs(ctx, d.path(m)); err != nil {
			return fmt.Errorf("remove empty folders of %s: %w", opsdb.ShowPath(m.Path), err)
		}
		d.removed = append(d.removed, m.File)
		d.Moved(1)
	}
	return nil
}

func (d *remover) removeOne(ctx context.Context, n int, m opsdb.Member) error {
	a := d.attempt()
	err := d.tree.TrashFile(ctx, d.path(m), a, n)
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take %s out of the way: %w", opsdb.ShowPath(m.Path), err)
	}
	now, err := d.heldFile(ctx, a, n)
	if err == nil && now.Identity == m.Identity && now.Size == m.Size && now.ModTime.Equal(m.ModTime) {
		return d.tree.PurgeFile(ctx, a, n)
	}
	if err == nil {
		d.keep(m, fmt.Sprintf("it was exchanged while it was being deleted (%s)", now.ModTime.Format(time.RFC3339Nano)), now)
	}
	return errors.Join(err, d.tree.RestoreFile(context.WithoutCancel(ctx), a, n, d.path(m)))
}

func (d *remover) heldFile(ctx context.Context, a storage.Attempt, n int) (storage.Info, error) {
	f, err := d.tree.OpenTrashed(ctx, a, n)
	if err != nil {
		return storage.Info{}, err
	}
	info, err := f.Info()
	return info, errors.Join(err, f.Close())
}
