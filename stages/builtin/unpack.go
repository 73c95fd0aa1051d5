package builtin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"syscall"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// unpacker is a package being unpacked at a processing location.
type unpacker struct {
	*run
	tree    treeStorage
	members *memberSpool
	medium  opsdb.Medium // the least that the readings reached
}

// occupied reports whether something has the name already.
func (u *unpacker) occupied(ctx context.Context, dir string) (bool, error) {
	_, err := u.tree.Stat(ctx, dir)
	if missing(err) {
		return false, nil
	}
	if errors.Is(err, storage.ErrIrregular) {
		return true, nil
	}
	return err == nil, err
}

// fill unpacks into dir: every member goes under the attempt's folder, is read
// back from the medium, and only when all are right the folder gets its name.
func (u *unpacker) fill(ctx context.Context, dir string) (opsdb.Outcome, error) {
	in, blame, err := u.open(ctx)
	if err != nil {
		return blame(err)
	}
	defer func() { _ = in.Close() }()
	if err := u.tree.DiscardTree(ctx, u.attempt()); err != nil {
		return opsdb.Outcome{}, err
	}
	if err := u.unpack(ctx, in); err != nil {
		err = errors.Join(err, u.tree.DiscardTree(context.WithoutCancel(ctx), u.attempt()))
		if bad := new(sourceError); errors.As(err, &bad) {
			return blame(err)
		}
		return opsdb.Outcome{}, err
	}
	if err := u.readBack(ctx); err != nil {
		return opsdb.Outcome{}, errors.Join(err, u.tree.DiscardTree(context.WithoutCancel(ctx), u.attempt()))
	}
	u.Phase(storage.Committing, 0)
	return opsdb.Outcome{}, u.tree.CommitTree(ctx, u.attempt(), dir)
}

// open opens the tar: the source copy, or the part that was sent. blame makes of an error of reading it what follows.
func (u *unpacker) open(ctx context.Context) (io.ReadCloser, func(error) (opsdb.Outcome, error), error) {
	if u.a.Task.Piece == opsdb.Receive {
		in, err := u.openPart(ctx)
		return in, func(err error) (opsdb.Outcome, error) {
			if missing(err) || errors.Is(err, storage.ErrMismatch) || errors.Is(err, bag.ErrMalformed) {
				err = badData("what was sent to %s: %v", u.tree.Location(), err)
			}
			return opsdb.Outcome{}, err
		}, err
	}
	source, err := u.source()
	if err != nil {
		return nil, func(err error) (opsdb.Outcome, error) { return opsdb.Outcome{}, err }, err
	}
	from, err := u.storage(source.Location)
	if err != nil {
		return nil, func(err error) (opsdb.Outcome, error) { return opsdb.Outcome{}, err }, err
	}
	in, err := from.Open(ctx, source.Path, 0, -1)
	return in, func(err error) (opsdb.Outcome, error) {
		cause := u.failed(ctx, source.Location, "read "+source.Path, err)
		if missing(err) || errors.Is(err, storage.ErrMismatch) || errors.Is(err, bag.ErrMalformed) || unreadable(err) {
			return u.blameSource(ctx, from, source, cause)
		}
		return opsdb.Outcome{}, cause
	}, err
}

// openPart opens the newest part of the task; its sender has ended.
func (u *unpacker) openPart(ctx context.Context) (io.ReadCloser, error) {
	in, err := receiver(u.tree)
	if err != nil {
		return nil, err
	}
	left, err := u.leftovers(ctx, u.tree)
	if err != nil {
		return nil, err
	}
	for _, part := range slices.Backward(left) {
		path, err := in.PartPath(ctx, part)
		if err != nil {
			return nil, err
		}
		if f, err := openRegular(path); !missing(err) {
			return f, err
		}
	}
	return nil, fmt.Errorf("no part of the task: %w", fs.ErrNotExist)
}

// openRegular opens a regular file; no symlink is followed and no FIFO waited for.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("part %s: %w", path, storage.ErrIrregular)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// unpack writes every member below the attempt's folder. The tar must hold
// what the member table says, in its order, and nothing else (S10).
func (u *unpacker) unpack(ctx context.Context, in io.Reader) error {
	u.Phase(unpacking, u.a.Package.Size)
	sum := sha256.New()
	whole := io.TeeReader(&watched{ctx, in, u.Moved}, sum)
	tar := bag.NewReader(whole, u.a.Package.Name)
	next, stop := iter.Pull2(u.members.all())
	defer stop()
	for {
		entry, err := tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &sourceError{err}
		}
		m, err, more := next()
		if err != nil {
			return err
		}
		if !more || entry.Name != m.Name || entry.Size != m.Size || entry.Offset != m.Offset {
			return &sourceError{fmt.Errorf("%w: it holds %s of %d bytes where %s of %d belongs", storage.ErrMismatch, entry.Name, entry.Size, m.Name, m.Size)}
		}
		if err := u.member(ctx, tar, m); err != nil {
			return err
		}
	}
	if m, _, more := next(); more {
		return &sourceError{fmt.Errorf("%w: member %s is not in it", storage.ErrMismatch, m.Name)}
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return &sourceError{err}
	}
	if got := opsdb.Digest(hex.EncodeToString(sum.Sum(nil))); got != u.a.Package.Digest {
		return &sourceError{fmt.Errorf("%w: digest %s, recorded is %s", storage.ErrMismatch, got, u.a.Package.Digest)}
	}
	return nil
}

func (u *unpacker) member(ctx context.Context, tar *bag.Reader, m opsdb.Member) error {
	if err := bag.CheckPath(m.Path); err != nil {
		return fmt.Errorf("%w: %v", storage.ErrOutside, err)
	}
	err := u.tree.WriteFile(ctx, u.attempt(), m.Path, m.ModTime, &marked{tar})
	if err != nil {
		return fmt.Errorf("unpack %s: %w", opsdb.ShowPath(m.Path), err)
	}
	got, err := tar.Digest()
	if err != nil {
		return &sourceError{err}
	}
	if got != m.Digest {
		return &sourceError{fmt.Errorf("%w: member %s has digest %s, recorded is %s", storage.ErrMismatch, m.Name, got, m.Digest)}
	}
	return nil
}

// watched tells what is read to the watchdog, and ends at a cancel.
type watched struct {
	ctx   context.Context
	in    io.Reader
	moved func(int64)
}

func (w *watched) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.in.Read(b)
	w.moved(int64(n))
	return n, err
}

// marked marks errors of reading as errors of the source.
type marked struct{ in io.Reader }

func (m *marked) Read(b []byte) (int, error) {
	n, err := m.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}
