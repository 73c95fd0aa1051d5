package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func transferSpec() stages.Spec {
	return stages.Spec{
		Type: "transfer",
		Help: "Moves a package along a link or within a site: send at the link's driver, then receive at the destination, where it is synced, read back from the medium, signed for and given its final name.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "Where packages are read.", Example: "ccat.buffer"},
			{Name: "to", Type: stages.Places, Required: true, Help: "Where they may go; the engine finds the way each package takes.", Example: "landing"},
			{Name: "batch", Type: stages.Object, Help: "Several packages in one call of the transport over a link, each verified and recorded on its own. Without it each package is sent by itself; a repair or a request never waits for others.",
				Example: "{max_size: 200GB, max_packages: 100, max_wait: 10m}",
				Fields: []stages.Field{
					{Name: "max_size", Type: stages.Size, Help: "Bytes of a batch at most, and enough for it to go; no limit if not said. A larger package goes alone.", Example: "200GB"},
					{Name: "max_packages", Type: stages.Int, Min: 1, Default: "100", Help: "Packages of a batch at most, and enough for it to go.", Example: "100"},
					{Name: "max_wait", Type: stages.Duration, Default: "0s", Help: "How long a package waits for others at most; without it what is ready goes together.", Example: "10m"},
				}},
		},
		Phases:       phases(storage.Moving, storage.Syncing, storage.ReadingBack, storage.Committing, checking),
		FromTypes:    []opsdb.LocationType{opsdb.Buffer, opsdb.Archive, opsdb.Processing},
		ToTypes:      []opsdb.LocationType{opsdb.Buffer},
		CrossesLinks: true,
	}
}

// transferStage moves packages between locations.
type transferStage struct{ deps Deps }

// Spec implements [stages.Stage].
func (transferStage) Spec() stages.Spec { return transferSpec() }

// Run implements [stages.Stage]. Across a link it does one of two pieces; within a site both.
func (s transferStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	r := newRun(s.deps, w)
	if r.a.Task.Piece != opsdb.Receive {
		out, err := r.send(ctx)
		if err != nil || r.a.Task.Piece == opsdb.Send || out.Corrupt != nil {
			return out, err
		}
	}
	return r.receive(ctx)
}

// receive makes what arrived a copy: synced, read back from the medium, named.
// Nothing has the final name unless it is right.
func (r *run) receive(ctx context.Context) (opsdb.Outcome, error) {
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	st, err := r.storage(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	in, err := receiver(st)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	reading, err := r.settle(ctx, st, in, target)
	if err != nil {
		return opsdb.Outcome{}, r.failed(ctx, target.Location, "receive "+target.Path, err)
	}
	if err := r.discardEarlier(ctx, st); err != nil {
		return opsdb.Outcome{}, r.failed(ctx, target.Location, "remove leftovers", err)
	}
	return opsdb.Outcome{
		Target:   &opsdb.CopyFact{State: opsdb.Present, Path: target.Path, Size: reading.Size, Identity: reading.Identity},
		Receipts: []opsdb.Receipt{r.receipt(target.Location, target.Path, reading)},
	}, nil
}

// settle gives the newest part its final name: that one's sender has ended,
// an older one may still be written by an orphan. What has the name already is adopted if it is right; if
// not, it is no copy of this package and is set aside.
func (r *run) settle(ctx context.Context, st storage.Storage, in storage.Receiver, target opsdb.Copy) (storage.Reading, error) {
	part, reading, err := r.settleNewest(ctx, st, in, target)
	if errors.Is(err, storage.ErrMismatch) {
		// Read again before the data are blamed.
		reading, err = in.Settle(ctx, part, target.Path, r.want(), r.progress())
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return r.replaceName(ctx, st, in, part, target)
	case missing(err):
		return reading, r.nothingArrived(ctx, st, target, err)
	}
	return reading, err
}

// replaceName sets aside what has the final name with other content, and tries again.
func (r *run) replaceName(ctx context.Context, st storage.Storage, in storage.Receiver, part storage.Attempt, target opsdb.Copy) (storage.Reading, error) {
	if _, err := st.Quarantine(ctx, target.Path, r.attempt()); err != nil && !missing(err) {
		return storage.Reading{}, err
	}
	return in.Settle(ctx, part, target.Path, r.want(), r.progress())
}

// nothingArrived tells that the bytes must be sent again; a wrong file that
// has the final name is set aside, so that it is not taken for them once more.
func (r *run) nothingArrived(ctx context.Context, st storage.Storage, target opsdb.Copy, cause error) error {
	if _, err := st.Stat(ctx, target.Path); err == nil {
		if _, err := st.Quarantine(ctx, target.Path, r.attempt()); err != nil && !missing(err) {
			return err
		}
	} else if !missing(err) {
		return err
	}
	return badData("nothing whole arrived at %s: %v", target.Location, cause)
}

// settleNewest settles this attempt's part, or the latest there is. If there is none, what has the final name may be it.
func (r *run) settleNewest(ctx context.Context, st storage.Storage, in storage.Receiver, target opsdb.Copy) (part storage.Attempt, reading storage.Reading, err error) {
	left, err := r.leftovers(ctx, st)
	if err != nil {
		return part, reading, err
	}
	slices.Reverse(left)
	for _, part = range append([]storage.Attempt{r.attempt()}, left...) {
		reading, err = in.Settle(ctx, part, target.Path, r.want(), r.progress())
		if !missing(err) {
			return part, reading, err
		}
	}
	return part, reading, err
}

func receiver(st storage.Storage) (storage.Receiver, error) {
	in, ok := st.(storage.Receiver)
	if !ok {
		return nil, stages.Failed(opsdb.Failure{Class: opsdb.BadConfig}, fmt.Errorf("nothing can be sent to %s directly: it needs a stop at a buffer", st.Location()))
	}
	return in, nil
}
