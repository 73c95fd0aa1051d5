package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

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

// begin puts back what earlier attempts held, and asks the gate: after a no
// the task is gone, and nobody would look into the trash again.
func (d *remover) begin(ctx context.Context) error {
	if err := d.restoreHeld(ctx); err != nil {
		return err
	}
	return d.confirm(ctx)
}

// restoreHeld puts back files that earlier attempts took out of the way and
// did not unlink; this attempt compares them again.
func (d *remover) restoreHeld(ctx context.Context) error {
	attempts, err := d.trashed(ctx, d.tree)
	if err != nil {
		return err
	}
	for _, a := range attempts {
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

// removeAll removes what was seen, in portions. At a difference the portion is
// put back and nothing more is removed, nor when the gate says no: a person may have stopped it.
func (d *remover) removeAll(ctx context.Context, seen *memberSpool) error {
	d.Phase(removing, 0)
	p, n := portion{remover: d}, 0
	for m, err := range seen.all() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = p.take(ctx, n, m)
		}
		if err != nil {
			return errors.Join(err, p.putBack(ctx))
		}
		if len(d.kept) > 0 {
			return p.putBack(ctx)
		}
		if n++; len(p.members) == portionSize {
			if err := p.remove(ctx); err != nil {
				return err
			}
		}
	}
	return p.remove(ctx)
}

// gone notes a file that is gone, and tells OpsDB in portions; the last portion goes with the outcome.
func (d *remover) gone(ctx context.Context, file opsdb.ID) error {
	if d.prefix != "" {
		return nil // an unpacked file, of which OpsDB knows nothing
	}
	if d.removed = append(d.removed, file); len(d.removed) < recordEvery {
		return nil
	}
	if err := d.RecordRemoved(ctx, d.removed); err != nil {
		return fmt.Errorf("record removed files: %w", err)
	}
	d.removed = d.removed[:0]
	return nil
}

func (d *remover) heldFile(ctx context.Context, a storage.Attempt, n int) (storage.Info, error) {
	f, err := d.tree.OpenTrashed(ctx, a, n)
	if err != nil {
		return storage.Info{}, err
	}
	info, err := f.Info()
	return info, errors.Join(err, f.Close())
}
