package tables

import (
	"errors"

	"github.com/ccatobs/cdt/opsdb"
)

// Act does what one evaluation says. What stands at a place that has become
// wanted is pardoned whether the evaluation says so or not (S2).
func Act(t Tx, e opsdb.Evaluation, copies []opsdb.Copy, revision int64) (err error) {
	wanted, pardoned := Set(e.Wanted), Set(e.Pardon)
	condemned, lost := Set(e.Condemn), Set(e.Lose)
	press := map[opsdb.ID]int64{}
	for _, x := range e.Press {
		press[x.Copy] = x.Until
	}
	for _, c := range copies {
		until, pressed := press[c.ID]
		switch {
		case lost[c.ID] && c.Live():
			err = loseCopy(t, c, revision)
		case pardoned[c.ID] || wanted[c.Location]:
			err = pardon(t, c, revision, "wanted")
		case condemned[c.ID]:
			err = condemn(t, c, revision, "")
		case pressed:
			err = condemnFor(t, c, until, revision)
		}
		if err != nil {
			return err
		}
	}
	for _, id := range e.Resent {
		if err := endResend(t, id, opsdb.Event{Revision: revision, Why: "the site has it"}); err != nil && !errors.Is(err, opsdb.ErrNotFound) {
			return err
		}
	}
	for _, id := range e.Withdraw {
		if err := withdrawPending(t, id, revision); err != nil {
			return err
		}
	}
	for _, ev := range e.Events {
		ev.Package, ev.Revision = e.Package, revision
		t.Event(ev)
	}
	return nil
}

// Set is a list to look things up in.
func Set[T comparable](list []T) map[T]bool {
	m := make(map[T]bool, len(list))
	for _, x := range list {
		m[x] = true
	}
	return m
}

// condemn condemns a copy that stands: it may go after its grace.
func condemn(t Tx, c opsdb.Copy, revision int64, why string) error {
	if c.State != opsdb.Present && c.State != opsdb.Staged && c.State != opsdb.DeletionFailed {
		return nil
	}
	copyEvent(t, c, opsdb.EventCondemned, "", why, revision, string(opsdb.DeletionPossible))
	observed, err := observedBy(t, t.Now())
	if err != nil {
		return err
	}
	return t.Exec(`UPDATE copy SET state = 'deletion_possible', condemned_age = $1 WHERE id = $2`, Time(observed), string(c.ID))
}

// pardon makes a condemned copy present (or staged) again. One whose deletion
// is under way is not touched: Confirm asks the gate once more.
func pardon(t Tx, c opsdb.Copy, revision int64, why string) error {
	switch c.State {
	case opsdb.DeletionPossible, opsdb.DeletionFailed:
	case opsdb.DeletionScheduled:
		busy, err := withdrawDeletion(t, c, revision)
		if err != nil || busy {
			return err
		}
	default:
		return nil
	}
	back := opsdb.Present
	if c.Form == opsdb.Tree {
		back = opsdb.Staged
	}
	copyEvent(t, c, opsdb.EventPardoned, "", why, revision, string(back))
	return t.Exec(`UPDATE copy SET state = $1, condemned_age = NULL WHERE id = $2`, string(back), string(c.ID))
}

// withdrawDeletion ends the delete task of a copy unless a worker has it.
func withdrawDeletion(t Tx, c opsdb.Copy, revision int64) (busy bool, err error) {
	jobs, err := Query(t, ScanJob, `SELECT `+TaskColumns+` FROM task t WHERE t.package = $1 AND t.target_copy = $2 AND t.type = 'delete'
	  AND `+t.Dialect().Open("t"), string(c.Package), string(c.ID))
	for _, j := range jobs {
		if j.State == opsdb.TaskInProgress || j.Worker != "" {
			return true, nil
		}
		if err := Withdraw(t, j, revision, "its copy was pardoned"); err != nil {
			return false, err
		}
	}
	return false, err
}

// loseCopy makes a copy lost with its site.
func loseCopy(t Tx, c opsdb.Copy, revision int64) error {
	copyEvent(t, c, opsdb.EventCopyLost, "", siteLost, revision, string(opsdb.Lost))
	return t.Exec(`UPDATE copy SET state = 'lost', before = state, reason = $2 WHERE id = $1`, string(c.ID), siteLost)
}

// withdrawPending ends a task that backs off and is no longer the next hop.
func withdrawPending(t Tx, id opsdb.ID, revision int64) error {
	j, err := JobOf(t, id)
	if err != nil {
		return err
	}
	if j.State != opsdb.TaskPending || j.Confirmed > 0 { // a deletion under way is not given up
		return nil
	}
	return Withdraw(t, j, revision, "no longer the next hop")
}
