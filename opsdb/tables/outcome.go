package tables

import (
	"fmt"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// RecordOutcome records the facts of a good end, in an order in which each finds what it builds on.
func RecordOutcome(t Tx, j Job, out opsdb.Outcome) error {
	if out.Packed != nil {
		if err := packed(t, j, *out.Packed); err != nil {
			return err
		}
	}
	for _, m := range out.Unlike {
		t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventFileUnlike, Subject: "file:" + string(m.File), Package: j.Package,
			Location: j.From, Revision: j.Revision, Why: m.Reason})
	}
	if err := recordReceipts(t, out.Receipts); err != nil {
		return err
	}
	if err := changedMembers(t, j, out.Changed); err != nil {
		return err
	}
	if err := removed(t, j, out.Removed); err != nil {
		return err
	}
	sent(t, j, out.Sent)
	if out.Target != nil {
		if err := target(t, j, *out.Target, out); err != nil {
			return err
		}
	}
	if out.Corrupt != nil {
		if err := corrupt(t, j, *out.Corrupt); err != nil {
			return err
		}
	}
	return kept(t, j, out.Kept)
}

// packed is the birth of a digest: once, never changed (S4).
func packed(t Tx, j Job, k opsdb.Packed) error {
	p, err := PackOf(t, j.Package)
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
	bare, err := Count(t, `SELECT count(*) FROM member WHERE package = $1 AND digest = ''`, p.Row)
	if err != nil {
		return err
	}
	if bare > 0 {
		return fmt.Errorf("package %s: %d members have no digest: %w", p.Name, bare, opsdb.ErrInvariant)
	}
	if err := t.Exec(`UPDATE package SET digest = $1, size = $2, manifest = $3 WHERE key = $4`, string(k.Digest), k.Size, string(k.Manifest), p.Row); err != nil {
		return err
	}
	if err := Touch(t, p.ID); err != nil {
		return err
	}
	t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventPackaged, Subject: packageSubject(p.ID), Package: p.ID, Revision: j.Revision,
		After: JSON(map[string]any{"digest": k.Digest, "size": k.Size, "files": p.Files, "bytes": p.Bytes})})
	return t.Exec(`INSERT INTO segments (package, digests) VALUES ($1, $2)`, p.Row, JSON(k.Segments))
}

// target records what stands at the destination now.
func target(t Tx, j Job, f opsdb.CopyFact, out opsdb.Outcome) error {
	c, err := CopyOf(t, j.TargetCopy)
	if err != nil {
		return fmt.Errorf("target copy %s: %w", j.TargetCopy, err)
	}
	switch f.State {
	case opsdb.Arrived:
		return arrived(t, j, c, f)
	case opsdb.Present, opsdb.Staged:
		return verified(t, j, c, f)
	case opsdb.Deleted:
		return deleted(t, j, c)
	}
	return fmt.Errorf("a piece cannot end with a copy that is %s: %w", f.State, opsdb.ErrInvariant)
}

func arrived(t Tx, j Job, c opsdb.Copy, f opsdb.CopyFact) error {
	if c.State != opsdb.Expected && c.State != opsdb.Arrived {
		return fmt.Errorf("copy at %s is %s, not expected: %w", c.Location, c.State, opsdb.ErrInvariant)
	}
	if err := stands(t, c, f, opsdb.Arrived); err != nil {
		return err
	}
	copyEvent(t, c, opsdb.EventCopyArrived, "worker:"+j.Worker, "", j.Revision, string(opsdb.Arrived))
	return nil
}

// stands writes state and place of a copy as found; a size of 0 leaves the expected one.
func stands(t Tx, c opsdb.Copy, f opsdb.CopyFact, state opsdb.CopyState) error {
	if f.Path == "" {
		f.Path = c.Path
	}
	if f.Size == 0 {
		f.Size = c.Size
	}
	return t.Exec(`UPDATE copy SET state = $1, path = $2, size = $3, identity = $4, sidecar = sidecar OR $5,
	  receipt = (SELECT key FROM receipt WHERE package = copy.package AND location = copy.location AND path = $2 ORDER BY at DESC, key DESC LIMIT 1) WHERE id = $6`,
		string(state), Blob(f.Path), f.Size, f.Identity, f.Sidecar, string(c.ID))
}

// verified makes a copy stand; only a receipt of that very path that speaks for the package does.
func verified(t Tx, j Job, c opsdb.Copy, f opsdb.CopyFact) error {
	switch c.State {
	case opsdb.Expected, opsdb.Arrived, opsdb.Present, opsdb.Staged:
	default:
		return fmt.Errorf("copy at %s is %s: %w", c.Location, c.State, opsdb.ErrInvariant)
	}
	p, err := PackOf(t, c.Package)
	if err != nil {
		return err
	}
	if err := stands(t, c, f, f.State); err != nil {
		return err
	}
	now, err := CopyOf(t, c.ID)
	if err != nil {
		return err
	}
	if !now.Receipt.Speaks(p.Package, t.Now(), 0) {
		return fmt.Errorf("copy of %s at %s: no receipt says that it is right: %w", p.Name, c.Location, opsdb.ErrInvariant)
	}
	observed, err := Observed(t)
	if err != nil {
		return err
	}
	if c.State != f.State {
		copyEvent(t, c, opsdb.EventCopyVerified, "worker:"+j.Worker, "", j.Revision, JSON(now.Receipt))
	}
	return t.Exec(`UPDATE copy SET verified_at = $1, verified_age = coalesce(verified_age, $2), verify_asked = NULL, reason = '' WHERE id = $3`,
		Time(now.Receipt.At), Time(observed), string(c.ID))
}

// deleted ends a deletion whose proof was committed before the act.
func deleted(t Tx, j Job, c opsdb.Copy) error {
	if c.State != opsdb.DeletionInProgress || j.Confirmed == 0 {
		return fmt.Errorf("copy at %s is %s and its deletion was not confirmed: %w", c.Location, c.State, opsdb.ErrInvariant)
	}
	copyEvent(t, c, opsdb.EventDeleted, "worker:"+j.Worker, "", j.Revision, string(opsdb.Deleted))
	if err := setCopy(t, c.ID, opsdb.Deleted); err != nil {
		return err
	}
	return roomFreed(t, c.Location)
}

// corrupt quarantines a copy that was read and is wrong, or says that it is not there.
func corrupt(t Tx, j Job, k opsdb.Corrupt) error {
	c, err := CopyOf(t, k.Copy)
	if err != nil {
		return fmt.Errorf("corrupt copy %s: %w", k.Copy, err)
	}
	if c.Package != j.Package {
		return fmt.Errorf("copy %s is of another package: %w", k.Copy, opsdb.ErrInvariant)
	}
	if !c.Live() {
		return movedAside(t, j, c, k)
	}
	state, kind := opsdb.Quarantined, opsdb.EventQuarantined
	if k.Lost {
		state, kind = opsdb.Lost, opsdb.EventCopyLost
	}
	if k.MovedTo != "" {
		c.Path = k.MovedTo
	}
	copyEvent(t, c, kind, "worker:"+j.Worker, k.Reason, j.Revision, string(state))
	if err := t.Exec(`UPDATE copy SET state = $1, before = $2, reason = $3, path = $4, condemned_age = NULL WHERE id = $5`,
		string(state), string(c.State), k.Reason, Blob(c.Path), string(c.ID)); err != nil {
		return err
	}
	return t.Exec(`UPDATE `+t.Dialect().State+` SET urgent = true WHERE id = $1`, string(c.Package))
}

// movedAside records where a copy lies of which another task spoke first: of two that read it at once one moves it, the other finds it gone (or wrong,
// and does not move it). Why ever it was lost, it was this very one that was moved: neither state counts for anything, and what was made in its place
// meanwhile is another copy.
func movedAside(t Tx, j Job, c opsdb.Copy, k opsdb.Corrupt) error {
	reads := c.ID == j.SourceCopy || c.ID == j.TargetCopy
	if k.Lost || k.MovedTo == "" || !reads || c.State == opsdb.Deleted || c.Form == opsdb.Files || strings.HasPrefix(c.Path, opsdb.QuarantineDir+"/") {
		return nil
	}
	if c.State == opsdb.Lost {
		c.Reason = k.Reason
		copyEvent(t, c, opsdb.EventQuarantined, "worker:"+j.Worker, k.Reason, j.Revision, string(opsdb.Quarantined))
	}
	return t.Exec(`UPDATE copy SET state = 'quarantined', reason = $1, path = $2, condemned_age = NULL WHERE id = $3`, c.Reason, Blob(k.MovedTo), string(c.ID))
}
