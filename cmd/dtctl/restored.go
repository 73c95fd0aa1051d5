package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// restoredJSON is a database that was put back, for programs.
type restoredJSON struct {
	At  time.Time `json:"at"`
	Who string    `json:"who"`
	Why string    `json:"why"`
}

func restoredOf(w opsdb.World) *restoredJSON {
	if w.Restored == nil {
		return nil
	}
	return &restoredJSON{w.Restored.At, w.Restored.Who, w.Restored.Why}
}

func (a *app) restoredCommand() *cobra.Command {
	var o order
	var say bool
	c := &cobra.Command{
		Use: "restored [--say --why TEXT]", Short: "Show or say that the database was put back to an earlier time", Args: cobra.NoArgs,
		Long: `A database that was put back from a back-up does not know what was done since. Engines and workers recognise it by what they saw
of it; a person who puts one back says so with --say, before anything else is started. While it stands, nothing is deleted or packed;
transfers, archiving and verifying go on. It ends when ` + "`dtctl inventory`" + ` has passed for every location.`,
		Example: "  dtctl restored\n  dtctl restored --say --why 'the dump of 2 a.m.; the disk of the server died'",
		RunE: func(c *cobra.Command, _ []string) error {
			if say && o.why == "" {
				return misuse("say from what: --why '…'; it goes into the audit log", "why was the database put back?")
			}
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				if say {
					if err := s.MarkRestored(c.Context(), "person:"+person(o.who), o.why); err != nil {
						return fmt.Errorf("mark the database as restored: %w", err)
					}
				}
				return a.showRestored(c.Context(), s)
			})
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&say, "say", false, "say that it was put back")
	return c
}

func (a *app) showRestored(ctx context.Context, s opsdb.Store) error {
	w, err := s.World(ctx)
	if err != nil {
		return fmt.Errorf("read whether the database was restored: %w", err)
	}
	open := []string{}
	if w.Restored != nil {
		if open, err = s.Uninventoried(ctx); err != nil {
			return fmt.Errorf("read what has no inventory: %w", err)
		}
	}
	return a.say(map[string]any{"version": opsdb.FormatVersion, "epoch": w.Epoch, "restored": restoredOf(w), "without_inventory": open}, func() error {
		if w.Restored == nil {
			_, err := fmt.Fprintf(a.out, "the database is trusted (epoch %s)\n", w.Epoch)
			return err
		}
		fmt.Fprintf(a.out, "restored, since %s, by %s: %s\n", w.Restored.At.Format(time.RFC3339), w.Restored.Who, w.Restored.Why)
		_, err := fmt.Fprintf(a.out, "nothing is deleted or packed until `dtctl inventory` has passed for: %s\n", strings.Join(open, ", "))
		return err
	})
}
