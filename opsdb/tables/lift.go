package tables

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// Lift implements opsdb.Operating.
func (s Store) Lift(ctx context.Context, pkg opsdb.ID, who, why string) error {
	return s.write(ctx, "Lift", func(t Tx) error {
		Lock(t, pkg)
		p, err := PackOf(t, pkg)
		if err == nil {
			err = opsdb.MayLift(p.Package)
		}
		if err != nil {
			return fmt.Errorf("package %s: %w", pkg, err)
		}
		if err := t.Dialect().Lift(t, pkg, opsdb.Lifted(p.Package, who, why)); err != nil {
			return err
		}
		if _, err := askVerify(t, pkg, ""); err != nil {
			return err
		}
		return Touch(t, pkg)
	})
}
