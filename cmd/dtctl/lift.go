package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) liftCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "lift PACKAGE --why TEXT", Short: "Lift the quarantine of a package whose source files differed", Args: cobra.ExactArgs(1),
		Long: `A package is quarantined as a whole when one of its source files is not the one that was packed: nothing of it is deleted.
Look at the file first (` + "`dtctl why PACKAGE`" + ` and ` + "`dtctl audit`" + ` name it); put the right one back, or move a foreign one away.
Lifted, its copies are re-read, and its source files are compared again before the first is deleted: one that differs puts it back into quarantine.`,
		Example: "  dtctl lift raw/17 --why 'the file was overwritten by hand; the right one is back'",
		RunE: func(c *cobra.Command, args []string) error {
			if o.why == "" {
				return misuse("say what you saw: --why '…'; it goes into the audit log", "why is the quarantine lifted?")
			}
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				err := s.Lift(c.Context(), p.ID, person(o.who), o.why)
				switch {
				case errors.Is(err, opsdb.ErrNotFound):
					return hint(fmt.Errorf("%s is in no quarantine", p.Name), "`dtctl why %s` shows what stops it", p.Name)
				case errors.Is(err, opsdb.ErrInvariant):
					return hint(fmt.Errorf("lift the quarantine of %s: %w", p.Name, err), "there is nothing of it to go on with; its changed files are packed anew")
				case err != nil:
					return fmt.Errorf("lift the quarantine of %s: %w", p.Name, err)
				}
				return a.ordered("lift", "", p.Name+" is no longer quarantined: its copies are re-read, and its files are compared before one is deleted")
			})
		},
	}
	o.flags(c)
	return c
}
