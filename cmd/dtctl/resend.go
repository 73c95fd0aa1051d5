package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) resendCommand() *cobra.Command {
	var o order
	var to string
	var back bool
	c := &cobra.Command{
		Use: "resend PACKAGE --why TEXT", Short: "Let a package leave its site again, although another site has it", Args: cobra.ExactArgs(1),
		Long: `From a site with send_once a package leaves once; the other sites get it from the one that has it. This order lets it leave again for
a site that lacks it, as when the one that has it is cut off for long. It goes there by the move out of its site while that is open, though another may
be cheaper, and by any other way if it is not. The order is used up when that site has a verified copy, whoever brought it; until then it stands.`,
		Example: "  dtctl resend raw/17 --why 'Cologne is cut off until Monday'\n  dtctl resend raw/17 --to cornell --take-back --why 'the line is back'",
		RunE: func(c *cobra.Command, args []string) error {
			if o.why == "" {
				return misuse("say why: --why '…'; it goes into the audit log", "why does it leave again?")
			}
			return a.onPackage(c.Context(), args[0], func(s opsdb.Store, p opsdb.Package) error {
				if back {
					return a.unsend(c.Context(), s, p, to, o)
				}
				return a.resend(c.Context(), s, p, to, o)
			})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&to, "to", "", "the site it is to go to (default: the only one that it could be sent to)")
	c.Flags().BoolVar(&back, "take-back", false, "take the order back")
	return c
}

func (a *app) resend(ctx context.Context, s opsdb.Store, p opsdb.Package, to string, o order) error {
	again, err := a.sendAgain(ctx, s, p, to)
	if err != nil {
		return err
	}
	r, err := s.Resend(ctx, opsdb.Resend{ID: opsdb.NewID(), Package: p.ID, Site: again.Site, Who: person(o.who), Why: o.why})
	if err != nil {
		return fmt.Errorf("let %s leave again: %w", p.Name, err)
	}
	text := fmt.Sprintf("%s may leave again for %s, until %s has it", p.Name, again.Site, again.Site)
	if again.Ordered {
		text = fmt.Sprintf("%s may leave again for %s already: %s ordered it at %s", p.Name, again.Site, r.Who, r.At.UTC().Format(time.DateTime)+" UTC")
	}
	for _, d := range again.Moves {
		text += fmt.Sprintf("\n  %s > %s (%s): %s, %s", d.From, d.To, d.Stage, d.Verdict, d.Reason)
		if d.Text != "" {
			text += " (" + d.Text + ")"
		}
	}
	return a.ordered("resend", r.ID, text)
}

// sendAgain finds the site that is meant, among those a package could be sent to again.
func (a *app) sendAgain(ctx context.Context, s opsdb.Store, p opsdb.Package, to string) (engine.Again, error) {
	rev, err := s.ActiveRevision(ctx)
	if err != nil {
		return engine.Again{}, fmt.Errorf("read the active routes: %w", err)
	}
	g, err := node.Graph(rev)
	if err != nil {
		return engine.Again{}, err
	}
	var names, sites []string
	for _, site := range g.Sites {
		names = append(names, site.Name)
	}
	if to != "" && !slices.Contains(names, to) {
		return engine.Again{}, misuse("the routes have "+strings.Join(names, ", "), "no site %q", to)
	}
	w, err := s.World(ctx)
	if err != nil {
		return engine.Again{}, fmt.Errorf("read the world: %w", err)
	}
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return engine.Again{}, fmt.Errorf("read the facts of %s: %w", p.Name, err)
	}
	offers := engine.SendAgain(g, w, facts[0], w.Now)
	for _, x := range offers {
		if x.Site == to || to == "" && len(offers) == 1 {
			return x, nil
		}
		sites = append(sites, x.Site)
	}
	if to == "" && len(offers) > 0 {
		return engine.Again{}, misuse("say which: --to "+strings.Join(sites, ", --to "), "%s could be sent to more than one site again", p.Name)
	}
	why := "no site lacks it, or send_once is not what keeps it from being sent there"
	switch site := siteWith(facts[0], to); {
	case site != "":
		why = to + " has it (" + site + ")"
	case to != "":
		why = "send_once is not what keeps it from being sent to " + to
	}
	return engine.Again{}, hint(fmt.Errorf("there is nothing to send %s again for: %s", p.Name, why), "`dtctl why %s` shows where it goes and what it waits for", p.Name)
}

// siteWith is a location of a site that has a verified copy; "" if none has.
func siteWith(f opsdb.Facts, site string) string {
	for _, c := range f.Copies {
		if c.Form == opsdb.Tar && c.Verified() && opsdb.SiteOf(c.Location) == site {
			return c.Location
		}
	}
	return ""
}

// unsend takes the open orders of a package back, or the one for a site.
func (a *app) unsend(ctx context.Context, s opsdb.Store, p opsdb.Package, to string, o order) error {
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return fmt.Errorf("read the facts of %s: %w", p.Name, err)
	}
	var last opsdb.ID
	for _, r := range facts[0].Resends {
		if to != "" && to != r.Site {
			continue
		}
		if err := s.Unsend(ctx, r.ID, person(o.who), o.why); err != nil {
			return fmt.Errorf("take the order back to send %s to %s again: %w", p.Name, r.Site, err)
		}
		last = r.ID
	}
	if last == "" {
		return hint(fmt.Errorf("no order to send %s again is open", p.Name), "`dtctl why %s` shows what is ordered", p.Name)
	}
	return a.ordered("unsend", last, p.Name+" leaves no more by order; what is under way already goes on")
}
