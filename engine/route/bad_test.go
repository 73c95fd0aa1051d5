package route_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each file (or folder) testdata/<offence>.bad.yaml has exactly the problems
// that testdata/<offence>.bad.txt says.
func TestBad(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		golden(t, file, func() (*route.Set, *diag.List) {
			return route.Load(file, route.Options{Env: noEnv, StageTypes: stageTypes()})
		})
	}
}

// What is too large to lie in testdata.
func TestBadAndLarge(t *testing.T) {
	t.Parallel()
	made := map[string][]byte{
		"testdata/too_large.bad.yaml":    bytes.Repeat([]byte("# large\n"), 1<<20),
		"testdata/deep_flow.bad.yaml":    bytes.Repeat([]byte("["), 1<<20),
		"testdata/deep_block.bad.yaml":   bytes.Repeat([]byte("- "), 1<<18),
		"testdata/many_keys.bad.yaml":    bytes.Repeat([]byte("a: 1\n"), 1<<15),
		"testdata/many_values.bad.yaml":  append([]byte("["), bytes.Repeat([]byte("[],"), 1<<17)...),
		"testdata/many_errors.bad.yaml":  append(bytes.Repeat([]byte("sites: {}\n# x\n"), 1<<12), "\t- x: ]"...),
		"testdata/many_anchors.bad.yaml": append(bytes.Repeat([]byte("- &a a\n"), 1<<14), bytes.Repeat([]byte("- *a\n"), 1<<14)...),
	}
	for file, text := range made {
		golden(t, file, func() (*route.Set, *diag.List) {
			return route.Parse(map[string][]byte{file: text}, route.Options{Env: noEnv, StageTypes: stageTypes()})
		})
	}
}

// ofTheWhole are the codes that may speak of a file, or of all of them.
var ofTheWhole = map[string]bool{"CDT0101": true, "CDT0102": true, "CDT0103": true, "CDT0104": true, "CDT0107": true, "CDT0130": true}

func golden(t *testing.T, file string, parse func() (*route.Set, *diag.List)) {
	t.Run(strings.TrimSuffix(filepath.Base(file), ".bad.yaml"), func(t *testing.T) {
		t.Parallel()
		_, list := parse()
		var got strings.Builder
		for _, p := range list.Problems() {
			got.WriteString(p.String() + "\n")
			if exact := p.Place.Line > 0 && p.Place.Column > 0; p.Code == "" || p.Hint == "" || !exact && !ofTheWhole[p.Code] {
				t.Errorf("no exact place, code or hint: %s", p)
			}
		}
		name := strings.TrimSuffix(file, ".yaml") + ".txt"
		if *update {
			if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("problems are\n%s\nand should be\n%s", got.String(), want)
		}
	})
}
