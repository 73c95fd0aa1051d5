package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// initialising is how roots are taken.
type initialising struct{ adopt, another bool }

func (a *app) initLocationCommand() *cobra.Command {
	var how initialising
	var who string
	c := &cobra.Command{
		Use: "init-location LOCATION...", Short: "Mark the root of a location as its own, once", Args: cobra.MinimumNArgs(1),
		Long: `Writes a marker with an identity into the root of a location and records it in the database.
Without its marker a location is offline: an unmounted disk is never taken for an empty one. So a location that was
initialised before is not marked again without its marker, but with --another-disk: then what was there is lost, and made anew where it is wanted.
Where the location is, is in the routes that are given, or else in those in force.`,
		Example: "  dtctl init-location ccat.buffer cologne.lta\n  dtctl init-location ccat.primecam --adopt   # a folder that has files already",
		RunE: func(c *cobra.Command, args []string) error {
			if a.routes != "" || !isShared(a.db) { // what is wrong with them is said before a database is made
				if _, _, err := a.compiledRoutes(); err != nil {
					return err
				}
			}
			return a.withNewStore(c.Context(), func(s opsdb.Store) error {
				g, err := a.routesOfLocations(c.Context(), s)
				if err != nil {
					return err
				}
				for _, name := range args {
					if g.Locations[name] == nil {
						return misuse("`dtctl graph` shows the locations; one that is new: --routes FOLDER", "no location %q in the routes", name)
					}
				}
				return a.initLocations(c.Context(), s, g, args, how, person(who))
			})
		},
	}
	c.Flags().BoolVar(&how.adopt, "adopt", false, "take a root that has content")
	c.Flags().BoolVar(&how.another, "another-disk", false, "the disk that carried the location before is gone for good: what it had is lost, and this one takes its place")
	c.Flags().StringVar(&who, "who", "", "who orders it (default: your login name)")
	return c
}

// routesOfLocations are the routes that are given, or those in force; an embedded database that has none yet has the CCAT route.
func (a *app) routesOfLocations(ctx context.Context, s opsdb.Store) (*graph.Graph, error) {
	if a.routes == "" {
		g, _, err := node.Active(ctx, s)
		switch {
		case err == nil:
			return g, nil
		case !errors.Is(err, opsdb.ErrNotFound):
			return nil, err
		case isShared(a.db):
			return nil, misuse("say where the locations are: --routes FOLDER", "no routes are in force yet")
		}
	}
	_, g, err := a.compiledRoutes()
	return g, err
}

func (a *app) initLocations(ctx context.Context, s opsdb.Store, g *graph.Graph, names []string, how initialising, who string) error {
	type made struct {
		Location string   `json:"location"`
		Root     string   `json:"root"`
		Marker   opsdb.ID `json:"marker"`
		Lost     int      `json:"lost"` // copies of the disk before
	}
	var out []made
	for _, name := range names {
		l, lost := g.Locations[name], 0
		taking := node.Taking{Adopt: how.adopt}
		if how.another {
			taking.Another = func(ctx context.Context) (err error) {
				if l.Type != opsdb.Source { // its files are held against the new disk one by one
					lost, err = node.Lose(ctx, s, name, how.adopt, who)
				}
				return err
			}
		}
		m, err := node.Init(ctx, s, clock.System{}, a.credentials(), l, taking, who)
		if err != nil {
			return initHint(l, err)
		}
		out = append(out, made{name, rootOf(l), m.ID, lost})
	}
	return a.say(map[string]any{"version": opsdb.FormatVersion, "locations": out}, func() error {
		for _, m := range out {
			fmt.Fprintf(a.out, "%s is initialised: %s carries marker %s\n", m.Location, m.Root, m.Marker)
			if m.Lost > 0 {
				fmt.Fprintf(a.out, "  %d copies were lost with its disk; they are made anew where they are wanted\n", m.Lost)
			}
		}
		return nil
	})
}

// rootOf is where a location keeps its bytes, for people.
func rootOf(l *graph.Location) string {
	if l.S3 != nil {
		return l.S3.String()
	}
	return l.Path
}

func initHint(l *graph.Location, err error) error {
	switch {
	case errors.Is(err, node.ErrMarked):
		return hint(err, "is the disk mounted? If it is gone for good, and another one is to take its place: --another-disk; what it had is lost then")
	case errors.Is(err, storage.ErrForeign):
		return hint(err, "it belongs to another location: give %s a folder, or a bucket or prefix, of its own", l.Name)
	case l.Storage == opsdb.S3 && !errors.Is(err, storage.ErrNotEmpty):
		return hint(err, "then run it again: nothing was changed")
	case errors.Is(err, storage.ErrReadOnly), errors.Is(err, storage.ErrDenied):
		return hint(err, "make the folder writable for the user dtctl runs as")
	}
	return hint(err, "an empty folder can be initialised; one with content only with --adopt")
}
