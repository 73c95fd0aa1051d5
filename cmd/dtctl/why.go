package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why PACKAGE|FILE", Short: "Say why something is where it is, and what would make it move", Args: cobra.ExactArgs(1),
		Long: `Evaluates the package (or the packages of a file) with the engine's own function and shows every move of its route:
the verdict, the reason, since when, which gates are open, and what would make it move.
A package may be given by name, id, the last 8 of its id, or route/number; a file by id, or by path with or without "site.location:" before it.`,
		Example: "  dtctl why raw/12\n  dtctl why ccat.primecam:obs0001/m1/a.fits",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error { return a.why(c.Context(), s, args[0]) })
		},
	}
}

func (a *app) why(ctx context.Context, s opsdb.Store, what string) error {
	rev, err := s.ActiveRevision(ctx)
	if errors.Is(err, opsdb.ErrNotFound) {
		return hint(errors.New("no routes are in force in this database yet"), "`dtctl serve` puts them in force")
	}
	if err != nil {
		return fmt.Errorf("read the active routes: %w", err)
	}
	g, err := node.Graph(rev)
	if err != nil {
		return err
	}
	p, err := s.FindPackage(ctx, what)
	switch {
	case err == nil:
		return a.whyPackage(ctx, s, g, p)
	case !errors.Is(err, opsdb.ErrNotFound):
		return err
	}
	return a.whyFile(ctx, s, g, what)
}

func (a *app) whyPackage(ctx context.Context, s opsdb.Store, g *graph.Graph, p opsdb.Package) error {
	w, err := s.World(ctx)
	if err != nil {
		return fmt.Errorf("read the world: %w", err)
	}
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return fmt.Errorf("read the facts of %s: %w", p.Name, err)
	}
	x := engine.Why(g, w, facts[0], w.Now)
	return a.explain(x, x.Text)
}

// explain prints an explanation as JSON or as its text.
func (a *app) explain(x any, text func() string) error {
	return a.say(x, func() error { _, err := fmt.Fprint(a.out, text()); return err })
}

// whyFile explains a registered file, or something that was found and skipped.
func (a *app) whyFile(ctx context.Context, s opsdb.Store, g *graph.Graph, what string) error {
	f, err := s.FindFile(ctx, what)
	if errors.Is(err, opsdb.ErrNotFound) {
		return a.whySkipped(ctx, s, what)
	}
	if err != nil {
		return err
	}
	w, err := s.World(ctx)
	if err != nil {
		return fmt.Errorf("read the world: %w", err)
	}
	groups, packages, err := s.FileHome(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("find where %s is: %w", opsdb.ShowPath(f.Path), err)
	}
	x := engine.WhyFile(g, w, f, groups, packages, w.Now)
	return a.explain(x, x.Text)
}

func (a *app) whySkipped(ctx context.Context, s opsdb.Store, what string) error {
	skips, err := s.Skips(ctx, "")
	if err != nil {
		return fmt.Errorf("read what was skipped: %w", err)
	}
	for _, k := range skips {
		path := opsdb.ShowPath(k.Path)
		if what == path || what == k.Location+":"+path {
			x := engine.WhySkipped(k)
			return a.explain(x, x.Text)
		}
	}
	text := "no package and no file " + what
	if strings.HasPrefix(what, "/") {
		text += "; paths are relative to their source location"
	}
	return hint(errors.New(text), "`dtctl packages` and `dtctl files` list what is known; a file that is still being written is not known yet")
}
