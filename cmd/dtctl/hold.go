package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) holdCommand() *cobra.Command {
	var o order
	var kind, location string
	c := &cobra.Command{
		Use: "hold PACKAGE", Short: "Order that a package must not be deleted, or must not move", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch opsdb.HoldKind(kind) {
			case opsdb.HoldDelete, opsdb.HoldMove, opsdb.HoldAll:
			default:
				return misuse("choose --kind delete, move or all", "unknown kind of hold %q", kind)
			}
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				if location != "" {
					if err := knownLocation(c.Context(), s, location, ""); err != nil {
						return err
					}
				}
				h, err := s.Hold(c.Context(), opsdb.Hold{ID: opsdb.NewID(), Package: p.ID, Location: location, Kind: opsdb.HoldKind(kind), Who: person(o.who), Why: o.why})
				if err != nil {
					return fmt.Errorf("hold %s: %w", p.Name, err)
				}
				return a.ordered("hold", h.ID, fmt.Sprintf("%s is held (%s)", p.Name, kind))
			})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&kind, "kind", "delete", "what is forbidden: delete, move or all")
	c.Flags().StringVar(&location, "at", "", "only the copy at this location, which then speaks for no deletion either")
	return c
}

func (a *app) unholdCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "unhold PACKAGE", Short: "Lift all holds of a package", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				facts, err := s.Facts(c.Context(), []opsdb.ID{p.ID})
				if err != nil {
					return err
				}
				if len(facts[0].Holds) == 0 {
					return hint(fmt.Errorf("%s is not held", p.Name), "`dtctl why %s` shows what stops it", p.Name)
				}
				for _, h := range facts[0].Holds {
					if err := s.Unhold(c.Context(), h.ID, person(o.who), o.why); err != nil {
						return fmt.Errorf("lift the hold on %s: %w", p.Name, err)
					}
				}
				return a.ordered("unhold", facts[0].Holds[0].ID, p.Name+" is no longer held")
			})
		},
	}
	o.flags(c)
	return c
}
