package postgres

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// finished reports whether this very Finish has been done already.
func finished(j job, token int64, out opsdb.Outcome) bool {
	if j.Token != token || token == 0 {
		return false
	}
	if out.Next == "" {
		return j.State == opsdb.TaskCompleted
	}
	return j.State == opsdb.TaskScheduled && j.Worker == "" && j.Piece == out.Next
}

// nextPiece schedules the task for its other piece: the link is free, the
// site's slot is now one of the site where the piece runs, the room stays.
func (t *tx) nextPiece(j job, piece opsdb.Piece) error {
	if err := t.leave(j, piece); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM task_slot WHERE task = $1 AND starts_with(slot, 'link:')`, string(j.ID)); err != nil {
		return err
	}
	before := "site:" + j.Site()
	if j.Piece = piece; before != "site:"+j.Site() {
		if err := t.exec(`UPDATE task_slot SET slot = $1 WHERE task = $2 AND slot = $3`, "site:"+j.Site(), string(j.ID), before); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE task SET state = 'scheduled', piece = $1, worker = '', phase = '', done = 0, total = 0, lease_until = $2, look_at = $6, updated_at = $3, waits = $5 WHERE id = $4`,
		string(piece), us(t.now.Add(j.ClaimBy)), us(t.now), string(j.ID), t.forClaim(), t.lookAt(t.now.Add(j.ClaimBy)))
}

// outcome records the facts of a good end, in an order in which each finds what it builds on.
func (t *tx) outcome(j job, out opsdb.Outcome) error {
	if out.Packed != nil {
		if err := t.packed(j, *out.Packed); err != nil {
			return err
		}
	}
	if err := t.receipts(out.Receipts); err != nil {
		return err
	}
	if err := t.changedMembers(j, out.Changed); err != nil {
		return err
	}
	if err := t.removed(j, out.Removed); err != nil {
		return err
	}
	t.sent(j, out.Sent)
	if out.Target != nil {
		if err := t.target(j, *out.Target, out); err != nil {
			return err
		}
	}
	if out.Corrupt != nil {
		if err := t.corrupt(j, *out.Corrupt); err != nil {
			return err
		}
	}
	return t.kept(j, out.Kept)
}

// packed is the birth of a digest: once, never changed (S4).
func (t *tx) packed(j job, k opsdb.Packed) error {
	p, err := tables.PackOf(t, j.Package)
	if err != nil {
		return err
	}
	if p.Packed() {
		if p.Digest == k.Digest && p.Size == k.Size {
			return nil
		}
		return fmt.Errorf("package %s has digest %s, now %s: %w", p.Name, p.Digest, k.Digest, opsdb.ErrInvariant)
	}
	if k.Digest == "" || k.Size <= 0 {
		return fmt.Errorf("package %s: a digest and a size are needed: %w", p.Name, opsdb.ErrInvariant)
	}
	bare, err := t.count(`SELECT count(*) FROM member WHERE package = $1 AND digest = ''`, p.Row)
	if err != nil {
		return err
	}
	if bare > 0 {
		return fmt.Errorf("package %s: %d members have no digest: %w", p.Name, bare, opsdb.ErrInvariant)
	}
	if err := t.exec(`UPDATE package SET digest = $1, size = $2, manifest = $3 WHERE key = $4`, string(k.Digest), k.Size, string(k.Manifest), p.Row); err != nil {
		return err
	}
	if err := t.touch(p.ID); err != nil {
		return err
	}
	t.event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventPackaged, Subject: tables.PackageSubject(p.ID), Package: p.ID, Revision: j.Revision,
		After: text(map[string]any{"digest": k.Digest, "size": k.Size, "files": p.Files, "bytes": p.Bytes})})
	return t.exec(`INSERT INTO segments (package, digests) VALUES ($1, $2)`, p.Row, text(k.Segments))
}

// target records what stands at the destination now.
func (t *tx) target(j job, f opsdb.CopyFact, out opsdb.Outcome) error {
	c, err := tables.CopyOf(t, j.TargetCopy)
	if err != nil {
		return fmt.Errorf("target copy %s: %w", j.TargetCopy, err)
	}
	switch f.State {
	case opsdb.Arrived:
		return t.arrived(j, c, f)
	case opsdb.Present, opsdb.Staged:
		return t.verified(j, c, f)
	case opsdb.Deleted:
		return t.deleted(j, c)
	}
	return fmt.Errorf("a piece cannot end with a copy that is %s: %w", f.State, opsdb.ErrInvariant)
}

func (t *tx) arrived(j job, c opsdb.Copy, f opsdb.CopyFact) error {
	if c.State != opsdb.Expected && c.State != opsdb.Arrived {
		return fmt.Errorf("copy at %s is %s, not expected: %w", c.Location, c.State, opsdb.ErrInvariant)
	}
	if err := t.stands(c, f, opsdb.Arrived); err != nil {
		return err
	}
	tables.CopyEvent(t, c, opsdb.EventCopyArrived, "worker:"+j.Worker, "", j.Revision, string(opsdb.Arrived))
	return nil
}

// stands writes state and place of a copy as found; a size of 0 leaves the expected one.
func (t *tx) stands(c opsdb.Copy, f opsdb.CopyFact, state opsdb.CopyState) error {
	if f.Path == "" {
		f.Path = c.Path
	}
	if f.Size == 0 {
		f.Size = c.Size
	}
	return t.exec(`UPDATE copy SET state = $1, path = $2, size = $3, identity = $4, sidecar = sidecar OR $5,
	  receipt = (SELECT key FROM receipt WHERE package = copy.package AND location = copy.location AND path = $2 ORDER BY at DESC, key DESC LIMIT 1) WHERE id = $6`,
		string(state), blob(f.Path), f.Size, f.Identity, f.Sidecar, string(c.ID))
}

// verified makes a copy stand; only a receipt of that very path that speaks for the package does.
func (t *tx) verified(j job, c opsdb.Copy, f opsdb.CopyFact) error {
	switch c.State {
	case opsdb.Expected, opsdb.Arrived, opsdb.Present, opsdb.Staged:
	default:
		return fmt.Errorf("copy at %s is %s: %w", c.Location, c.State, opsdb.ErrInvariant)
	}
	p, err := tables.PackOf(t, c.Package)
	if err != nil {
		return err
	}
	if err := t.stands(c, f, f.State); err != nil {
		return err
	}
	now, err := tables.CopyOf(t, c.ID)
	if err != nil {
		return err
	}
	if !now.Receipt.Speaks(p.Package, t.now, 0) {
		return fmt.Errorf("copy of %s at %s: no receipt says that it is right: %w", p.Name, c.Location, opsdb.ErrInvariant)
	}
	observed, err := t.observed()
	if err != nil {
		return err
	}
	if c.State != f.State {
		tables.CopyEvent(t, c, opsdb.EventCopyVerified, "worker:"+j.Worker, "", j.Revision, text(now.Receipt))
	}
	return t.exec(`UPDATE copy SET verified_at = $1, verified_age = coalesce(verified_age, $2), verify_asked = NULL, reason = '' WHERE id = $3`,
		us(now.Receipt.At), us(observed), string(c.ID))
}

// deleted ends a deletion whose proof was committed before the act.
func (t *tx) deleted(j job, c opsdb.Copy) error {
	if c.State != opsdb.DeletionInProgress || j.Confirmed == 0 {
		return fmt.Errorf("copy at %s is %s and its deletion was not confirmed: %w", c.Location, c.State, opsdb.ErrInvariant)
	}
	tables.CopyEvent(t, c, opsdb.EventDeleted, "worker:"+j.Worker, "", j.Revision, string(opsdb.Deleted))
	if err := tables.SetCopy(t, c.ID, opsdb.Deleted); err != nil {
		return err
	}
	return t.roomFreed(c.Location)
}

// corrupt quarantines a copy that was read and is wrong, or says that it is not there.
func (t *tx) corrupt(j job, k opsdb.Corrupt) error {
	c, err := tables.CopyOf(t, k.Copy)
	if err != nil {
		return fmt.Errorf("corrupt copy %s: %w", k.Copy, err)
	}
	if c.Package != j.Package {
		return fmt.Errorf("copy %s is of another package: %w", k.Copy, opsdb.ErrInvariant)
	}
	if !c.Live() {
		return nil
	}
	state, kind := opsdb.Quarantined, opsdb.EventQuarantined
	if k.Lost {
		state, kind = opsdb.Lost, opsdb.EventCopyLost
	}
	if k.MovedTo != "" {
		c.Path = k.MovedTo
	}
	tables.CopyEvent(t, c, kind, "worker:"+j.Worker, k.Reason, j.Revision, string(state))
	if err := t.exec(`UPDATE copy SET state = $1, before = $2, reason = $3, path = $4, condemned_age = NULL WHERE id = $5`,
		string(state), string(c.State), k.Reason, blob(c.Path), string(c.ID)); err != nil {
		return err
	}
	return t.exec(`UPDATE package_state SET urgent = true WHERE id = $1`, string(c.Package))
}
