package postgres

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Lift implements opsdb.Operating.
func (s *Store) Lift(ctx context.Context, pkg opsdb.ID, who, why string) error {
	return s.write(ctx, "Lift", func(t *tx) error {
		if err := t.lock(pkg); err != nil {
			return err
		}
		p, err := one(&t.view, tables.ScanPackage, `SELECT `+packageColumns+packageFrom+`WHERE p.id = $1`, string(pkg))
		if err == nil {
			err = opsdb.MayLift(p.Package)
		}
		if err != nil {
			return fmt.Errorf("package %s: %w", pkg, err)
		}
		t.changes++
		e := opsdb.Lifted(p.Package, who, why)
		// A function of the owner: nobody else may take a package out, and the function not without its event.
		if err := t.exec(`SELECT lift_quarantine($1, $2, $3, $4, $5, $6, $7)`, string(pkg), string(opsdb.NewID()), opsdb.FormatVersion, us(t.now), e.Actor, e.Kind, e.Why); err != nil {
			return err
		}
		if _, err := t.askVerify(pkg, ""); err != nil {
			return err
		}
		return t.touch(pkg)
	})
}
