package sqlite

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// AddMarker implements opsdb.Operating.
func (s *Store) AddMarker(ctx context.Context, location string, marker opsdb.ID, who string) error {
	return s.write(ctx, "AddMarker", func(t *tx) error {
		var old string
		if _, err := t.get([]any{&old}, `SELECT marker FROM location WHERE name = ?`, location); err != nil {
			return err
		}
		if old == string(marker) {
			return nil
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventMarker, Subject: "location:" + location, Location: location, Before: old, After: string(marker)})
		return t.exec(`INSERT INTO location (name, type, storage, marker, active) VALUES (?, '', '', ?, 0) ON CONFLICT DO UPDATE SET marker = excluded.marker`,
			location, string(marker))
	})
}

// known fails with opsdb.ErrNotFound unless the package is there.
func (t *tx) known(pkg opsdb.ID) error {
	n, err := t.count(`SELECT count(*) FROM package WHERE id = ?`, string(pkg))
	if err == nil && n == 0 {
		err = fmt.Errorf("package %s: %w", pkg, opsdb.ErrNotFound)
	}
	return err
}

// Hold implements opsdb.Operating.
func (s *Store) Hold(ctx context.Context, h opsdb.Hold) (opsdb.Hold, error) {
	if h.ID == "" {
		h.ID = opsdb.NewID()
	}
	if h.Kind == "" {
		h.Kind = opsdb.HoldAll
	}
	err := s.write(ctx, "Hold", func(t *tx) error {
		if err := t.known(h.Package); err != nil {
			return err
		}
		h.At = t.now
		n, err := t.execN(`INSERT INTO hold (id, package, location, kind, who, why, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			string(h.ID), string(h.Package), h.Location, string(h.Kind), h.Who, h.Why, us(h.At))
		if err == nil && n > 0 {
			t.event(opsdb.Event{Actor: person(h.Who), Kind: opsdb.EventHeld, Subject: "hold:" + string(h.ID), Package: h.Package, Location: h.Location, Why: h.Why, After: string(h.Kind)})
		}
		return err
	})
	return h, err
}

// Unhold implements opsdb.Operating.
func (s *Store) Unhold(ctx context.Context, id opsdb.ID, who, why string) error {
	return s.write(ctx, "Unhold", func(t *tx) error {
		h, err := one(&t.view, tables.ScanHold, `SELECT `+tables.HoldColumns+` FROM hold h WHERE h.id = ?`, string(id))
		if err != nil {
			return fmt.Errorf("hold %s: %w", id, err)
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventUnheld, Subject: "hold:" + string(id), Package: h.Package, Location: h.Location, Why: why, Before: string(h.Kind)})
		return t.exec(`DELETE FROM hold WHERE id = ?`, string(id))
	})
}

// Request implements opsdb.Operating.
func (s *Store) Request(ctx context.Context, r opsdb.StagingRequest) (opsdb.StagingRequest, error) {
	err := s.write(ctx, "Request", func(t *tx) error {
		if err := t.known(r.Package); err != nil {
			return err
		}
		open, err := query(&t.view, tables.ScanRequest, `SELECT `+tables.RequestColumns+` FROM staging_request q WHERE q.package = ? AND q.location = ? AND q.released_at IS NULL`,
			string(r.Package), r.Location)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			r = open[0]
			return nil
		}
		if r.ID == "" {
			r.ID = opsdb.NewID()
		}
		r.At = t.now
		t.event(opsdb.Event{Actor: person(r.Who), Kind: opsdb.EventRequested, Subject: "request:" + string(r.ID), Package: r.Package, Location: r.Location, Why: r.Why})
		return t.exec(`INSERT INTO staging_request (id, package, location, who, why, at) VALUES (?, ?, ?, ?, ?, ?)`,
			string(r.ID), string(r.Package), r.Location, r.Who, r.Why, us(r.At))
	})
	return r, err
}

// Release implements opsdb.Operating.
func (s *Store) Release(ctx context.Context, request opsdb.ID, who string) error {
	return s.write(ctx, "Release", func(t *tx) error {
		r, err := one(&t.view, tables.ScanRequest, `SELECT `+tables.RequestColumns+` FROM staging_request q WHERE q.id = ?`, string(request))
		if err != nil {
			return fmt.Errorf("staging request %s: %w", request, err)
		}
		if !r.Open() {
			return nil
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventReleased, Subject: "request:" + string(r.ID), Package: r.Package, Location: r.Location})
		return t.exec(`UPDATE staging_request SET released_at = ? WHERE id = ?`, us(t.now), string(request))
	})
}

// Retry implements opsdb.Operating.
func (s *Store) Retry(ctx context.Context, task opsdb.ID, who, why string) error {
	return s.write(ctx, "Retry", func(t *tx) error {
		j, err := tables.JobOf(t, task)
		if err != nil {
			return fmt.Errorf("task %s: %w", task, err)
		}
		switch j.State {
		case opsdb.TaskFailed, opsdb.TaskPending:
		case opsdb.TaskWithdrawn:
			return nil
		default:
			return fmt.Errorf("task %s is %s: only a failed or waiting one can be tried again: %w", task, j.State, opsdb.ErrChanged)
		}
		t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventTaskRetried, Subject: "task:" + string(task), Package: j.Package, Location: j.To, Why: why, Before: string(j.State)})
		if j.State == opsdb.TaskPending && j.Confirmed > 0 {
			return t.exec(`UPDATE task SET next_try = NULL WHERE id = ?`, string(task)) // a deletion under way goes on, it is not given up
		}
		return t.withdraw(j, 0, "tried again by a person")
	})
}

// WantVerify implements opsdb.Operating.
func (s *Store) WantVerify(ctx context.Context, pkg opsdb.ID, location, who string) error {
	return s.write(ctx, "WantVerify", func(t *tx) error {
		if err := t.known(pkg); err != nil {
			return err
		}
		n, err := t.askVerify(pkg, location)
		if err == nil && n > 0 {
			t.event(opsdb.Event{Actor: person(who), Kind: opsdb.EventRequested, Subject: tables.PackageSubject(pkg), Package: pkg, Location: location, Why: "re-read"})
		}
		return err
	})
}

// askVerify asks for copies of a package to be re-read.
func (t *tx) askVerify(pkg opsdb.ID, location string) (int64, error) {
	return t.execN(`UPDATE copy SET verify_asked = ? WHERE package = ? AND (?3 = '' OR location = ?3) AND form <> 'files'
	  AND state IN ('present', 'staged', 'deletion_possible') AND verify_asked IS NULL`, us(t.now), string(pkg), location)
}
