package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

// completing is how long a shell may wait for suggestions, and how many packages are looked through.
const (
	completing       = 2 * time.Second
	completePackages = 2000
)

// choices suggests what may stand at one place of a command line, each with a
// tab and a word about it.
type choices func(ctx context.Context, toComplete string) []string

// completions teaches the shell the words that only the database and the
// routes know. What cannot be read suggests nothing.
func (a *app) completions(root *cobra.Command) {
	pkg, processing := a.packageNames, a.locationNames(opsdb.Processing)
	arguments := map[string][]choices{
		"why": {pkg}, "hold": {pkg}, "unhold": {pkg}, "retry": slices.Repeat([]choices{pkg}, 100), "verify": {pkg},
		"resend": {pkg}, "lift": {pkg},
		"request": {pkg, processing}, "release": {pkg, processing},
		"pause": {a.subjectNames}, "resume": {a.subjectNames},
	}
	flags := map[string]choices{
		"at": a.locationNames(""), "route": a.routeNames, "site": a.siteNames, "to": a.siteNames, "package": pkg,
		"format": words("text", "mermaid", "dot", "svg"), "kind": words("delete", "move", "all"),
	}
	a.suggest(root, "output", words(outputText, outputJSON))
	for _, c := range root.Commands() {
		if places := arguments[c.Name()]; places != nil {
			c.ValidArgsFunction = a.arguments(places)
		}
		if c.Name() == "init-location" {
			c.ValidArgsFunction = a.arguments(slices.Repeat([]choices{a.rootNames}, 100))
		}
		for flag, of := range flags {
			a.suggest(c, flag, of)
		}
	}
}

// suggest completes the value of a flag, if the command has it.
func (a *app) suggest(c *cobra.Command, flag string, of choices) {
	if c.Flag(flag) == nil {
		return
	}
	err := c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return a.choose(c, of, nil, toComplete)
	})
	cobra.CheckErr(err) // only a flag that is not there
}

// arguments completes the arguments of a command, place by place.
func (a *app) arguments(places []choices) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(c *cobra.Command, given []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(given) >= len(places) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.choose(c, places[len(given)], given, toComplete)
	}
}

// choose reads the settings as the verb itself would, and asks for suggestions.
func (a *app) choose(c *cobra.Command, of choices, given []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if err := c.Root().PersistentPreRunE(c, given); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completing)
	defer cancel()
	return slices.DeleteFunc(of(ctx, toComplete), func(s string) bool {
		word, _, _ := strings.Cut(s, "\t")
		return !strings.HasPrefix(word, toComplete) || slices.Contains(given, word)
	}), cobra.ShellCompDirectiveNoFileComp
}

func words(list ...string) choices {
	return func(context.Context, string) []string { return slices.Clone(list) }
}

// packageNames are names, or route/number once a slash was typed.
func (a *app) packageNames(ctx context.Context, toComplete string) (out []string) {
	_ = a.withStore(ctx, func(s opsdb.Store) error { // no database, no suggestions
		found, err := s.Packages(ctx, opsdb.Query{Limit: completePackages})
		for _, f := range found {
			short := fmt.Sprintf("%s/%d", f.Package.Route, f.Package.Number)
			if strings.Contains(toComplete, "/") {
				out = append(out, short+"\t"+f.Package.Name)
			} else {
				out = append(out, fmt.Sprintf("%s\t%s, %d files", f.Package.Name, short, f.Package.Files))
			}
		}
		return err
	})
	return out
}

// locationNames are the locations of a type; of all if it is "".
func (a *app) locationNames(of opsdb.LocationType) choices {
	return func(ctx context.Context, _ string) (out []string) {
		g := a.knownGraph(ctx)
		for _, name := range sorted(g.Locations) {
			if t := g.Locations[name].Type; of == "" || t == of {
				out = append(out, name+"\t"+string(t))
			}
		}
		return out
	}
}

// rootNames are the locations that can be initialised: those of the routes, in force or not.
func (a *app) rootNames(context.Context, string) (out []string) {
	_, g, _ := a.checkRoutes()
	if g == nil {
		return nil
	}
	for _, name := range sorted(g.Locations) {
		out = append(out, name+"\t"+g.Locations[name].Path)
	}
	return out
}

func (a *app) routeNames(ctx context.Context, _ string) (out []string) {
	for _, r := range a.knownGraph(ctx).Routes {
		out = append(out, r.Name+"\t"+r.Description)
	}
	return out
}

func (a *app) siteNames(ctx context.Context, _ string) (out []string) {
	for _, s := range a.knownGraph(ctx).Sites {
		out = append(out, s.Name+"\t"+s.Title)
	}
	return out
}

// subjectNames are what can be paused.
func (a *app) subjectNames(ctx context.Context, _ string) []string {
	return subjects(a.knownGraph(ctx))
}

// knownGraph is the routes in force; without a database those named by
// --routes; an empty graph if neither can be read.
func (a *app) knownGraph(ctx context.Context) *graph.Graph {
	var g *graph.Graph
	err := a.withStore(ctx, func(s opsdb.Store) error {
		rev, err := s.ActiveRevision(ctx)
		if err == nil {
			g, err = node.Graph(rev)
		}
		return err
	})
	if err != nil || g == nil {
		_, g, _ = a.checkRoutes()
	}
	if g == nil {
		return &graph.Graph{}
	}
	return g
}
