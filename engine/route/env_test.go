package route_test

import (
	"fmt"
	"testing"

	"github.com/ccatobs/cdt/engine/route"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"ROOT": "/data", "EMPTY": "", "NESTED": "${ROOT}", "CAP": "5TB", "YES": "true", "N": "3"}[name]
		return v, ok
	}
	for text, want := range map[string]string{
		`"${ROOT}/x"`:                  "/data/x",
		`"${ROOT}${ROOT}"`:             "/data/data",
		`"a${ROOT:-/other}b"`:          "a/datab",
		`"${MISSING:-/other}/x"`:       "/other/x",
		`"${MISSING:-}x"`:              "x",
		`"${EMPTY:-full}"`:             "full",
		`"${EMPTY}x"`:                  "x",
		`"${NESTED}"`:                  "${ROOT}",
		`"$ROOT $$ {ROOT}"`:            "$ROOT $$ {ROOT}",
		`"${MISSING:-a:-b}"`:           "a:-b",
		`'${MISSING:-it''s}'`:          "it's",
		`"${ROOT}\u00e9${MISSING:-é}"`: "/dataéé",
	} {
		yaml := fmt.Sprintf("sites: {a: {locations: {x: {type: buffer, disk: {path: %s}}}}}", text)
		set, list := route.Parse(map[string][]byte{"f": []byte(yaml)}, route.Options{Env: env})
		if err := list.Err(); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := set.Sites[0].Locations[0].Path.V; got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

func TestVariableThatIsNoText(t *testing.T) {
	t.Parallel()
	env := func(string) (string, bool) { return "\xff", true }
	_, list := route.Parse(map[string][]byte{"f": []byte("sites: {a: {name: \"${X}\", locations: {}}}")}, route.Options{Env: env})
	if got := codes("", list); got != "f:1:20 CDT0125\n" {
		t.Errorf("problems are %v", list.Problems())
	}
}

// A variable may stand for any single value, whatever its type, but in keys.
func TestVariablesOfAnyType(t *testing.T) {
	t.Parallel()
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"CAP": "5TB", "YES": "true", "N": "3", "TYPE": "archive", "PLACE": "a.x"}[name]
		return v, ok
	}
	yaml := "sites: {a: {send_once: \"${YES}\", locations: {x: {type: buffer, disk: {path: /x}, capacity: \"${CAP}\", at_once: \"${N}\"}}}}\n" +
		"routes:\n  r:\n    stages:\n      s:\n        type: ${TYPE}\n        from: ${PLACE}\n        to: [\"${PLACE}\"]\n"
	set, list := route.Parse(map[string][]byte{"f": []byte(yaml)}, route.Options{Env: env, StageTypes: stageTypes()})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	site, stage := set.Sites[0], set.Routes[0].Stages[0]
	if l := site.Locations[0]; !site.SendOnce.V || l.Capacity.V != 5e12 || l.AtOnce.V != 3 {
		t.Errorf("site is %+v, location %+v", site, l)
	}
	if stage.Type.V != "archive" || stage.From.Names()[0] != "a.x" || stage.To.Names()[0] != "a.x" {
		t.Errorf("stage is %+v", stage)
	}
}
