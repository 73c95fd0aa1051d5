package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// readBack reads every unpacked member from the medium.
func (u *unpacker) readBack(ctx context.Context) error {
	u.Phase(storage.ReadingBack, u.a.Package.Bytes)
	return u.each(func(m opsdb.Member) error {
		got, err := u.tree.ReadTree(ctx, u.attempt(), m.Path, func(_ string, n int64) { u.Moved(n) })
		if err != nil {
			return fmt.Errorf("read back %s: %w", opsdb.ShowPath(m.Path), err)
		}
		if got.Digest != m.Digest {
			return badData("%s was read back with digest %s, recorded is %s", opsdb.ShowPath(m.Path), got.Digest, m.Digest)
		}
		u.reached(got.Medium)
		u.Moved(1) // one without bytes is progress, too
		return nil
	})
}

// errDiffers ends a comparison; nothing is wrong with the location.
var errDiffers = errors.New("the folder is not what the package holds")

// whole reports whether dir holds every member as recorded: an earlier attempt
// was cut off after it gave the name.
func (u *unpacker) whole(ctx context.Context, dir string) (bool, error) {
	u.Phase(storage.ReadingBack, u.a.Package.Bytes)
	err := u.each(func(m opsdb.Member) error {
		got, err := u.tree.Read(ctx, dir+"/"+m.Path, true, func(_ string, n int64) { u.Moved(n) })
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrIrregular) || err == nil && got.Digest != m.Digest {
			return errDiffers
		}
		u.reached(got.Medium)
		return err
	})
	if errors.Is(err, errDiffers) {
		return false, nil
	}
	return err == nil, err
}

func (u *unpacker) each(visit func(opsdb.Member) error) error {
	u.medium = ""
	for m, err := range u.members.all() {
		if err == nil {
			err = visit(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reached keeps the least of what readings reached.
func (u *unpacker) reached(m opsdb.Medium) {
	if u.medium == "" || m == opsdb.FromCache {
		u.medium = m
	}
}
