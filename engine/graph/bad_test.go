package graph_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/diag"
)

// Every offence of the language has a file of its own, with the problems it
// should give beside it.
func TestBadRoutes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, list := compile(map[string][]byte{name: read(t, file)})
			problems := list.Problems()
			if len(problems) == 0 {
				t.Fatal("no problem is found")
			}
			if (g == nil) != list.Failed() && !strings.Contains(text(problems), "CDT01") {
				t.Errorf("graph %v with problems:\n%s", g, text(problems))
			}
			for _, p := range problems {
				if p.Place.Line == 0 || p.Place.Column == 0 {
					t.Errorf("no exact place: %v", p)
				}
				if p.Hint == "" {
					t.Errorf("no hint: %v", p)
				}
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", text(problems))
		})
	}
}

func text(problems []diag.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// A rule without an example of its breach is not tested.
func TestEveryCodeHasAnOffence(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range files {
		_, list := compile(map[string][]byte{f: read(t, f)})
		for _, p := range list.Problems() {
			found[p.Code] = true
		}
	}
	for _, c := range diag.Codes() {
		ours := strings.HasPrefix(c.Code, "CDT02") || strings.HasPrefix(c.Code, "CDT04")
		if ours && c.Code != diag.NoDriver && !found[c.Code] {
			t.Errorf("%s (%s) has no testdata/<offence>.bad.yaml", c.Code, c.Text)
		}
	}
}
