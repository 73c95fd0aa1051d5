package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// deletion lets a delete task through: the gate, the grace, and the brake.
func (d *dispatch) deletion(j *job, p pack, again bool) (*opsdb.Dispatched, error) {
	c, err := tables.CopyOf(d, j.TargetCopy)
	if err != nil {
		return nil, err
	}
	j.Path, j.Form = c.Path, c.Form
	if again && j.Confirmed > 0 {
		return nil, nil // cut short: what it holds is put back, or goes, by the worker, who asks the gate
	}
	_, no, err := d.gate(p, c, j.ID)
	if err != nil {
		return nil, err
	}
	if no == nil {
		no, err = d.grace(p, c, again)
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
	if r, err := d.brake(c, p.Policies[c.Location].Brake); err != nil || r != nil {
		return r, err
	}
	return nil, tables.SetCopy(d, c.ID, opsdb.DeletionScheduled)
}

// grace is over once the system has observed enough time since the copy was condemned (S7, S14).
func (d *dispatch) grace(p pack, c opsdb.Copy, again bool) (*opsdb.Objection, error) {
	var observed time.Time
	var suspect bool
	if _, err := d.get([]any{&observed, &suspect}, `SELECT observed, suspect FROM observed_clock`); err != nil {
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
func (d *dispatch) brake(c opsdb.Copy, limit opsdb.Spent) (*opsdb.Dispatched, error) {
	var s opsdb.Spent
	if _, err := d.get([]any{&s.Bytes, &s.Packages}, `SELECT coalesce(sum(bytes), 0)::bigint, coalesce(sum(packages), 0)::bigint FROM brake WHERE location = $1 AND minute > $2`,
		c.Location, minute(d.now)-60); err != nil {
		return nil, err
	}
	// A copy larger than the hour's bytes may go alone.
	if limit.Bytes > 0 && s.Bytes > 0 && s.Bytes+c.Size > limit.Bytes || limit.Packages > 0 && s.Packages >= limit.Packages {
		r := refused(opsdb.NoBrake, "%s: %d packages, %d bytes were deleted in the last hour", c.Location, s.Packages, s.Bytes)
		return &r, nil
	}
	if err := d.exec(`DELETE FROM brake WHERE location = $1 AND minute <= $2`, c.Location, minute(d.now)-60); err != nil {
		return nil, err
	}
	return nil, d.exec(`INSERT INTO brake (location, minute, bytes, packages) VALUES ($1, $2, $3, 1)
	  ON CONFLICT (location, minute) DO UPDATE SET bytes = brake.bytes + excluded.bytes, packages = brake.packages + 1`, c.Location, minute(d.now), c.Size)
}

// Confirm implements opsdb.Working.
func (s *Store) Confirm(ctx context.Context, task opsdb.ID, token int64) (proof opsdb.DeletionProof, err error) {
	var no *opsdb.Objection
	err = s.write(ctx, "Confirm", func(t *tx) error {
		if err := t.lockForDeletion(task); err != nil {
			return err
		}
		j, err := t.owned(task, token)
		if err != nil {
			return err
		}
		if j.Type != "delete" {
			return fmt.Errorf("task %s is of type %s: %w", task, j.Type, opsdb.ErrInvariant)
		}
		p, err := tables.PackOf(t, j.Package)
		if err != nil {
			return err
		}
		c, err := tables.CopyOf(t, j.TargetCopy)
		if err != nil {
			return err
		}
		var receipts []opsdb.Receipt
		if receipts, no, err = t.lastGate(j, p, c); err != nil {
			return err
		}
		if no != nil && j.Confirmed == j.Token {
			no.Again = true
			return nil
		}
		if no != nil {
			return t.keep(j, c, no)
		}
		policy := p.Policies[c.Location]
		proof = opsdb.DeletionProof{Require: max(policy.Require, 1), Fresh: policy.Fresh.String(), Receipts: receipts}
		if c.Form == opsdb.Files {
			proof.Files = p.Files - p.Gone
		}
		return t.deleting(j, c, proof)
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
func (t *tx) lockForDeletion(task opsdb.ID) error {
	t.queue(`SELECT FROM opsdb FOR SHARE`)
	j, err := tables.JobOf(t, task)
	if err != nil {
		return fmt.Errorf("task %s: %w", task, err)
	}
	return t.lockWithPeers(j.Package)
}

// lastGate is the gate right before the act. What was evaluated under another
// revision than the active one is not good enough.
func (t *tx) lastGate(j job, p pack, c opsdb.Copy) ([]opsdb.Receipt, *opsdb.Objection, error) {
	var suspect, current bool
	if _, err := t.get([]any{&suspect, &current}, `SELECT c.suspect, s.revision = o.revision FROM opsdb o, observed_clock c, package_state s WHERE s.package = $1`, p.Row); err != nil {
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
	return t.gate(p, c, j.ID)
}

// deleting commits the proof before the act, once for every attempt.
func (t *tx) deleting(j job, c opsdb.Copy, proof opsdb.DeletionProof) error {
	if j.Confirmed == j.Token {
		return nil
	}
	tables.CopyEvent(t, c, opsdb.EventDeleting, "worker:"+j.Worker, "", j.Revision, text(proof))
	if err := t.exec(`UPDATE task SET confirmed = token, updated_at = $1 WHERE id = $2`, us(t.now), string(j.ID)); err != nil {
		return err
	}
	return tables.SetCopy(t, c.ID, opsdb.DeletionInProgress)
}

// keep withdraws a deletion that the gate refused and pardons the copy.
func (t *tx) keep(j job, c opsdb.Copy, no *opsdb.Objection) error {
	tables.CopyEvent(t, c, opsdb.EventDeletionKept, "worker:"+j.Worker, no.Error(), j.Revision, "")
	if err := t.withdraw(j, j.Revision, no.Text); err != nil {
		return err
	}
	c, err := tables.CopyOf(t, c.ID)
	if err != nil {
		return err
	}
	if c.State == opsdb.DeletionInProgress {
		c.State = opsdb.DeletionPossible // the worker puts back what it holds
	}
	return t.pardon(c, j.Revision, no.Text)
}
