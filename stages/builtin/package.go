package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func packageSpec() stages.Spec {
	return stages.Spec{
		Type: "package",
		Help: "Closes a group of source files and writes them into a tar whose content is a BagIt bag, reading each byte once: per-file digests, tar digest and segment digests in one pass. A file that changes meanwhile is left out and the group is packed again without it.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "The source locations whose files it packs; within one route a source belongs to one package stage.", Example: "[ccat.primecam, ccat.chai]"},
			{Name: "to", Type: stages.Places, Required: true, Help: "The buffer at the same site where packages are written.", Example: "ccat.buffer"},
			{Name: "select", Type: stages.Expression, Kind: "select", Default: "true",
				Help: "Which files it takes. Files that no route selects are shown as unrouted.", Example: `group.program != "ENG"`},
			{Name: "group_by", Type: stages.Names, Default: "[instrument, observation, module]", Options: []string{"instrument", "observation", "module", "program"},
				Help: "Files that agree in these go together. A group never spans two locations.", Example: "[instrument, observation, module]"},
			{Name: "max_size", Type: stages.Size, Default: "50GB",
				Help: "A group is split so that no package is larger, except for a single file that is.", Example: "50GB"},
			{Name: "close_when", Type: stages.Expression, Kind: "close_when", Default: "group.finished || group.bytes >= GB(50) || group.idle >= minutes(10)",
				Help: "When a group takes no more files and is packed.", Example: "group.finished || group.idle >= minutes(10)"},
		},
		Phases:    phases(checking, storage.Moving, storage.Syncing, storage.ReadingBack, storage.Committing, recording),
		FromTypes: []opsdb.LocationType{opsdb.Source},
		ToTypes:   []opsdb.LocationType{opsdb.Buffer},
	}
}

// packageStage writes packages.
type packageStage struct{ deps Deps }

// Spec implements [stages.Stage].
func (packageStage) Spec() stages.Spec { return packageSpec() }

// Run implements [stages.Stage]. A member that is no longer what was frozen
// is an outcome (the package is packed again without it), unless the digest is born:
// then the package cannot be made again from these files.
func (s packageStage) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	r := newRun(s.deps, w)
	target, err := r.target()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	st, err := r.storage(target.Location)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	tree, err := r.tree(r.a.Package.Source)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	members, changed, err := r.check(ctx, tree)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	defer func() { _ = members.Close() }()
	if len(changed) > 0 {
		return r.changed(changed)
	}
	if err := r.discardEarlier(ctx, st); err != nil {
		return opsdb.Outcome{}, r.failed(ctx, target.Location, "remove leftovers", err)
	}
	p := &packer{run: r, tree: tree, members: members}
	out, err := p.pack(ctx, st, target)
	if me := new(memberChanged); errors.As(err, &me) {
		return r.changed([]opsdb.ChangedMember{me.ChangedMember})
	}
	return out, r.failed(ctx, target.Location, "pack "+r.a.Package.Name, err)
}

// changed is the outcome for members that are not what was frozen.
func (r *run) changed(changed []opsdb.ChangedMember) (opsdb.Outcome, error) {
	if r.a.Package.Packed() {
		return opsdb.Outcome{}, badData("package %s cannot be made again from its source: %d members changed, first %s: %s",
			r.a.Package.Name, len(changed), changed[0].File, changed[0].Reason)
	}
	return opsdb.Outcome{Changed: changed}, nil
}

// owned fails if another attempt owns the task, or has packed the package: what lies there may be its tar. A package
// that had its digest before was compared with that.
func (p *packer) owned(ctx context.Context) error {
	if p.a.Package.Packed() {
		return nil
	}
	if err := p.RecordMembers(ctx, nil); err != nil {
		return fmt.Errorf("ask whether the package is still to be packed: %w", err)
	}
	return nil
}

// pack puts the tar under its final name. What lies there with other bytes is
// no copy of this package: it is set aside, once.
func (p *packer) pack(ctx context.Context, st storage.Storage, target opsdb.Copy) (opsdb.Outcome, error) {
	reading, err := p.put(ctx, st, target.Path)
	if errors.Is(err, fs.ErrExist) {
		if err := p.owned(ctx); err != nil {
			return opsdb.Outcome{}, err
		}
		if _, err := st.Quarantine(ctx, target.Path, p.attempt()); err != nil && !missing(err) {
			return opsdb.Outcome{}, fmt.Errorf("set aside what lies at %s: %w", target.Path, err)
		}
		reading, err = p.put(ctx, st, target.Path)
	}
	defer p.drop()
	if err != nil {
		return opsdb.Outcome{}, err
	}
	if !p.a.Package.Packed() {
		if err := p.record(ctx, p.born); err != nil {
			return opsdb.Outcome{}, err
		}
	}
	packed := p.written.Packed
	return opsdb.Outcome{
		Packed:   &packed,
		Unlike:   p.unlike.told,
		Target:   &opsdb.CopyFact{State: opsdb.Present, Path: target.Path, Size: reading.Size, Identity: reading.Identity},
		Receipts: []opsdb.Receipt{p.receipt(target.Location, target.Path, reading)},
	}, nil
}
