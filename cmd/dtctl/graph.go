package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) graphCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "graph [PATH]", Short: "Draw the routes: as text, mermaid, dot or svg", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.routes = args[0]
			}
			draw := map[string]func(*graph.Graph) string{"text": graph.Text, "mermaid": graph.Mermaid, "dot": graph.Dot, "svg": graph.SVG}[format]
			if draw == nil {
				return misuse("choose --format text, mermaid, dot or svg", "unknown format %q", format)
			}
			_, g, err := a.compiledRoutes()
			if err != nil {
				return err
			}
			picture := draw(g)
			return a.say(map[string]any{"version": opsdb.FormatVersion, "format": format, "graph": picture}, func() error {
				_, err := fmt.Fprint(a.out, picture)
				return err
			})
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, mermaid, dot or svg")
	return c
}
