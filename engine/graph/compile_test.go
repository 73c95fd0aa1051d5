package graph_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/stages/builtin"
)

var update = flag.Bool("update", false, "write the golden files")

// parse reads files as a set, with the types of this version.
func parse(files map[string][]byte) (*route.Set, *diag.List) {
	return route.Parse(files, route.Options{
		Env:        func(string) (string, bool) { return "", false },
		StageTypes: graph.StageTypes(builtin.Specs()),
	})
}

// compile parses and compiles; the problems of both are in the list.
func compile(files map[string][]byte) (*graph.Graph, *diag.List) {
	set, list := parse(files)
	g, problems := graph.Compile(set, builtin.Specs(), graph.Options{})
	for _, p := range problems.Problems() {
		list.Add(p)
	}
	return g, list
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ccat compiles the CCAT routes after replacing texts in them.
func ccat(t *testing.T, replace ...string) *graph.Graph {
	t.Helper()
	text := strings.NewReplacer(replace...).Replace(string(read(t, "../../routes/ccat.yaml")))
	g, list := compile(map[string][]byte{"ccat.yaml": []byte(text)})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return g
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, file)); got != want {
		t.Errorf("%s differs (write it with -update):\n%s", file, got)
	}
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	g := ccat(t)
	golden(t, "ccat.txt", graph.Text(g))
	golden(t, "ccat.mmd", graph.Mermaid(g))
	golden(t, "ccat.dot", graph.Dot(g))
}
