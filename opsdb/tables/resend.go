package tables

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// Resend implements opsdb.Operating.
func (s Store) Resend(ctx context.Context, r opsdb.Resend) (opsdb.Resend, error) {
	err := s.write(ctx, "Resend", func(t Tx) error {
		if err := hasPackage(t, r.Package); err != nil {
			return err
		}
		Lock(t, r.Package)
		open, err := Query(t, ScanResend, `SELECT `+ResendColumns+` FROM resend rs WHERE rs.package = $1 AND rs.site = $2 AND rs.ended_at IS NULL`, string(r.Package), r.Site)
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
		t.Event(opsdb.Event{Actor: person(r.Who), Kind: opsdb.EventResend, Subject: resendSubject(r.ID), Package: r.Package, Why: r.Why, After: r.Site})
		return errors.Join(t.Exec(`INSERT INTO resend (id, package, site, who, why, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			string(r.ID), string(r.Package), r.Site, r.Who, r.Why, Time(r.At)),
			touchUrgent(t, r.Package))
	})
	return r, err
}

// Unsend implements opsdb.Operating.
func (s Store) Unsend(ctx context.Context, resend opsdb.ID, who, why string) error {
	return s.write(ctx, "Unsend", func(t Tx) error {
		r, err := openResend(t, resend)
		if err != nil {
			return err
		}
		Lock(t, r.Package)
		return errors.Join(endResend(t, resend, opsdb.Event{Actor: person(who), Why: why}), Touch(t, r.Package))
	})
}

func openResend(v View, id opsdb.ID) (opsdb.Resend, error) {
	r, err := One(v, ScanResend, `SELECT `+ResendColumns+` FROM resend rs WHERE rs.id = $1 AND rs.ended_at IS NULL`, string(id))
	if err != nil {
		return r, fmt.Errorf("order %s to send again: %w", id, err)
	}
	return r, nil
}

// endResend ends an order of a package that the caller holds, and says so in e.
func endResend(t Tx, id opsdb.ID, e opsdb.Event) error {
	r, err := openResend(t, id)
	if err != nil {
		return err
	}
	e.Kind, e.Subject, e.Package, e.Before = opsdb.EventResendEnded, resendSubject(id), r.Package, r.Site
	t.Event(e)
	return t.Exec(`UPDATE resend SET ended_at = $1 WHERE id = $2`, Time(t.Now()), string(id))
}

func resendSubject(id opsdb.ID) string { return "resend:" + string(id) }
