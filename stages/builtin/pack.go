package builtin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

// packer is a package being written.
type packer struct {
	*run
	tree    treeStorage
	members *memberSpool // as frozen
	born    *memberSpool // with names, offsets and digests
	written bag.Written
	unlike  unlike
}

// memberChanged ends a packing: this member is no longer what was frozen.
type memberChanged struct{ opsdb.ChangedMember }

func (e *memberChanged) Error() string { return fmt.Sprintf("file %s: %s", e.File, e.Reason) }

// put writes the tar and stores it under path.
func (p *packer) put(ctx context.Context, st storage.Storage, path string) (storage.Reading, error) {
	p.drop()
	p.unlike = unlike{}
	var err error
	if p.born, err = newMemberSpool(); err != nil {
		return storage.Reading{}, err
	}
	return st.Put(ctx, storage.Put{
		Attempt: p.attempt(), Path: path, Progress: p.progress(),
		Write:     func(w io.Writer) error { return p.write(ctx, w) },
		Segmented: true, Soon: true, // the next stage sends or archives it
		Expect: func() storage.Expect {
			return storage.Expect{Digest: p.written.Digest, Size: p.written.Size, Segments: p.written.Segments}
		},
	})
}

func (p *packer) drop() {
	if p.born != nil {
		_ = p.born.Close()
		p.born = nil
	}
}

// write makes the bag. A digest that is born must come out again (S4).
func (p *packer) write(ctx context.Context, w io.Writer) (err error) {
	files := newAhead(ctx, p.members.all(), p.open)
	defer files.close()
	p.written, err = bag.Write(ctx, w, bag.Job{Package: p.a.Package, Members: files.members(), Open: files.open, Born: p.note})
	if me := new(bag.MemberError); errors.As(err, &me) {
		return p.blame(ctx, me)
	}
	if err != nil {
		return err
	}
	if p.a.Package.Packed() && p.written.Digest != p.a.Package.Digest {
		return badData("package %s made again has digest %s, recorded is %s", p.a.Package.Name, p.written.Digest, p.a.Package.Digest)
	}
	return p.readAgain(ctx)
}

// note keeps a member with its digest; once the package is packed its digest must be the one recorded.
func (p *packer) note(m opsdb.Member) error {
	if p.a.Package.Packed() {
		return nil
	}
	p.unlike.note(m)
	return p.born.add(m)
}

// blame says what is wrong with the source of a member that could not be read as it was frozen.
func (p *packer) blame(ctx context.Context, me *bag.MemberError) error {
	if changed := new(memberChanged); errors.As(me.Err, &changed) {
		return changed
	}
	m := me.Member
	if ctx.Err() == nil {
		info, err := p.tree.Stat(ctx, m.Path)
		if c := compare(m, info, err); c != nil {
			return &memberChanged{*c}
		}
	}
	return p.unreadable(ctx, m, me.Err)
}

// unreadable classifies a source file that is there and cannot be read.
func (r *run) unreadable(ctx context.Context, m opsdb.Member, err error) error {
	doing := "read " + opsdb.ShowPath(m.Path) + " at " + r.a.Package.Source
	if errors.Is(err, storage.ErrDenied) {
		return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, fmt.Errorf("%s (make it readable for the worker): %w", doing, err))
	}
	return r.failed(ctx, r.a.Package.Source, doing, err)
}

// open opens a member and compares it with what was frozen.
func (p *packer) open(ctx context.Context, m opsdb.Member) (bag.Content, error) {
	f, err := p.tree.OpenFile(ctx, m.Path)
	if err != nil {
		if c := compare(m, storage.Info{}, err); c != nil {
			return nil, &memberChanged{*c}
		}
		return nil, err
	}
	info, err := f.Info()
	if err == nil {
		if c := compare(m, info, nil); c != nil {
			err = &memberChanged{*c}
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &unchanged{File: f, member: m}, nil
}

// unchanged is an open member that is compared once more when it was read.
type unchanged struct {
	storage.File
	member opsdb.Member
}

// Close implements io.Closer.
func (u *unchanged) Close() error {
	info, err := u.Info()
	if err == nil {
		if c := compare(u.member, info, nil); c != nil {
			err = &memberChanged{*c}
		}
	}
	return errors.Join(err, u.File.Close())
}

// check looks at every member before anything is written, so that all that
// changed are known at once. It returns the members as frozen.
func (r *run) check(ctx context.Context, tree treeStorage) (*memberSpool, []opsdb.ChangedMember, error) {
	r.Phase(checking, 0)
	members, err := r.frozen(ctx)
	if err != nil {
		return nil, nil, err
	}
	var changed []opsdb.ChangedMember
	for m, err := range members.all() {
		if err == nil {
			err = r.compareNow(ctx, tree, m, &changed)
		}
		if err != nil {
			return nil, nil, errors.Join(err, members.Close())
		}
		if r.Moved(1); len(changed) == toldAtOnce {
			break // the others are found when it is packed again
		}
	}
	return members, changed, nil
}

func (r *run) compareNow(ctx context.Context, tree treeStorage, m opsdb.Member, changed *[]opsdb.ChangedMember) error {
	if err := bag.CheckPath(m.Path); err != nil {
		*changed = append(*changed, opsdb.ChangedMember{File: m.File, Gone: true, Reason: err.Error()})
		return nil //nolint:nilerr // a fact about the member, not a failure of the run
	}
	info, err := tree.Stat(ctx, m.Path)
	if c := compare(m, info, err); c != nil {
		*changed = append(*changed, *c)
		return nil
	}
	if err != nil {
		return r.unreadable(ctx, m, err)
	}
	return nil
}

// compare says how a source file differs from its member; nil if it does not, or if err says nothing about the file itself.
func compare(m opsdb.Member, now storage.Info, err error) *opsdb.ChangedMember {
	gone := func(reason string) *opsdb.ChangedMember {
		return &opsdb.ChangedMember{File: m.File, Gone: true, Reason: reason}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return gone("it vanished before it was packed")
	case errors.Is(err, storage.ErrIrregular), errors.Is(err, storage.ErrOutside):
		return gone("it is no regular file any more")
	case err != nil:
		return nil
	case !now.Mode.IsRegular():
		return gone("it is no regular file any more: " + now.Mode.Type().String())
	case now.Size != m.Size, !now.ModTime.Equal(m.ModTime), m.Identity != "" && now.Identity != m.Identity:
		return &opsdb.ChangedMember{File: m.File, Reason: "it changed before it was packed",
			Size: now.Size, ModTime: now.ModTime, Identity: now.Identity}
	}
	return nil
}
