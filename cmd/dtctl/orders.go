package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// order is what every order of a person takes: who gives it and why.
type order struct{ who, why string }

func (o *order) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.who, "who", "", "who orders it (default: your login name)")
	c.Flags().StringVar(&o.why, "why", "", "why: it goes into the audit log")
}

// onPackage opens the store and finds the package an order is about.
func (a *app) onPackage(ctx context.Context, what string, do func(opsdb.Store, opsdb.Package) error) error {
	return a.withStore(ctx, func(s opsdb.Store) error {
		p, err := findPackage(ctx, s, what)
		if err != nil {
			return err
		}
		return do(s, p)
	})
}

// knownLocation refuses a location the active routes do not have, or one of another type.
func knownLocation(ctx context.Context, s opsdb.Store, name string, want opsdb.LocationType) error {
	w, err := s.World(ctx)
	if err != nil {
		return err
	}
	l, ok := w.Locations[name]
	switch {
	case !ok:
		return misuse("`dtctl status` lists the locations", "no location %q", name)
	case want != "" && l.Type != want:
		return misuse("name a location of type "+string(want), "%s is of type %s", name, l.Type)
	}
	return nil
}

// knownPlace refuses a location nobody knows; "" is any.
func knownPlace(ctx context.Context, s opsdb.Store, name string) error {
	if name == "" {
		return nil
	}
	return knownLocation(ctx, s, name, "")
}

// ordered says that an order was recorded.
func (a *app) ordered(what string, id opsdb.ID, text string) error {
	v := map[string]any{"version": opsdb.FormatVersion, "order": what, "id": id, "text": text}
	return a.say(v, func() error { _, err := fmt.Fprintln(a.out, text); return err })
}
