package storagetest

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/ccatobs/cdt/storage"
)

type faultyReceiver struct {
	receiver storage.Receiver
	r        *Faults
}

func (s faultyReceiver) PartPath(ctx context.Context, a storage.Attempt) (string, error) {
	if err := s.r.fails("PartPath", ""); err != nil {
		return "", err
	}
	return s.receiver.PartPath(ctx, a)
}

func (s faultyReceiver) AbsPath(ctx context.Context, path string) (string, error) {
	if err := s.r.fails("AbsPath", path); err != nil {
		return "", err
	}
	return s.receiver.AbsPath(ctx, path)
}

// Settle cannot flip a byte under the storage: with Flip it reads back what is not as expected.
func (s faultyReceiver) Settle(ctx context.Context, a storage.Attempt, path string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	fault := s.r.strike("Settle", path)
	if fault.Err != nil {
		return storage.Reading{}, fault.Err
	}
	if fault.Flip {
		return storage.Reading{}, storage.ErrMismatch
	}
	return s.receiver.Settle(ctx, a, path, want, progress)
}

func (s faultyReceiver) ReadPart(ctx context.Context, a storage.Attempt, progress storage.Progress) (storage.Reading, error) {
	if err := s.r.fails("ReadPart", ""); err != nil {
		return storage.Reading{}, err
	}
	return s.receiver.ReadPart(ctx, a, progress)
}

func (s faultyReceiver) CopyPart(ctx context.Context, from, to storage.Attempt, n int64) error {
	if err := s.r.fails("CopyPart", ""); err != nil {
		return err
	}
	return s.receiver.CopyPart(ctx, from, to, n)
}

type faultyTree struct {
	tree storage.Tree
	t    *Faults
}

func (s faultyTree) Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error] {
	if err := s.t.fails("Walk", dir); err != nil {
		return func(yield func(storage.Info, error) bool) { yield(storage.Info{Path: dir}, err) }
	}
	return s.tree.Walk(ctx, dir)
}

func (s faultyTree) OpenFile(ctx context.Context, path string) (storage.File, error) {
	fault := s.t.strike("OpenFile", path)
	if fault.Err != nil {
		return nil, fault.Err
	}
	f, err := s.tree.OpenFile(ctx, path)
	return flippingFileOf(f, fault, err)
}

// flippingFile is a file with one byte turned around.
type flippingFile struct {
	flipping
	file storage.File
}

func (f *flippingFile) Info() (storage.Info, error) { return f.file.Info() }

func flippingFileOf(f storage.File, fault Fault, err error) (storage.File, error) {
	if err != nil {
		return nil, err
	}
	return &flippingFile{flipping{f, f, 0, fault, fault.flips(false)}, f}, nil
}

func (s faultyTree) WriteFile(ctx context.Context, a storage.Attempt, path string, modTime time.Time, content io.Reader) error {
	fault := s.t.strike("WriteFile", path)
	switch {
	case fault.Short > 0:
		err := fault.Err
		if err == nil {
			err = io.ErrShortWrite
		}
		content = io.MultiReader(io.LimitReader(content, fault.Short), failing{err})
	case fault.Err != nil:
		return fault.Err
	}
	return s.tree.WriteFile(ctx, a, path, modTime, content)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// ReadTree with Flip reads another digest.
func (s faultyTree) ReadTree(ctx context.Context, a storage.Attempt, path string, progress storage.Progress) (storage.Reading, error) {
	fault := s.t.strike("ReadTree", path)
	if fault.Err != nil {
		return storage.Reading{}, fault.Err
	}
	r, err := s.tree.ReadTree(ctx, a, path, progress)
	if err == nil && fault.flips(true) {
		r.Digest = Digest([]byte(r.Digest))
	}
	return r, err
}

func (s faultyTree) CommitTree(ctx context.Context, a storage.Attempt, dir string) error {
	if err := s.t.fails("CommitTree", dir); err != nil {
		return err
	}
	return s.tree.CommitTree(ctx, a, dir)
}

func (s faultyTree) DiscardTree(ctx context.Context, a storage.Attempt) error {
	if err := s.t.fails("DiscardTree", ""); err != nil {
		return err
	}
	return s.tree.DiscardTree(ctx, a)
}

func (s faultyTree) TrashFile(ctx context.Context, path string, a storage.Attempt, n int) error {
	if err := s.t.fails("TrashFile", path); err != nil {
		return err
	}
	return s.tree.TrashFile(ctx, path, a, n)
}

func (s faultyTree) OpenTrashed(ctx context.Context, a storage.Attempt, n int) (storage.File, error) {
	fault := s.t.strike("OpenTrashed", "")
	if fault.Err != nil {
		return nil, fault.Err
	}
	f, err := s.tree.OpenTrashed(ctx, a, n)
	return flippingFileOf(f, fault, err)
}

func (s faultyTree) RestoreFile(ctx context.Context, a storage.Attempt, n int, path string) error {
	if err := s.t.fails("RestoreFile", path); err != nil {
		return err
	}
	return s.tree.RestoreFile(ctx, a, n, path)
}

func (s faultyTree) PurgeFile(ctx context.Context, a storage.Attempt, n int) error {
	if err := s.t.fails("PurgeFile", ""); err != nil {
		return err
	}
	return s.tree.PurgeFile(ctx, a, n)
}

func (s faultyTree) TrashedFiles(ctx context.Context, a storage.Attempt) ([]int, error) {
	if err := s.t.fails("TrashedFiles", ""); err != nil {
		return nil, err
	}
	return s.tree.TrashedFiles(ctx, a)
}

func (s faultyTree) RemoveDirs(ctx context.Context, path string) error {
	if err := s.t.fails("RemoveDirs", path); err != nil {
		return err
	}
	return s.tree.RemoveDirs(ctx, path)
}
