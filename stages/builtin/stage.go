package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func stageSpec() stages.Spec {
	return stages.Spec{
		Type: "stage",
		Help: "Brings a package to a processing location and unpacks it there, with true names and modification times; every file's digest is read back and checked.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "Where packages are read.", Example: "[landing, archives]"},
			{Name: "to", Type: stages.Places, Required: true, Help: "The processing locations.", Example: "cologne.ramses"},
			{Name: "when", Type: stages.Expression, Kind: "when", Default: "requested",
				Help: "A package is wanted there while this is true: on request, or by rule.", Example: "requested"},
		},
		Phases:       phases(storage.Moving, storage.Syncing, checking, unpacking, storage.ReadingBack, storage.Committing),
		FromTypes:    []opsdb.LocationType{opsdb.Buffer, opsdb.Archive},
		ToTypes:      []opsdb.LocationType{opsdb.Processing},
		CrossesLinks: true,
		Wants:        true,
	}
}

// stageStage brings packages to processing locations.
type stageStage struct{ deps Deps }

// Spec implements [stages.Stage].
func (stageStage) Spec() stages.Spec { return stageSpec() }

// Run implements [stages.Stage]. Across a link the tar is sent first and dropped after it was unpacked.
func (s stageStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	r := newRun(s.deps, w)
	if r.a.Task.Piece == opsdb.Send {
		return r.send(ctx)
	}
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	tree, err := r.tree(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	members, err := r.frozen(ctx)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	defer func() { _ = members.Close() }()
	u := &unpacker{run: r, tree: tree, members: members}
	out, err := u.stage(ctx, target)
	return out, r.failed(ctx, target.Location, "stage "+r.a.Package.Name, err)
}

// stage unpacks the tar into the first folder that is free, or finds one that is whole already.
// A folder in which something is missing or changed is left to those who work in it.
func (u *unpacker) stage(ctx context.Context, target opsdb.Copy) (opsdb.Outcome, error) {
	first := strings.TrimSuffix(target.Path, bag.MediaSuffix)
	for n := 0; ; n++ {
		dir := first
		if n > 0 {
			dir = fmt.Sprintf("%s.r%d", first, n)
		}
		there, err := u.occupied(ctx, dir)
		if err != nil {
			return opsdb.Outcome{}, err
		}
		if !there {
			if out, err := u.fill(ctx, dir); err != nil || out.Corrupt != nil {
				if errors.Is(err, fs.ErrExist) {
					continue
				}
				return out, err
			}
		} else if whole, err := u.whole(ctx, dir); err != nil {
			return opsdb.Outcome{}, err
		} else if !whole {
			continue
		}
		return u.staged(ctx, target, dir)
	}
}

// staged drops the tar that was sent, if there was one, and signs. That every
// member has its digest says as much as the digest of the tar they came from.
func (u *unpacker) staged(ctx context.Context, target opsdb.Copy, dir string) (opsdb.Outcome, error) {
	if err := u.discardEarlier(ctx, u.tree); err != nil {
		return opsdb.Outcome{}, err
	}
	p := u.a.Package
	got := storage.Reading{Digest: p.Digest, Size: p.Size, Medium: u.medium}
	return opsdb.Outcome{
		Target:   &opsdb.CopyFact{State: opsdb.Staged, Path: dir, Size: p.Bytes},
		Receipts: []opsdb.Receipt{u.receipt(target.Location, dir, got)},
	}, nil
}
