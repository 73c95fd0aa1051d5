package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) requestCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "request PACKAGE LOCATION", Short: "Ask for a package at a processing location", Args: cobra.ExactArgs(2),
		Example: "  dtctl request raw/12 cologne.ramses --why 'map of Cal runs'",
		RunE: func(c *cobra.Command, args []string) error {
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				if err := knownLocation(c.Context(), s, args[1], opsdb.Processing); err != nil {
					return err
				}
				r, err := s.Request(c.Context(), opsdb.StagingRequest{ID: opsdb.NewID(), Package: p.ID, Location: args[1], Who: person(o.who), Why: o.why})
				if err != nil {
					return fmt.Errorf("request %s at %s: %w", p.Name, args[1], err)
				}
				return a.ordered("request", r.ID, fmt.Sprintf("%s is requested at %s", p.Name, args[1]))
			})
		},
	}
	o.flags(c)
	return c
}

func (a *app) releaseCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "release PACKAGE LOCATION", Short: "Say that a requested package is no longer needed there", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				open, err := openRequests(c.Context(), s, p, args[1])
				if err != nil {
					return err
				}
				for _, r := range open {
					if err := s.Release(c.Context(), r.ID, person(o.who)); err != nil {
						return fmt.Errorf("release %s at %s: %w", p.Name, args[1], err)
					}
				}
				return a.ordered("release", open[0].ID, fmt.Sprintf("%s is released at %s", p.Name, args[1]))
			})
		},
	}
	o.flags(c)
	return c
}

func openRequests(ctx context.Context, s opsdb.Store, p opsdb.Package, location string) ([]opsdb.StagingRequest, error) {
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return nil, err
	}
	var open []opsdb.StagingRequest
	for _, r := range facts[0].Requests {
		if r.Location == location && r.Open() {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return nil, hint(fmt.Errorf("no open request for %s at %s", p.Name, location), "`dtctl why %s` shows its requests", p.Name)
	}
	return open, nil
}
