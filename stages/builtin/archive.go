package builtin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func archiveSpec() stages.Spec {
	return stages.Spec{
		Type: "archive",
		Help: "Puts a package into a long-term archive of the same site, create-only, and after the receipt its sidecar, which never changes. What has a final name there is never overwritten: a repair is written beside it.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "The buffers it reads; a move stays within a site.", Example: "landing"},
			{Name: "to", Type: stages.Places, Required: true, Help: "The archives; each one at a site with a way from a source is wanted.", Example: "archives"},
		},
		Phases:    phases(storage.Moving, storage.Syncing, storage.ReadingBack, storage.Committing, checking, recording),
		FromTypes: []opsdb.LocationType{opsdb.Buffer},
		ToTypes:   []opsdb.LocationType{opsdb.Archive},
		Wants:     true,
	}
}

// archiveStage puts packages into archives.
type archiveStage struct{ deps Deps }

// Spec implements [stages.Stage].
func (archiveStage) Spec() stages.Spec { return archiveSpec() }

// Run implements [stages.Stage].
func (s archiveStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	r := newRun(s.deps, w)
	source, err := r.source()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	from, err := r.storage(source.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	to, err := r.storage(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	if err := r.discardEarlier(ctx, to); err != nil {
		return opsdb.Outcome{}, r.failed(ctx, target.Location, "remove leftovers", err)
	}
	reading, err := r.store(ctx, from, source, to, &target)
	if bad := new(sourceError); errors.As(err, &bad) {
		return r.blameSource(ctx, from, source, r.failed(ctx, source.Location, "read "+source.Path, bad.err))
	}
	if errors.Is(err, storage.ErrMismatch) && ctx.Err() == nil { // what was written is not what was to be written: whose fault?
		return r.blameSource(ctx, from, source, r.failed(ctx, target.Location, "archive "+target.Path, err))
	}
	if err != nil {
		return opsdb.Outcome{}, r.failed(ctx, target.Location, "archive "+target.Path, err)
	}
	receipt := r.receipt(target.Location, target.Path, reading)
	if err := r.sidecar(ctx, to, target.Path, receipt); err != nil {
		return opsdb.Outcome{Receipts: []opsdb.Receipt{receipt}}, r.failed(ctx, target.Location, "write the sidecar of "+target.Path, err)
	}
	return opsdb.Outcome{
		Target:   &opsdb.CopyFact{State: opsdb.Present, Path: target.Path, Size: reading.Size, Identity: reading.Identity, Sidecar: true},
		Receipts: []opsdb.Receipt{receipt},
	}, nil
}

// store puts the package under the first name that is free or holds it
// already: <name>.tar, else <name>.r1.tar and so on. What is there with other content stays (S3).
// A name that cannot be looked at, as below something that is no folder, is an error: the next one is no better.
func (r *run) store(ctx context.Context, from storage.Storage, source opsdb.Copy, to storage.Storage, target *opsdb.Copy) (storage.Reading, error) {
	first := target.Path
	for n := 0; ; n++ {
		target.Path = repairName(first, n)
		info, err := to.Stat(ctx, target.Path)
		switch {
		case err == nil && !info.Mode.IsRegular(): // it is no object, and stays
		case err == nil:
			found, err := r.examine(ctx, to, target.Path)
			if err != nil || found.good {
				return found.reading, err
			}
		case missing(err):
			reading, err := r.putCopy(ctx, from, source, to, target.Path)
			if !errors.Is(err, fs.ErrExist) {
				return reading, err
			}
		default:
			return storage.Reading{}, err
		}
	}
}

// repairName is the n-th name beside path; the 0th is path itself.
func repairName(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s.r%d%s", strings.TrimSuffix(path, bag.MediaSuffix), n, bag.MediaSuffix)
}

// sourceError tells that it was the reading of the source that went wrong.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "source: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// putCopy copies the source. Where the archive does not read back before it gives a name ([storage.Prover]),
// the bytes are digested on their way, so that what a bad source gives gets none.
func (r *run) putCopy(ctx context.Context, from storage.Storage, source opsdb.Copy, to storage.Storage, path string) (storage.Reading, error) {
	want := r.want()
	_, proves := to.(storage.Prover)
	return to.Put(ctx, storage.Put{
		Attempt: r.attempt(), Path: path, Known: want, Progress: r.progress(), Segmented: len(want.Segments) > 0,
		Expect: func() storage.Expect { return want },
		Write: func(w io.Writer) error {
			in, err := from.Open(ctx, source.Path, 0, -1)
			if err != nil {
				return &sourceError{err}
			}
			defer func() { _ = in.Close() }()
			sum := sha256.New()
			n, err := io.Copy(w, &digested{in, sum, !proves})
			if err != nil || proves {
				return err
			}
			if got := opsdb.Digest(hex.EncodeToString(sum.Sum(nil))); got != want.Digest || n != want.Size {
				return &sourceError{fmt.Errorf("%w: %d bytes with digest %s", storage.ErrMismatch, n, got)}
			}
			return nil
		},
	})
}

// digested digests what is read, if that is asked for, and marks errors of reading.
type digested struct {
	in    io.Reader
	sum   hash.Hash
	asked bool
}

func (d *digested) Read(b []byte) (int, error) {
	n, err := d.in.Read(b)
	if d.asked {
		d.sum.Write(b[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}
