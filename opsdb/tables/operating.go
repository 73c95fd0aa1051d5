package tables

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// AddMarker implements opsdb.Operating.
func (s Store) AddMarker(ctx context.Context, location string, marker opsdb.ID, who string) error {
	return s.write(ctx, "AddMarker", func(t Tx) error {
		var old string
		if _, err := Get(t, []any{&old}, `SELECT marker FROM location WHERE name = $1`, location); err != nil {
			return err
		}
		if old == string(marker) {
			return nil
		}
		t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventMarker, Subject: "location:" + location, Location: location, Before: old, After: string(marker)})
		return t.Exec(`INSERT INTO location (name, type, storage, marker, active) VALUES ($1, '', '', $2, false) ON CONFLICT (name) DO UPDATE SET marker = excluded.marker`,
			location, string(marker))
	})
}

// Marker implements opsdb.Operating.
func (s Store) Marker(ctx context.Context, location string) (opsdb.ID, error) {
	var marker string
	err := s.read(ctx, "Marker", func(v View) error {
		_, err := Get(v, []any{&marker}, `SELECT marker FROM location WHERE name = $1`, location)
		return err
	})
	return opsdb.ID(marker), err
}

// hasPackage fails with opsdb.ErrNotFound unless the package is there.
func hasPackage(t Tx, pkg opsdb.ID) error {
	n, err := Count(t, `SELECT count(*) FROM package WHERE id = $1`, string(pkg))
	if err == nil && n == 0 {
		err = fmt.Errorf("package %s: %w", pkg, opsdb.ErrNotFound)
	}
	return err
}

// Hold implements opsdb.Operating.
func (s Store) Hold(ctx context.Context, h opsdb.Hold) (opsdb.Hold, error) {
	if h.ID == "" {
		h.ID = opsdb.NewID()
	}
	if h.Kind == "" {
		h.Kind = opsdb.HoldAll
	}
	err := s.write(ctx, "Hold", func(t Tx) error {
		if err := hasPackage(t, h.Package); err != nil {
			return err
		}
		Lock(t, h.Package)
		h.At = t.Now()
		n, err := t.ExecN(`INSERT INTO hold (id, package, location, kind, who, why, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
			string(h.ID), string(h.Package), h.Location, string(h.Kind), h.Who, h.Why, Time(h.At))
		if err == nil && n > 0 {
			err = Touch(t, h.Package)
			t.Event(opsdb.Event{Actor: person(h.Who), Kind: opsdb.EventHeld, Subject: "hold:" + string(h.ID), Package: h.Package, Location: h.Location, Why: h.Why, After: string(h.Kind)})
		}
		return err
	})
	return h, err
}

// Unhold implements opsdb.Operating.
func (s Store) Unhold(ctx context.Context, id opsdb.ID, who, why string) error {
	return s.write(ctx, "Unhold", func(t Tx) error {
		h, err := One(t, ScanHold, `SELECT `+HoldColumns+` FROM hold h WHERE h.id = $1`, string(id))
		if err != nil {
			return fmt.Errorf("hold %s: %w", id, err)
		}
		Lock(t, h.Package)
		t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventUnheld, Subject: "hold:" + string(id), Package: h.Package, Location: h.Location, Why: why, Before: string(h.Kind)})
		return errors.Join(t.Exec(`DELETE FROM hold WHERE id = $1`, string(id)), Touch(t, h.Package))
	})
}

// Request implements opsdb.Operating.
func (s Store) Request(ctx context.Context, r opsdb.StagingRequest) (opsdb.StagingRequest, error) {
	err := s.write(ctx, "Request", func(t Tx) error {
		if err := hasPackage(t, r.Package); err != nil {
			return err
		}
		Lock(t, r.Package)
		open, err := Query(t, ScanRequest, `SELECT `+RequestColumns+` FROM staging_request q WHERE q.package = $1 AND q.location = $2 AND q.released_at IS NULL`,
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
		r.At = t.Now()
		t.Event(opsdb.Event{Actor: person(r.Who), Kind: opsdb.EventRequested, Subject: "request:" + string(r.ID), Package: r.Package, Location: r.Location, Why: r.Why})
		return errors.Join(t.Exec(`INSERT INTO staging_request (id, package, location, who, why, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			string(r.ID), string(r.Package), r.Location, r.Who, r.Why, Time(r.At)),
			touchUrgent(t, r.Package))
	})
	return r, err
}

// Release implements opsdb.Operating.
func (s Store) Release(ctx context.Context, request opsdb.ID, who string) error {
	return s.write(ctx, "Release", func(t Tx) error {
		r, err := One(t, ScanRequest, `SELECT `+RequestColumns+` FROM staging_request q WHERE q.id = $1`, string(request))
		if err != nil {
			return fmt.Errorf("staging request %s: %w", request, err)
		}
		if !r.Open() {
			return nil
		}
		Lock(t, r.Package)
		t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventReleased, Subject: "request:" + string(r.ID), Package: r.Package, Location: r.Location})
		return errors.Join(t.Exec(`UPDATE staging_request SET released_at = $1 WHERE id = $2`, Time(t.Now()), string(request)), Touch(t, r.Package))
	})
}

// Retry implements opsdb.Operating.
func (s Store) Retry(ctx context.Context, task opsdb.ID, who, why string) error {
	return s.write(ctx, "Retry", func(t Tx) error {
		j, err := held(t, task)
		if err != nil {
			return err
		}
		switch j.State {
		case opsdb.TaskFailed, opsdb.TaskPending:
		case opsdb.TaskWithdrawn:
			return nil
		default:
			return fmt.Errorf("task %s is %s: only a failed or waiting one can be tried again: %w", task, j.State, opsdb.ErrChanged)
		}
		t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventTaskRetried, Subject: "task:" + string(task), Package: j.Package, Location: j.To, Why: why, Before: string(j.State)})
		if j.State == opsdb.TaskPending && j.Confirmed > 0 {
			return t.Exec(`UPDATE task SET next_try = NULL WHERE id = $1`, string(task)) // a deletion under way goes on, it is not given up
		}
		return Withdraw(t, j, 0, "tried again by a person")
	})
}

// WantVerify implements opsdb.Operating.
func (s Store) WantVerify(ctx context.Context, pkg opsdb.ID, location, who string) error {
	return s.write(ctx, "WantVerify", func(t Tx) error {
		if err := hasPackage(t, pkg); err != nil {
			return err
		}
		Lock(t, pkg)
		n, err := askVerify(t, pkg, location)
		if err == nil && n > 0 {
			t.Event(opsdb.Event{Actor: person(who), Kind: opsdb.EventRequested, Subject: packageSubject(pkg), Package: pkg, Location: location, Why: "re-read"})
		}
		return err
	})
}

// askVerify asks for copies of a locked package to be re-read.
func askVerify(t Tx, pkg opsdb.ID, location string) (int64, error) {
	return t.ExecN(`UPDATE copy SET verify_asked = $1 WHERE package = $2 AND ($3 = '' OR location = $3) AND form <> 'files'
		  AND state IN ('present', 'staged', 'deletion_possible') AND verify_asked IS NULL`, Time(t.Now()), string(pkg), location)
}
