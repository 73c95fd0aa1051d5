package route_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/ccatobs/cdt/engine/route"
)

// Whatever the text, the parse ends, and each problem is at a place of the text.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(seeds, "../../routes/ccat.yaml") {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, list := route.Parse(map[string][]byte{"f": text}, route.Options{Env: noEnv, StageTypes: stageTypes()})
		lines := splitLines(text)
		for _, p := range list.Problems() {
			at := p.Place
			if at.Line == 0 && at.Column == 0 {
				continue
			}
			if at.Line < 1 || at.Line > len(lines) || at.Column < 1 || at.Column > lines[at.Line-1]+1 {
				t.Errorf("%s is outside the text of %d lines", p, len(lines))
			}
		}
		if list.Failed() {
			return
		}
		local, err := route.Localize(map[string][]byte{"f": text}, "/r")
		if err != nil {
			t.Fatalf("right routes cannot be localized: %v", err)
		}
		if _, list := route.Parse(local, route.Options{Env: noEnv, StageTypes: stageTypes()}); list.Failed() {
			t.Errorf("right routes are wrong when localized: %v\n%s", list.Err(), local["f"])
		}
	})
}

// splitLines returns the number of runes of each line.
func splitLines(text []byte) []int {
	lines := []int{0}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		if r == '\n' {
			lines = append(lines, 0)
		} else {
			lines[len(lines)-1]++
		}
	}
	return lines
}
