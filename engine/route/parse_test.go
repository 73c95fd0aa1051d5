package route_test

import (
	"os"
	"testing"

	"github.com/ccatobs/cdt/engine/route"
)

func stageTypes() []route.StageType {
	text := func(name, kind string) route.Field {
		return route.Field{Name: name, Type: route.Expression, Kind: kind}
	}
	types := []route.StageType{
		{Name: "package", Fields: []route.Field{
			text("when", "when"), text("select", "select"), text("close_when", "close_when"),
			{Name: "group_by", Type: route.Names, Default: "[instrument, observation, module]", Options: []string{"instrument", "observation", "module", "program"}},
			{Name: "max_size", Type: route.Size, Default: "50GB"},
		}},
		{Name: "transfer", Fields: []route.Field{{Name: "batch", Type: route.Object, Fields: []route.Field{
			{Name: "max_size", Type: route.Size}, {Name: "max_packages", Type: route.Int}, {Name: "max_wait", Type: route.Duration},
		}}}},
		{Name: "archive", Fields: []route.Field{{Name: "when", Type: route.Expression, Kind: "when"}}},
		{Name: "stage", Fields: []route.Field{{Name: "when", Type: route.Expression, Kind: "when", Default: "requested"}}},
		{Name: "verify", Fields: []route.Field{
			{Name: "every", Type: route.Duration, Required: true, Example: "90d"},
			{Name: "on_corrupt", Type: route.Choice, Options: []string{"repair"}, Default: "repair"},
		}},
	}
	for i, t := range types {
		types[i].Fields = append(everyStage(), t.Fields...)
	}
	return types
}

// everyStage stands for what the stage types of the product share.
func everyStage() []route.Field {
	return []route.Field{
		{Name: "type", Type: route.Choice, Required: true, Options: []string{"package", "transfer", "archive", "stage", "verify"}},
		{Name: "description", Type: route.String},
		{Name: "from", Type: route.Places}, {Name: "to", Type: route.Places}, {Name: "at", Type: route.Places},
		{Name: "needs", Type: route.Names}, {Name: "formerly", Type: route.Names},
		{Name: "priority", Type: route.Expression, Kind: "priority", Default: "0"},
		{Name: "wanted", Type: route.Bool},
		{Name: "choose", Type: route.Choice, Options: []string{"order", "round_robin", "least_backlog"}},
		{Name: "at_once", Type: route.Int, Min: 1},
		{Name: "attempts", Type: route.Int, Default: "8"},
		{Name: "window", Type: route.Window},
	}
}

func noEnv(string) (string, bool) { return "", false }

func TestCCAT(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../routes/ccat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, list := route.Parse(map[string][]byte{"ccat.yaml": text}, route.Options{Env: noEnv, StageTypes: stageTypes()})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	raw := set.Routes[0]
	scrub := raw.Stages[6]
	if got := scrub.Fields.Duration("every").V.Hours(); got != 90*24 {
		t.Errorf("every is %v hours", got)
	}
	if got := scrub.Window.V; got != "* 20-23,0-6 * * *" {
		t.Errorf("window is %q", got)
	}
	if got := raw.Stages[5].When.V; got != "requested" {
		t.Errorf("when of process is %q", got)
	}
	if got := set.Links[0].Options.Size("window").V; got != 8<<20 {
		t.Errorf("window of bbcp is %d", got)
	}
}
