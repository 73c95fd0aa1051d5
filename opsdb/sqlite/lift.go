package sqlite

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Lift implements opsdb.Operating.
func (s *Store) Lift(ctx context.Context, pkg opsdb.ID, who, why string) error {
	return s.write(ctx, "Lift", func(t *tx) error {
		p, err := one(&t.view, tables.ScanPackage, `SELECT `+packageColumns+` FROM package p WHERE p.id = ?`, string(pkg))
		if err == nil {
			err = opsdb.MayLift(p.Package)
		}
		if err != nil {
			return fmt.Errorf("package %s: %w", pkg, err)
		}
		t.event(opsdb.Lifted(p.Package, who, why))
		if err := t.exec(`UPDATE package SET quarantined = '', version = version + 1 WHERE id = ?`, string(pkg)); err != nil {
			return err
		}
		_, err = t.askVerify(pkg, "")
		return err
	})
}
