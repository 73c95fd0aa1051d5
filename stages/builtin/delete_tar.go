package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// deleteTar removes a tar. What an earlier attempt held in .trash is put back
// first, so that nothing goes that this attempt has not read itself.
func (r *run) deleteTar(ctx context.Context, target opsdb.Copy) (opsdb.Outcome, error) {
	st, err := r.storage(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	// Before the gate is asked: after a no the task is gone, and nobody would look into the trash again.
	if err := r.restoreTrashed(ctx, st, target.Path); err != nil {
		return opsdb.Outcome{}, err
	}
	if err := r.confirm(ctx); err != nil {
		return opsdb.Outcome{}, err
	}
	found, err := r.examine(ctx, st, target.Path)
	if err == nil && found.lost {
		// A late attempt that was about to remove it may have taken it since the first look, and would put it back when it is told no.
		if err = r.restoreTrashed(ctx, st, target.Path); err == nil {
			found, err = r.examine(ctx, st, target.Path)
		}
	}
	switch {
	case err != nil:
		return opsdb.Outcome{}, err
	case found.lost:
		return gone(target), removeDirs(ctx, st, target.Path)
	case !found.good:
		return r.corrupt(ctx, st, target, r.a.ToType, found)
	}
	if err := r.removeTar(ctx, st, target.Path, found.reading); err != nil {
		return opsdb.Outcome{}, err
	}
	return gone(target), removeDirs(ctx, st, target.Path)
}

// removeTar renames what was just read, proves that it is what is held, asks
// the gate again and unlinks; or puts it back.
func (r *run) removeTar(ctx context.Context, st storage.Storage, path string, read storage.Reading) error {
	r.Phase(removing, 0)
	a := r.attempt()
	if err := st.Trash(ctx, path, a); err != nil {
		return fmt.Errorf("take %s out of the way: %w", path, err)
	}
	err := held(ctx, st, a, read)
	if err == nil {
		err = r.confirm(ctx)
	}
	if err != nil {
		return errors.Join(err, st.Restore(context.WithoutCancel(ctx), a, path))
	}
	return st.Purge(ctx, a)
}

// held proves that what lies in .trash is what was read.
func held(ctx context.Context, st storage.Storage, a storage.Attempt, read storage.Reading) error {
	info, err := st.Held(ctx, a)
	if err != nil {
		return err
	}
	if info.Size != read.Size || info.Identity != read.Identity {
		return badData("it was exchanged while it was being deleted: %d bytes (%s) were read, %d (%s) are held", read.Size, read.Identity, info.Size, info.Identity)
	}
	return nil
}

// trashed are the attempts that hold something: earlier ones of this task, and those of tasks that were
// given up, as where a disk failed in the midst of a deletion.
func (r *run) trashed(ctx context.Context, st storage.Storage) (held []storage.Attempt, err error) {
	for _, task := range append(slices.Clone(r.a.Earlier), r.a.Task.ID) {
		found, err := st.Trashed(ctx, task)
		if err != nil {
			return nil, fmt.Errorf("look for earlier attempts: %w", err)
		}
		if task == r.a.Task.ID {
			found = r.own(found)
		}
		held = append(held, found...)
	}
	return held, nil
}

// restoreTrashed puts back what they hold. Where the name is taken again, the held one stays in .trash: two files are never made one.
func (r *run) restoreTrashed(ctx context.Context, st storage.Storage, path string) error {
	held, err := r.trashed(ctx, st)
	if err != nil {
		return err
	}
	for _, a := range held {
		if err := st.Restore(ctx, a, path); err != nil && !missing(err) && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("put back %s: %w", path, err)
		}
	}
	return nil
}

// removeDirs removes folders that have become empty, where there are such things.
func removeDirs(ctx context.Context, st storage.Storage, path string) error {
	if tree, ok := st.(storage.Tree); ok {
		return tree.RemoveDirs(ctx, path)
	}
	return nil
}
