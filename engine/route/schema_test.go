package route_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/route"
)

// The schema that lies in schemas/ takes the routes of CCAT, and the one of the
// types of this test does too.
func TestSchemaTakesCCAT(t *testing.T) {
	t.Parallel()
	stored, err := os.ReadFile("../../schemas/route.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	made, err := route.Schema(stageTypes())
	if err != nil {
		t.Fatal(err)
	}
	ccat, err := os.ReadFile("../../routes/ccat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range map[string][]byte{"stored": stored, "made": made} {
		if err := validate(t, schema, ccat); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	first, _, _ := strings.Cut(string(ccat), "\n")
	if first != "# yaml-language-server: $schema=../schemas/route.schema.json" {
		t.Errorf("the routes do not name their schema: %s", first)
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema, err := route.Schema(stageTypes())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown key":        "nodes: {}",
		"version":            "version: 2",
		"location type":      "sites: {a: {locations: {x: {type: bufer, disk: {path: /x}}}}}",
		"unit":               "sites: {a: {locations: {x: {type: buffer, disk: {path: /x}, capacity: 5Tb}}}}",
		"missing path":       "sites: {a: {locations: {x: {type: buffer, disk: {}}}}}",
		"name":               "sites: {A: {locations: {}}}",
		"stage type":         "routes: {r: {stages: {s: {type: send}}}}",
		"key of another":     "routes: {r: {stages: {s: {type: archive, max_size: 5GB}}}}",
		"required of a type": "routes: {r: {stages: {s: {type: verify, at: a.x}}}}",
		"minimum":            "routes: {r: {stages: {}, retention: {require_archived: 0}}}",
		"one of a list":      "routes: {r: {stages: {s: {type: package, group_by: [modul]}}}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := validate(t, schema, []byte(text)); err == nil {
				t.Errorf("the schema takes %s", text)
			}
			_, list := route.Parse(map[string][]byte{"f": []byte(text)}, route.Options{Env: noEnv, StageTypes: stageTypes()})
			if !list.Failed() {
				t.Errorf("the parser takes %s", text)
			}
		})
	}
}

func TestSchemaTakesVariables(t *testing.T) {
	t.Parallel()
	schema, err := route.Schema(stageTypes())
	if err != nil {
		t.Fatal(err)
	}
	text := `sites: {a: {state: "${S}", send_once: "${O}", locations: {x: {type: "${T:-buffer}", disk: {path: "${P}"}, capacity: "${C}TB", at_once: "${N}"}}}}`
	if err := validate(t, schema, []byte(text)); err != nil {
		t.Error(err)
	}
}

func TestSchemaIsStable(t *testing.T) {
	t.Parallel()
	a, err := route.Schema(stageTypes())
	if err != nil {
		t.Fatal(err)
	}
	b, err := route.Schema(stageTypes())
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two schemas of the same types differ: %v", err)
	}
}

func validate(t *testing.T, schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("route.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("route.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}
