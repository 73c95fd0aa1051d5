package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/stages/builtin"
)

//go:generate sh -c "go run . schema > ../../schemas/route.schema.json"

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of routes, for editors", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := routeSchema()
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
}

// routeSchema generates the schema from the stage specs and the route types.
func routeSchema() ([]byte, error) {
	text, err := route.Schema(graph.StageTypes(builtin.Specs()))
	if err != nil {
		return nil, fmt.Errorf("generate the schema: %w", err)
	}
	return text, nil
}
