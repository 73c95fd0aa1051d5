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

func (a *app) verifyCommand() *cobra.Command {
	var o order
	var location string
	c := &cobra.Command{
		Use: "verify PACKAGE", Short: "Ask for the copies of a package to be re-read now", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
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

func (a *app) retryCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "retry PACKAGE|TASK", Short: "Let failed work be tried again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error { return a.retry(c.Context(), s, args[0], o) })
		},
	}
	o.flags(c)
	return c
}

func (a *app) retry(ctx context.Context, s opsdb.Store, what string, o order) error {
	tasks, err := a.retryable(ctx, s, what)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if err := s.Retry(ctx, t.ID, person(o.who), o.why); err != nil {
			return fmt.Errorf("retry task %s: %w", t.ID.Short(), err)
		}
	}
	return a.ordered("retry", tasks[0].ID, fmt.Sprintf("%d task(s) will be tried again", len(tasks)))
}

// retryable are the failed or pending tasks meant by a task's id or a package.
func (a *app) retryable(ctx context.Context, s opsdb.Store, what string) ([]opsdb.Task, error) {
	if t, err := s.Task(ctx, opsdb.ID(what)); err == nil {
		return []opsdb.Task{t}, nil
	}
	p, err := findPackage(ctx, s, what)
	if err != nil {
		return nil, err
	}
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return nil, err
	}
	var out []opsdb.Task
	for _, t := range facts[0].Tasks {
		if t.State == opsdb.TaskFailed || t.State == opsdb.TaskPending {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, hint(fmt.Errorf("%s has no task that failed or is waiting to be tried again", p.Name), "`dtctl why %s` shows what stops it", p.Name)
	}
	return out, nil
}

func (a *app) confirmTimeCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "confirm-time", Short: "Say that a jump of the clock was looked at and is right", Args: cobra.NoArgs,
		Long: "After the database's clock moved more than five minutes against the engine's own, nothing is condemned and no grace passes until a person confirms the time, or an hour passes quietly.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error {
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

// ordered says that an order was recorded.
func (a *app) ordered(what string, id opsdb.ID, text string) error {
	v := map[string]any{"version": opsdb.FormatVersion, "order": what, "id": id, "text": text}
	return a.say(v, func() error { _, err := fmt.Fprintln(a.out, text); return err })
}
