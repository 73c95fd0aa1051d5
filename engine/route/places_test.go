package route_test

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/route"
)

// Each case holds one expression; the places of its characters are found by
// looking for a mark in the text as it stands in the file.
func TestPlacesInsideValues(t *testing.T) {
	t.Parallel()
	const head = "routes:\n  raw:\n    stages:\n      s:\n        type: archive\n        when: "
	for name, c := range map[string]struct{ yaml, value, mark string }{
		"plain":              {"archived >= 2 && MARK\n", "archived >= 2 && MARK", "MARK"},
		"single quotes":      {"'it''s MARK'\n", "it's MARK", "MARK"},
		"double quotes":      {`"a\tb\u00e9\x41 \"MARK\""` + "\n", "a\tbéA \"MARK\"", "MARK"},
		"runes":              {"'é𝔘ü MARK'\n", "é𝔘ü MARK", "MARK"},
		"literal":            {"|\n          one\n            two\n\n          MARK\n", "one\n  two\n\nMARK\n", "MARK"},
		"literal, kept":      {"|+\n          one\n\n          MARK\n\n", "one\n\nMARK\n\n", "MARK"},
		"literal, indented":  {"|2\n            one\n          MARK\n", "  one\nMARK\n", "MARK"},
		"literal, comment":   {"| # why\n          one MARK\n", "one MARK\n", "MARK"},
		"folded":             {">-\n          one\n          two\n\n          MARK", "one two\nMARK", "MARK"},
		"folded, indented":   {">\n          one\n            two\n          MARK\n", "one\n  two\nMARK\n", "MARK"},
		"plain, two lines":   {"one\n          two\n\n          MARK\n", "one two\nMARK", "MARK"},
		"single, two lines":  {"'one\n          two\n\n          MARK'\n", "one two\nMARK", "MARK"},
		"double, two lines":  {"\"one\n          two \\\n           MARK\"\n", "one two MARK", "MARK"},
		"anchored":           {"&a 'one MARK'\n", "one MARK", "MARK"},
		"variable before":    {"${SHORT} MARK\n", "a rather long value MARK", "MARK"},
		"default before":     {"'${NONE:-x} MARK'\n", "x MARK", "MARK"},
		"inside a default":   {"'${NONE:-x MARK} y'\n", "x MARK y", "MARK"},
		"tab in a plain one": {"one\ttwo MARK\n", "one\ttwo MARK", "MARK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := head + c.yaml
			env := func(name string) (string, bool) { return "a rather long value", name == "SHORT" }
			set, list := route.Parse(map[string][]byte{"f": []byte(text)}, route.Options{Env: env, StageTypes: stageTypes()})
			if err := list.Err(); err != nil {
				t.Fatal(err)
			}
			when := set.Routes[0].Stages[0].When
			if when.V != c.value {
				t.Fatalf("value is %q, want %q", when.V, c.value)
			}
			before, _, _ := strings.Cut(text, c.mark)
			line := 1 + strings.Count(before, "\n")
			column := 1 + len([]rune(before[strings.LastIndex(before, "\n")+1:]))
			offset := len([]rune(when.V[:strings.Index(when.V, c.mark)]))
			if got := when.PlaceOf(offset); got.Line != line || got.Column != column {
				t.Errorf("%s is at %s, want %d:%d", c.mark, got, line, column)
			}
			inner := when.V[:strings.Index(when.V, c.mark)]
			l, col := 1+strings.Count(inner, "\n"), len([]rune(inner[strings.LastIndex(inner, "\n")+1:]))
			if got := when.PlaceAt(l, col); got.Line != line || got.Column != column {
				t.Errorf("line %d column %d is at %s, want %d:%d", l, col, got, line, column)
			}
		})
	}
}

func TestPlaceOutsideText(t *testing.T) {
	t.Parallel()
	set := parse(t, []byte("routes:\n  r:\n    stages:\n      s: {type: archive, when: 'ab'}\n"))
	when := set.Routes[0].Stages[0].When
	if got := when.PlaceOf(2); got.Column != 35 {
		t.Errorf("the end is at %s, want column 35", got)
	}
	if got := when.PlaceOf(-1); got != when.At {
		t.Errorf("before the start is at %s", got)
	}
	if got := (route.Text{V: "default", At: when.At}).PlaceOf(3); got != when.At {
		t.Errorf("a default is at %s", got)
	}
}

// A byte order mark and carriage returns do not shift places.
func TestPlacesWithWindowsLineEnds(t *testing.T) {
	t.Parallel()
	text := "\ufeffsites:\r\n  a:\r\n    locations:\r\n      x: {type: bufer, disk: {path: /x}}\r\n"
	_, list := route.Parse(map[string][]byte{"f": []byte(text)}, route.Options{Env: noEnv})
	if p := list.Problems(); len(p) != 1 || p[0].Place.String() != "f:4:17" {
		t.Errorf("problems are %v", p)
	}
}
