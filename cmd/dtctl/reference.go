package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/stages/builtin"
	"github.com/ccatobs/cdt/telemetry"
)

//go:generate go run . reference ../../docs/reference

// referenceCommand writes the reference pages; hidden, because it is for the build.
func (a *app) referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reference DIR", Short: "Write the reference pages into a folder", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			pages, err := referencePages()
			if err != nil {
				return err
			}
			for name, text := range pages {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
					return fmt.Errorf("write the reference: %w", err)
				}
			}
			return nil
		},
	}
}

// referencePages are the generated pages by file name.
func referencePages() (map[string]string, error) {
	metrics, err := telemetry.Reference()
	return map[string]string{
		"metrics.md":  metrics,
		"routes.md":   route.Reference(graph.StageTypes(builtin.Specs())),
		"codes.md":    codesPage(),
		"reasons.md":  reasonsPage(),
		"settings.md": settingsPage(),
	}, err
}

func codesPage() string {
	var b strings.Builder
	b.WriteString("# Codes of `dtctl validate`\n\nGenerated from the code (`make generate`).\n\n| Code | Meaning |\n|---|---|\n")
	for _, c := range diag.Codes() {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Code, strings.ReplaceAll(c.Text, "|", "\\|"))
	}
	return b.String()
}

func reasonsPage() string {
	var b strings.Builder
	b.WriteString("# Why something does not move\n\nGenerated from the code (`make generate`). These are all reasons that `dtctl why` gives.\n`waiting` heals by itself, `blocked` needs a person.\n\n| Verdict | Reason | Meaning | What would make it move |\n|---|---|---|---|\n")
	for _, m := range engine.Reasons() {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", m.Verdict, m.Reason, m.Text, m.Remedy)
	}
	return b.String()
}
