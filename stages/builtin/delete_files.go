package builtin

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

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
	if err := d.removeAll(ctx, seen); err != nil {
		return opsdb.Outcome{}, err
	}
	return gone(target), nil
}

// compareAll reads every file from the medium and compares it with its member. It returns, per
// member, what was seen: its Identity, Size and ModTime are those of the file as read; without Identity it is not there.
func (d *remover) compareAll(ctx context.Context) (*memberSpool, error) {
	d.Phase(storage.ReadingBack, d.a.Package.Bytes)
	seen, err := newMemberSpool()
	if err != nil {
		return nil, err
	}
	err = d.each(ctx, func(_ int, m opsdb.Member) error {
		now, err := d.compareOne(ctx, m)
		if err != nil {
			return err
		}
		if len(d.kept) == toldAtOnce {
			return errTold
		}
		return seen.add(now)
	})
	if errors.Is(err, errTold) {
		err = nil // one alone keeps them all
	}
	return seen, err
}

// errTold ends a comparison that has found more than can be told.
var errTold = errors.New("enough files differ")

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
