package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/opsdb"
)

// problemsJSON is what `dtctl validate -o json` prints.
type problemsJSON struct {
	Version  int            `json:"version"`
	Valid    bool           `json:"valid"`
	Problems []diag.Problem `json:"problems"`
}

func problemsOf(list *diag.List) problemsJSON {
	return problemsJSON{opsdb.FormatVersion, !list.Failed(), append([]diag.Problem{}, list.Problems()...)}
}

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate [PATH]", Short: "Check routes and say every problem at once", Args: cobra.MaximumNArgs(1),
		Long: "Reads a route file or a folder of them (default: --routes, or the CCAT route) and prints every problem with its place, a stable code and a hint.",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.routes = args[0]
			}
			_, _, list := a.checkRoutes()
			v := problemsOf(list)
			if err := a.say(v, func() error { return a.validateText(v) }); err != nil {
				return err
			}
			if !v.Valid {
				return errFound
			}
			return nil
		},
	}
}

func (a *app) validateText(v problemsJSON) error {
	errors := 0
	for _, p := range v.Problems {
		fmt.Fprintln(a.out, p)
		if p.Severity == diag.Error {
			errors++
		}
	}
	if errors > 0 {
		_, err := fmt.Fprintln(a.out, counted(errors, "error"))
		return err
	}
	_, err := fmt.Fprintln(a.out, "the routes are valid")
	return err
}
