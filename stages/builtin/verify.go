package builtin

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func verifySpec() stages.Spec {
	return stages.Spec{
		Type: "verify",
		Help: "Re-reads copies from their medium on a cycle. A good reading is a fresh receipt; a copy that is corrupt or lost is set aside, and what is then wanted is made again by its way.",
		Fields: []stages.Field{
			{Name: "at", Type: stages.Places, Required: true, Help: "Whose copies it re-reads.", Example: "archives"},
			{Name: "every", Type: stages.Duration, Required: true, Help: "How old a copy's last reading may become before it is read again.", Example: "90d"},
			{Name: "on_corrupt", Type: stages.Choice, Options: []string{"repair"}, Default: "repair",
				Help: "What follows when a copy is corrupt: it is made again from a good one.", Example: "repair"},
		},
		Phases:  phases(storage.ReadingBack, checking, storage.Committing),
		ToTypes: []opsdb.LocationType{opsdb.Buffer, opsdb.Archive},
	}
}

// verifyStage re-reads copies.
type verifyStage struct{ deps Deps }

// Spec implements [stages.Stage].
func (verifyStage) Spec() stages.Spec { return verifySpec() }

// Run implements [stages.Stage]. A copy that is wrong or gone is an outcome; an error means that nothing was found out.
func (s verifyStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	r := newRun(s.deps, w)
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	st, err := r.storage(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	found, err := r.examine(ctx, st, target.Path)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	if !found.good {
		return r.corrupt(ctx, st, target, r.a.ToType, found)
	}
	return opsdb.Outcome{Receipts: []opsdb.Receipt{r.receipt(target.Location, target.Path, found.reading)}}, nil
}
