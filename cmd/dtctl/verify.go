package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) verifyCommand() *cobra.Command {
	var o order
	var location string
	c := &cobra.Command{
		Use: "verify PACKAGE", Short: "Ask for the copies of a package to be re-read now", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				if err := readable(c.Context(), s, p, location); err != nil {
					return err
				}
				if err := s.WantVerify(c.Context(), p.ID, location, person(o.who)); err != nil {
					return fmt.Errorf("ask for %s to be re-read: %w", p.Name, err)
				}
				return a.ordered("verify", p.ID, p.Name+" will be re-read")
			})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&location, "at", "", "only the copy at this location")
	return c
}

// readable refuses a re-read of what has no copy there.
func readable(ctx context.Context, s opsdb.Store, p opsdb.Package, location string) error {
	if err := knownPlace(ctx, s, location); err != nil {
		return err
	}
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return fmt.Errorf("read the facts of %s: %w", p.Name, err)
	}
	for _, c := range facts[0].Copies {
		there := c.State == opsdb.Present || c.State == opsdb.Staged || c.State == opsdb.DeletionPossible
		if c.Form != opsdb.Files && there && (location == "" || location == c.Location) {
			return nil
		}
	}
	where := "anywhere"
	if location != "" {
		where = "at " + location
	}
	return hint(fmt.Errorf("%s has no copy %s that could be re-read", p.Name, where), "`dtctl why %s` shows its copies", p.Name)
}
