package builtin

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func deleteSpec() stages.Spec {
	return stages.Spec{
		Type:     "delete",
		Help:     "Removes one copy through the safety gate. Compiled from a route's retention; it is never written as a stage.",
		Compiled: true,
		Phases:   phases(checking, storage.ReadingBack, removing),
		ToTypes:  []opsdb.LocationType{opsdb.Source, opsdb.Buffer, opsdb.Processing},
	}
}

// deleteStage removes copies.
type deleteStage struct{ deps Deps }

// Spec implements [stages.Stage].
func (deleteStage) Spec() stages.Spec { return deleteSpec() }

// Run implements [stages.Stage]. The gate is asked first, and again when it
// is proved that what is about to go is what was recorded. An *opsdb.Objection leaves everything in its place.
func (s deleteStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	r := newRun(s.deps, w)
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	if r.a.ToType == opsdb.Archive {
		return opsdb.Outcome{}, stages.Permanent(fmt.Errorf("%s is an archive: nothing is removed there (S3)", target.Location))
	}
	var out opsdb.Outcome
	switch target.Form {
	case opsdb.Files:
		out, err = r.deleteFiles(ctx, target)
	case opsdb.Tree:
		out, err = r.deleteTree(ctx, target)
	default:
		out, err = r.deleteTar(ctx, target)
	}
	return out, r.failed(ctx, target.Location, fmt.Sprintf("delete %s at %s", r.a.Package.Name, target.Location), err)
}

// confirm asks the gate.
func (r *run) confirm(ctx context.Context) error {
	effect.Point(ctx, "builtin.confirm.before")
	_, err := r.Confirm(ctx)
	effect.Point(ctx, "builtin.confirm.after")
	if err != nil {
		return fmt.Errorf("ask the gate: %w", err)
	}
	return nil
}

// gone is the outcome of a deletion that is done.
func gone(target opsdb.Copy) opsdb.Outcome {
	return opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Deleted, Path: target.Path}}
}
