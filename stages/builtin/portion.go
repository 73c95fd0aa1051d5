package builtin

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// portionSize is for how many files of one deletion the gate is asked at a time.
const portionSize = 64

// portion is a few files of a deletion that go together. All are renamed and
// proved to be what was seen; then the gate is asked, about what is held now; then they are
// unlinked or put back (S6). An attempt that was stopped in between removes nothing by
// a yes that no longer holds: the next one has put back what it held.
type portion struct {
	*remover
	members []taken
}

// taken is a member with its number; held: its file lies in the trash.
type taken struct {
	opsdb.Member
	n    int
	held bool
}

// take renames a file and proves that it is what was seen; what differs is kept.
func (p *portion) take(ctx context.Context, n int, m opsdb.Member) error {
	p.members = append(p.members, taken{Member: m, n: n})
	if m.Identity == "" {
		return nil // it was gone before
	}
	a := p.attempt()
	err := p.tree.TrashFile(ctx, p.path(m), a, n)
	if missing(err) {
		return nil
	}
	p.members[len(p.members)-1].held = true // perhaps, if there is an error
	if err != nil {
		return fmt.Errorf("take %s out of the way: %w", opsdb.ShowPath(m.Path), err)
	}
	now, err := p.heldFile(ctx, a, n)
	if err != nil {
		return fmt.Errorf("look at %s in the trash: %w", opsdb.ShowPath(m.Path), err)
	}
	if now.Identity != m.Identity || now.Size != m.Size || !now.ModTime.Equal(m.ModTime) {
		p.keep(m, fmt.Sprintf("it was exchanged while it was being deleted (%s)", now.ModTime.Format(time.RFC3339Nano)), now)
	}
	return nil
}

// remove asks the gate and unlinks what is held.
func (p *portion) remove(ctx context.Context) error {
	if p.holds() {
		if err := p.confirm(ctx); err != nil {
			return errors.Join(err, p.putBack(ctx))
		}
	}
	for i := range p.members {
		err := p.removeOne(ctx, &p.members[i])
		if last := i == len(p.members)-1; err == nil && (last || path.Dir(p.members[i].Path) != path.Dir(p.members[i+1].Path)) {
			err = p.removeDirs(ctx, p.members[i].Member)
		}
		if err != nil {
			return errors.Join(err, p.putBack(ctx))
		}
	}
	p.members = p.members[:0]
	return nil
}

func (p *portion) removeOne(ctx context.Context, m *taken) error {
	if m.held {
		if err := p.tree.PurgeFile(ctx, p.attempt(), m.n); err != nil {
			return fmt.Errorf("remove %s: %w", opsdb.ShowPath(m.Path), err)
		}
		m.held = false
	}
	p.Moved(1)
	return p.gone(ctx, m.File)
}

// removeDirs removes the folders of a member that have become empty; the next one lies in another folder.
func (p *portion) removeDirs(ctx context.Context, m opsdb.Member) error {
	if err := p.tree.RemoveDirs(ctx, p.path(m)); err != nil {
		return fmt.Errorf("remove empty folders of %s: %w", opsdb.ShowPath(m.Path), err)
	}
	return nil
}

func (p *portion) holds() bool {
	for _, m := range p.members {
		if m.held {
			return true
		}
	}
	return false
}

// putBack gives every file that is held its name again, also after a cancel.
func (p *portion) putBack(ctx context.Context) (err error) {
	for _, m := range p.members {
		if !m.held {
			continue
		}
		if back := p.tree.RestoreFile(context.WithoutCancel(ctx), p.attempt(), m.n, p.path(m.Member)); back != nil && !missing(back) {
			err = errors.Join(err, fmt.Errorf("put back %s: %w", opsdb.ShowPath(m.Path), back))
		}
	}
	p.members = p.members[:0]
	return err
}
