package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) confirmTimeCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "confirm-time", Short: "Say that a jump of the clock was looked at and is right", Args: cobra.NoArgs,
		Long: "After the database's clock moved more than five minutes against the engine's own, nothing is condemned and no grace passes until a person confirms the time, or an hour passes quietly.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				w, err := s.World(c.Context())
				if err != nil {
					return fmt.Errorf("read whether the time is in doubt: %w", err)
				}
				if !w.TimeSuspect {
					return a.ordered("confirm-time", "", "the time is not in doubt: there is nothing to confirm")
				}
				if err := s.ConfirmTime(c.Context(), person(o.who)); err != nil {
					return fmt.Errorf("confirm the time: %w", err)
				}
				return a.ordered("confirm-time", "", "the time is confirmed")
			})
		},
	}
	o.flags(c)
	return c
}
