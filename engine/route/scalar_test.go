package route

import (
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/engine/diag"
)

// Whatever the value and its style, the second reading finds each character of
// it in the text, where that character (or its escape, or a line end) stands.
func TestEveryCharacterHasAPlace(t *testing.T) {
	t.Parallel()
	styles := []yaml.Style{0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}
	letters := rapid.SampledFrom([]rune("ab:#'\"\\ \t\n\n{}[],&*!|>%@é𝔘-?"))
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOf(letters).Draw(t, "value")
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: rapid.SampledFrom(styles).Draw(t, "style")}
		text, err := yaml.Marshal(map[string]any{"k": []any{n, "after"}})
		if err != nil {
			return // the library cannot write it
		}
		src, ok := newSource("f", text, &diag.List{})
		docs, err := documents(text, 1)
		if !ok || err != nil {
			return // or not read what it wrote
		}
		read := docs[0].Content[0].Content[1].Content[0]
		got := src.textOf(read)
		if got.V != read.Value {
			t.Fatalf("value is %q, want %q", got.V, read.Value)
		}
		if len(got.from) != len([]rune(read.Value)) {
			t.Fatalf("%d of %d characters of %q have places in\n%s", len(got.from), len([]rune(read.Value)), read.Value, text)
		}
		for i, r := range []rune(read.Value) {
			at := got.PlaceOf(i)
			raw := src.rune(src.index(at.Line, at.Column))
			if raw != r && raw != '\\' && raw != '\n' {
				t.Fatalf("character %d of %q is at %q in\n%s", i, read.Value, raw, text)
			}
		}
	})
}
