package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

// run is one piece of one task under way: what all types share.
type run struct {
	Deps
	stages.Work
	a opsdb.Assignment
}

func newRun(d Deps, w stages.Work) *run { return &run{Deps: d, Work: w, a: w.Assignment()} }

// attempt names this attempt's files.
func (r *run) attempt() storage.Attempt {
	return storage.Attempt{Task: r.a.Task.ID, Epoch: r.a.Task.Epoch, Token: r.a.Task.Token}
}

// want is what every copy of the package must be; zero before the digest is born.
func (r *run) want() storage.Expect {
	if !r.a.Package.Packed() {
		return storage.Expect{}
	}
	return storage.Expect{Digest: r.a.Package.Digest, Size: r.a.Package.Size, Segments: r.a.Package.Segments}
}

// storage finds the storage of a location of the task.
func (r *run) storage(location string) (storage.Storage, error) {
	st, err := r.Storages.Storage(location)
	if err != nil {
		return nil, unopened(fmt.Errorf("storage of %s: %w", location, err))
	}
	return st, nil
}

// unopened classifies an error of a catalog: as the catalog did, else as a
// mistake in the settings, which no retry mends.
func unopened(err error) error {
	var failure *stages.FailureError
	if errors.As(err, &failure) {
		return stages.Failed(failure.Failure, err)
	}
	return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, err)
}

// treeStorage is a location whose plain files a stage works on.
type treeStorage interface {
	storage.Storage
	storage.Tree
}

// tree finds the storage of a location that holds plain files.
func (r *run) tree(location string) (treeStorage, error) {
	st, err := r.storage(location)
	if err != nil {
		return nil, err
	}
	tree, ok := st.(treeStorage)
	if !ok {
		return nil, stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, fmt.Errorf("location %s cannot hold plain files", location))
	}
	return tree, nil
}

// source is the copy the task reads; it is an error of the assignment if there is none.
func (r *run) source() (opsdb.Copy, error) {
	if r.a.Source == nil {
		return opsdb.Copy{}, stages.Permanent(fmt.Errorf("task %s has no source copy", r.a.Task.ID))
	}
	return *r.a.Source, nil
}

// target is the copy the task makes, checks or removes.
func (r *run) target() (opsdb.Copy, error) {
	if r.a.Target == nil {
		return opsdb.Copy{}, stages.Permanent(fmt.Errorf("task %s has no target copy", r.a.Task.ID))
	}
	c := *r.a.Target
	if c.Path == "" {
		c.Path = r.a.Task.Path
	}
	return c, nil
}

// progress tells the watchdog what a storage does; it enters phases as the storage names them.
func (r *run) progress() storage.Progress {
	var mu sync.Mutex
	phase := ""
	return func(p string, n int64) {
		mu.Lock()
		if p != phase {
			r.Phase(p, max(r.a.Package.Size, r.a.Task.Bytes))
			phase = p
		}
		mu.Unlock()
		r.Moved(n)
	}
}

// receipt signs for a reading of the copy at (location, path).
func (r *run) receipt(location, path string, got storage.Reading) opsdb.Receipt {
	return opsdb.Receipt{
		ID: opsdb.NewID(), Package: r.a.Package.ID, Location: location, Path: path,
		Digest: got.Digest, Size: got.Size, At: r.Now(), Worker: r.Worker(),
		Task: r.a.Task.ID, Token: r.a.Task.Token, Medium: got.Medium, Version: opsdb.FormatVersion,
	}
}

// failed classifies an error about a location. What is classified already,
// what the gate said and a cancel pass through.
func (r *run) failed(ctx context.Context, location, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	var (
		failure   *stages.FailureError
		permanent *stages.PermanentError
		later     *stages.LaterError
		objection *opsdb.Objection
	)
	if errors.As(err, &failure) || errors.As(err, &permanent) || errors.As(err, &later) || errors.As(err, &objection) || errors.Is(err, opsdb.ErrStale) {
		return err
	}
	if notYet := new(storage.NotYetError); errors.As(err, &notYet) {
		return stages.Later(notYet.After, fmt.Sprintf("%s: %v", doing, notYet))
	}
	return stages.Failed(storage.Classify(location, err), fmt.Errorf("%s: %w", doing, err))
}

// badData is a failure about bytes that are not what was recorded.
func badData(format string, a ...any) error {
	err := fmt.Errorf("%w: %s", storage.ErrMismatch, fmt.Sprintf(format, a...))
	return stages.Failed(opsdb.Failure{Class: opsdb.BadData}, err)
}

// missing reports whether the object is not there at a location that is (the
// storage looks at the marker first, so that an unmounted root is never "missing", S9).
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// unreadable reports a medium that gives an error instead of bytes, or a library that says its tape is bad.
func unreadable(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, storage.ErrMismatch)
}

// own keeps the attempts that are this one or earlier: what a later one
// left is nothing for a run that has become stale.
func (r *run) own(attempts []storage.Attempt) []storage.Attempt {
	return slices.DeleteFunc(attempts, func(a storage.Attempt) bool {
		return a.Epoch == r.a.Task.Epoch && a.Token > r.a.Task.Token
	})
}

// leftovers are what this and earlier attempts of the task left in .part, oldest first.
func (r *run) leftovers(ctx context.Context, st storage.Storage) ([]storage.Attempt, error) {
	left, err := st.Leftovers(ctx, r.a.Task.ID)
	return r.own(left), err
}

// discardEarlier removes them.
func (r *run) discardEarlier(ctx context.Context, st storage.Storage) error {
	left, err := r.leftovers(ctx, st)
	if err != nil {
		return err
	}
	for _, a := range left {
		if err := st.Discard(ctx, a); err != nil {
			return err
		}
		if tree, ok := st.(storage.Tree); ok {
			if err := tree.DiscardTree(ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// toldAtOnce is how many files that are not what was recorded an outcome tells of, at most.
const toldAtOnce = 1000

// recordEvery is how many members are told to OpsDB at a time.
const recordEvery = 1000
