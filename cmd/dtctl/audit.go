package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) auditCommand() *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "Look at the audit log", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.auditVerifyCommand(), a.auditShowCommand())
	return c
}

// auditJSON is what `audit verify -o json` prints.
type auditJSON struct {
	Version int          `json:"version"`
	Intact  bool         `json:"intact"`
	Events  int64        `json:"events"`
	Tail    int64        `json:"unchained"`
	Broken  int64        `json:"broken_at,omitempty"`
	Text    string       `json:"text,omitempty"`
	Hash    opsdb.Digest `json:"hash"`
}

func (a *app) auditVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Recompute the hash chain of the audit log", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				got, err := s.VerifyChain(c.Context())
				if err != nil {
					return fmt.Errorf("verify the audit log: %w", err)
				}
				v := auditJSON{opsdb.FormatVersion, got.Broken == 0, got.Events, got.Tail, got.Broken, got.Text, got.LastHash}
				if err := a.say(v, func() error { return a.auditText(v) }); err != nil {
					return err
				}
				if !v.Intact {
					return errFound
				}
				return nil
			})
		},
	}
}

func (a *app) auditText(v auditJSON) error {
	if !v.Intact {
		_, err := fmt.Fprintf(a.out, "the audit log is broken at event %d: %s\n", v.Broken, v.Text)
		return err
	}
	_, err := fmt.Fprintf(a.out, "the audit log is intact: %d events, %d not chained yet, last hash %s\n", v.Events, v.Tail, v.Hash)
	return err
}

func (a *app) auditShowCommand() *cobra.Command {
	var after int64
	c := &cobra.Command{
		Use: "show", Short: "Print the audit log", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				list := []opsdb.Event{}
				for e, err := range s.Events(c.Context(), after) {
					if err != nil {
						return fmt.Errorf("read the audit log: %w", err)
					}
					list = append(list, e)
				}
				return a.say(map[string]any{"version": opsdb.FormatVersion, "events": list}, func() error {
					if len(list) == 0 {
						fmt.Fprintln(a.out, "no events")
					}
					for _, e := range list {
						fmt.Fprintf(a.out, "%6d  %s  %-18s %-10s %s  %s\n", e.Seq, e.At.Format("2006-01-02 15:04:05"), e.Kind, e.Actor, e.Subject, e.Why)
					}
					return nil
				})
			})
		},
	}
	c.Flags().Int64Var(&after, "after", 0, "only after this sequence number")
	return c
}
