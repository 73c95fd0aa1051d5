package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/stages/builtin"
)

// parts cuts a text of routes into its top-level keys.
func parts(text string) []string {
	var out []string
	for _, line := range strings.SplitAfter(text, "\n") {
		if line != "" && line[0] != ' ' && line[0] != '#' && line[0] != '\n' || len(out) == 0 {
			out = append(out, "")
		}
		out[len(out)-1] += line
	}
	return out
}

// F3: in which file something stands, and in which order the files come, changes nothing.
func TestAnyOrderOfFiles(t *testing.T) {
	t.Parallel()
	whole := string(read(t, "../../routes/ccat.yaml"))
	broken := strings.NewReplacer("to: archives\n", "to: archive\n", "age >= days(3)", "age >= 3", "to: cornell,", "to: cornel,").Replace(whole)
	want := graph.Text(ccat(t))
	_, list := compile(map[string][]byte{"r.yaml": []byte(broken)})
	wantProblems := messages(text(list.Problems()))
	if len(wantProblems) < 4 {
		t.Fatal(wantProblems)
	}
	rapid.Check(t, func(t *rapid.T) {
		split := func(text string) map[string][]byte {
			files := map[string][]byte{}
			all := parts(text)
			for i, at := range rapid.Permutation(indexes(len(all))).Draw(t, "order") {
				files[fmt.Sprintf("f%d.yaml", at)] = []byte(all[i])
			}
			return files
		}
		g, list := compile(split(whole))
		if list.Failed() || graph.Text(g) != want {
			t.Fatalf("another graph:\n%v", list.Err())
		}
		_, list = compile(split(broken))
		if got := messages(text(list.Problems())); !slices.Equal(got, wantProblems) {
			t.Fatalf("other problems:\n%q\nwant\n%q", got, wantProblems)
		}
	})
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// messages are problems without their places, sorted.
func messages(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if _, message, ok := strings.Cut(line, " CDT"); ok {
			out = append(out, message)
		}
	}
	return slices.Sorted(slices.Values(out))
}

// Whatever is left of a set after a failed parse, Compile says what it can and does not fall over it.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("sets: {a: [b], b: [a, c.d]}\nlinks: [{from: x, to: x}]\nroutes: {r: {stages: {s: {type: transfer, from: a, to: [b, z]}}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, parsed := parse(map[string][]byte{"r.yaml": text})
		g, list := graph.Compile(set, builtin.Specs(), graph.Options{})
		if (g == nil) != list.Failed() {
			t.Fatal("a graph with errors, or none without")
		}
		for _, p := range list.Problems() {
			if p.Place.File == "" || p.Message == "" {
				t.Fatalf("%+v", p)
			}
		}
		if g != nil && !parsed.Failed() {
			_ = graph.Text(g) + graph.Mermaid(g) + graph.Dot(g)
			if w := graph.Weaker(g, g); len(w) > 0 {
				t.Fatalf("weaker than itself: %q", w)
			}
		}
	})
}

// A set of sets that doubles at every step is resolved once for each set.
func TestSetsThatDouble(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(strings.Replace(small, "routes:\n", "sets:\n  a0: [home.lta]\n  b0: [home.lta]\nSETSroutes:\n", 1))
	text := b.String()
	sets := ""
	for i := 1; i < 60; i++ {
		sets += fmt.Sprintf("  a%d: [a%d, b%d]\n  b%d: [b%d, a%d]\n", i, i-1, i-1, i, i-1, i-1)
	}
	g := good(t, strings.Replace(text, "SETS", sets, 1))
	if names := slices.Collect(maps.Keys(g.Sets)); len(names) != 120 || len(g.Sets["a59"]) != 1 {
		t.Error(len(names))
	}
}
