package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

// pausing is one order to pause.
type pausing struct {
	order
	now bool
}

func (a *app) pauseCommand() *cobra.Command {
	var o pausing
	c := &cobra.Command{
		Use: "pause SUBJECT", Short: "Order that nothing new begins for a route, stage, location, link or site", Args: cobra.ExactArgs(1),
		Long: `Nothing new begins that has to do with the subject until it is resumed; what runs ends. So a site is drained: pause it, and
wait until ` + "`dtctl status`" + ` says that it is. Deletions of its copies wait too. With --now what runs is stopped too, at no cost: it goes on
from where it was once the subject is resumed.`,
		Example: "  dtctl pause site:cologne --why 'power cut on Monday'\n  dtctl pause 'link:ccat>cologne'\n  dtctl pause stage:raw/ship",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error { return a.pause(c.Context(), s, args[0], o) })
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.now, "now", false, "stop what runs, too (PostgreSQL only)")
	return c
}

func (a *app) pause(ctx context.Context, s opsdb.Store, subject string, o pausing) error {
	if o.now && !isShared(a.db) {
		return misuse("stop `dtctl serve`, pause, and start it again", "--now: what an embedded database's process runs cannot be stopped from here")
	}
	g, _, err := node.Active(ctx, s)
	if errors.Is(err, opsdb.ErrNotFound) {
		return hint(errors.New("nothing can be paused: no routes are in force yet"), "`dtctl serve` puts them in force")
	}
	if err != nil {
		return err
	}
	if err := knownSubject(g, subject); err != nil {
		return err
	}
	w, err := s.World(ctx)
	if err != nil {
		return fmt.Errorf("read what is paused: %w", err)
	}
	if p, already := w.Pauses[subject]; already && !o.now {
		return a.ordered("pause", "", fmt.Sprintf("%s was paused already, by %s, %s ago", subject, p.Who, agoText(w.Now, p.Since)))
	}
	if err := s.Pause(ctx, opsdb.Pause{Subject: subject, Who: person(o.who), Why: o.why}); err != nil {
		return fmt.Errorf("pause %s: %w", subject, err)
	}
	text := subject + " is paused"
	if o.now {
		n, err := a.stopNow(ctx, s, subject)
		if err != nil {
			return err
		}
		return a.ordered("pause", "", fmt.Sprintf("%s: %d stopped", text, n))
	}
	if strings.HasPrefix(subject, "site:") {
		left, err := underWay(ctx, s, subject)
		if err != nil {
			return err
		}
		text += ": " + drainText(len(left))
	}
	return a.ordered("pause", "", text)
}

func (a *app) resumeCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "resume SUBJECT", Short: "Lift a pause", Args: cobra.ExactArgs(1),
		Example: "  dtctl resume site:cologne",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error { return a.resume(c.Context(), s, args[0], o) })
		},
	}
	c.Flags().StringVar(&o.who, "who", "", "who orders it (default: your login name)")
	return c
}

func (a *app) resume(ctx context.Context, s opsdb.Store, subject string, o order) error {
	err := s.Resume(ctx, subject, person(o.who))
	if !errors.Is(err, opsdb.ErrNotFound) {
		if err != nil {
			return fmt.Errorf("resume %s: %w", subject, err)
		}
		return a.ordered("resume", "", subject+" goes on")
	}
	if g, _, err := node.Active(ctx, s); err == nil {
		if err := knownSubject(g, subject); err != nil {
			return err
		}
	}
	w, err := s.World(ctx)
	if err != nil {
		return fmt.Errorf("read what is paused: %w", err)
	}
	if len(w.Pauses) == 0 {
		return hint(fmt.Errorf("%s is not paused", subject), "nothing is")
	}
	return hint(fmt.Errorf("%s is not paused", subject), "paused: %s", strings.Join(sorted(w.Pauses), ", "))
}

// subjects are all that can be paused under a set of routes.
func subjects(g *graph.Graph) []string {
	var out []string
	for _, s := range g.Sites {
		out = append(out, "site:"+s.Name)
	}
	for _, name := range sorted(g.Locations) {
		out = append(out, "location:"+name)
	}
	for _, name := range sorted(g.Links) {
		out = append(out, "link:"+name)
	}
	for _, r := range g.Routes {
		out = append(out, "route:"+r.Name)
		for _, s := range r.Stages {
			out = append(out, "stage:"+r.Name+"/"+s.Name)
		}
	}
	return out
}

// knownSubject refuses what the routes do not have, with what was probably meant.
func knownSubject(g *graph.Graph, subject string) error {
	known := subjects(g)
	if slices.Contains(known, subject) {
		return nil
	}
	for _, k := range known {
		if _, name, _ := strings.Cut(k, ":"); name == subject {
			return misuse("did you mean "+k+"?", "%q does not say what it is", subject)
		}
	}
	if near := diag.Nearest(subject, known); near != "" {
		return misuse("did you mean "+near+"?", "the routes in force have no %q", subject)
	}
	return misuse("say route:R, stage:R/S, location:L, 'link:A>B' or site:S; `dtctl graph` shows their names", "the routes in force have no %q", subject)
}

// stopNow stops what runs or was given out under a subject.
func (a *app) stopNow(ctx context.Context, s opsdb.Reading, subject string) (int, error) {
	tasks, err := underWay(ctx, s, subject)
	if err != nil {
		return 0, err
	}
	n, err := river.CancelTasks(ctx, a.db, tasks)
	if err != nil {
		return n, fmt.Errorf("%s is paused, but what runs was not stopped: %w", subject, err)
	}
	return n, nil
}

// underWay lists the tasks that run, or were given to a site, under a subject.
func underWay(ctx context.Context, s opsdb.Reading, subject string) ([]opsdb.ID, error) {
	var out []opsdb.ID
	for _, state := range []opsdb.TaskState{opsdb.TaskInProgress, opsdb.TaskScheduled} {
		tasks, err := s.Tasks(ctx, opsdb.Query{State: string(state), Limit: 1_000_000})
		if err != nil {
			return nil, fmt.Errorf("read the tasks of %s: %w", subject, err)
		}
		for _, t := range tasks {
			if slices.Contains(subjectsOf(t), subject) {
				out = append(out, t.ID)
			}
		}
	}
	return out, nil
}

// subjectsOf are the subjects a task has to do with.
func subjectsOf(t opsdb.Task) []string {
	return []string{
		"route:" + t.Route, "stage:" + t.Route + "/" + t.Stage, "location:" + t.From, "location:" + t.To, "link:" + t.Link,
		"site:" + t.SendSite, "site:" + t.ReceiveSite, "site:" + opsdb.SiteOf(t.From), "site:" + opsdb.SiteOf(t.To),
	}
}

// drainText says how far a paused site is drained.
func drainText(n int) string {
	if n == 0 {
		return "drained, nothing runs"
	}
	return fmt.Sprintf("draining, %d still under way", n)
}

// drained tells of sites that are paused how far they are drained.
func drained(ctx context.Context, s opsdb.Reading, w opsdb.World, sites []placeJSON) error {
	for i, p := range sites {
		if _, paused := w.Pauses["site:"+p.Name]; !paused {
			continue
		}
		left, err := underWay(ctx, s, "site:"+p.Name)
		if err != nil {
			return err
		}
		sites[i].State += ", " + drainText(len(left))
	}
	return nil
}
