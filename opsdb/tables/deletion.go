package tables

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Deletion lets a delete task through: the gate, the grace, and the brake. It
// fills in what is removed, and returns why the task may not be given out; nil: it may.
func Deletion(d Tx, j *Job, p Pack, again bool) (*opsdb.Dispatched, error) {
	c, err := CopyOf(d, j.TargetCopy)
	if err != nil {
		return nil, err
	}
	j.Path, j.Form = c.Path, c.Form
	if again && j.Confirmed > 0 {
		return nil, nil // cut short: what it holds is put back, or goes, by the worker, who asks the gate
	}
	_, no, err := gate(d, p, c, j.ID)
	if err != nil {
		return nil, err
	}
	if no == nil {
		no, err = grace(d, p, c, again)
	}
	if err != nil {
		return nil, err
	}
	if no != nil {
		r := refused(opsdb.GateShut, "%s", no.Text)
		return &r, nil //nolint:nilerr // what objects is no failure of ours
	}
	if again {
		return nil, nil
	}
	if r, err := brake(d, c, p.Policies[c.Location].Brake); err != nil || r != nil {
		return r, err
	}
	return nil, setCopy(d, c.ID, opsdb.DeletionScheduled)
}

// grace is over once the system has observed enough time since the copy was condemned (S7, S14).
func grace(d Tx, p Pack, c opsdb.Copy, again bool) (*opsdb.Objection, error) {
	var observed time.Time
	var suspect bool
	if _, err := Get(d, []any{At(&observed), &suspect}, `SELECT observed, suspect FROM `+d.Dialect().Clock); err != nil {
		return nil, err
	}
	grace := p.Policies[c.Location].Grace
	switch {
	case suspect:
		return &opsdb.Objection{Rule: "S7", Reason: "time_suspect", Text: "the clock has jumped and nobody confirmed it"}, nil
	case again:
		return nil, nil
	case c.State != opsdb.DeletionPossible:
		return &opsdb.Objection{Rule: "S14", Reason: "condemning", Text: "the copy is " + string(c.State)}, nil
	case observed.Sub(c.CondemnedAge) < grace:
		return &opsdb.Objection{Rule: "S14", Reason: "grace", Text: "condemned " + observed.Sub(c.CondemnedAge).String() + " ago, grace is " + grace.String()}, nil
	}
	return nil, nil
}

// brake counts the deletion, unless the hour is full.
func brake(d Tx, c opsdb.Copy, limit opsdb.Spent) (*opsdb.Dispatched, error) {
	var s opsdb.Spent
	if _, err := Get(d, []any{&s.Bytes, &s.Packages}, `SELECT CAST(coalesce(sum(bytes), 0) AS bigint), CAST(coalesce(sum(packages), 0) AS bigint) FROM brake WHERE location = $1 AND minute > $2`,
		c.Location, minute(d.Now())-60); err != nil {
		return nil, err
	}
	// A copy larger than the hour's bytes may go alone.
	if limit.Bytes > 0 && s.Bytes > 0 && s.Bytes+c.Size > limit.Bytes || limit.Packages > 0 && s.Packages >= limit.Packages {
		r := refused(opsdb.NoBrake, "%s: %d packages, %d bytes were deleted in the last hour", c.Location, s.Packages, s.Bytes)
		return &r, nil
	}
	if err := d.Exec(`DELETE FROM brake WHERE location = $1 AND minute <= $2`, c.Location, minute(d.Now())-60); err != nil {
		return nil, err
	}
	return nil, d.Exec(`INSERT INTO brake (location, minute, bytes, packages) VALUES ($1, $2, $3, 1)
	  ON CONFLICT (location, minute) DO UPDATE SET bytes = brake.bytes + excluded.bytes, packages = brake.packages + 1`, c.Location, minute(d.Now()), c.Size)
}

// minute is how the brake counts time.
func minute(t time.Time) int64 { return t.Unix() / 60 }

func refused(r opsdb.Refusal, format string, args ...any) opsdb.Dispatched {
	return opsdb.Dispatched{Refusal: r, Text: fmt.Sprintf(format, args...)}
}

// Confirm implements opsdb.Working.
func (s Store) Confirm(ctx context.Context, task opsdb.ID, token int64) (proof opsdb.DeletionProof, err error) {
	var no *opsdb.Objection
	err = s.write(ctx, "Confirm", func(t Tx) error {
		if err := lockForDeletion(t, task); err != nil {
			return err
		}
		j, err := Owned(t, task, token)
		if err != nil {
			return err
		}
		if j.Type != "delete" {
			return fmt.Errorf("task %s is of type %s: %w", task, j.Type, opsdb.ErrInvariant)
		}
		p, err := PackOf(t, j.Package)
		if err != nil {
			return err
		}
		c, err := CopyOf(t, j.TargetCopy)
		if err != nil {
			return err
		}
		var receipts []opsdb.Receipt
		if receipts, no, err = lastGate(t, j, p, c); err != nil {
			return err
		}
		if no != nil && j.Confirmed == j.Token {
			no.Again = true
			return nil
		}
		if no != nil {
			return keep(t, j, c, no)
		}
		policy := p.Policies[c.Location]
		proof = opsdb.DeletionProof{Require: max(policy.Require, 1), Fresh: policy.Fresh.String(), Receipts: receipts}
		if c.Form == opsdb.Files {
			proof.Files = p.Files - p.Gone
		}
		return deleting(t, j, c, proof)
	})
	if err != nil {
		return opsdb.DeletionProof{}, err
	}
	if no != nil {
		return opsdb.DeletionProof{}, no
	}
	return proof, nil
}

// lockForDeletion takes a share of the active revision, and the package with its peers.
func lockForDeletion(t Tx, task opsdb.ID) error {
	shareRevision(t)
	j, err := JobOf(t, task)
	if err != nil {
		return fmt.Errorf("task %s: %w", task, err)
	}
	return LockPeers(t, j.Package)
}

// lastGate is the gate right before the act. What was evaluated under another
// revision than the active one is not good enough.
func lastGate(t Tx, j Job, p Pack, c opsdb.Copy) ([]opsdb.Receipt, *opsdb.Objection, error) {
	var suspect, current bool
	if _, err := Get(t, []any{&suspect, &current}, `SELECT c.suspect, s.revision = o.revision FROM opsdb o, `+t.Dialect().Clock+` c, `+t.Dialect().State+` s WHERE s.`+t.Dialect().StateKey+` = $1`, p.Row); err != nil {
		return nil, nil, err
	}
	switch {
	case suspect:
		return nil, &opsdb.Objection{Rule: "S7", Reason: "time_suspect", Text: "the clock has jumped and nobody confirmed it"}, nil
	case !current:
		return nil, &opsdb.Objection{Rule: "S1", Reason: "no_rule", Text: "the routes have changed since this deletion was decided"}, nil
	case c.State != opsdb.DeletionScheduled && c.State != opsdb.DeletionInProgress:
		return nil, &opsdb.Objection{Rule: "S1", Reason: "condemning", Text: "the copy is " + string(c.State)}, nil
	}
	return gate(t, p, c, j.ID)
}

// deleting commits the proof before the act, once for every attempt.
func deleting(t Tx, j Job, c opsdb.Copy, proof opsdb.DeletionProof) error {
	if j.Confirmed == j.Token {
		return nil
	}
	copyEvent(t, c, opsdb.EventDeleting, "worker:"+j.Worker, "", j.Revision, JSON(proof))
	if err := t.Exec(`UPDATE task SET confirmed = token, updated_at = $1 WHERE id = $2`, Time(t.Now()), string(j.ID)); err != nil {
		return err
	}
	return setCopy(t, c.ID, opsdb.DeletionInProgress)
}

// keep withdraws a deletion that the gate refused and pardons the copy.
func keep(t Tx, j Job, c opsdb.Copy, no *opsdb.Objection) error {
	copyEvent(t, c, opsdb.EventDeletionKept, "worker:"+j.Worker, no.Error(), j.Revision, "")
	if err := Withdraw(t, j, j.Revision, no.Text); err != nil {
		return err
	}
	c, err := CopyOf(t, c.ID)
	if err != nil {
		return err
	}
	if c.State == opsdb.DeletionInProgress {
		c.State = opsdb.DeletionPossible // the worker puts back what it holds
	}
	return pardon(t, c, j.Revision, no.Text)
}
