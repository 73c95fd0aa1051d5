package route

import "github.com/ccatobs/cdt/engine/diag"

// PlaceOf returns where in the file the rune at the offset (from 0) of V
// stands. An offset past the end is the place after the last rune.
func (t Text) PlaceOf(offset int) diag.Place {
	if len(t.from) == 0 || offset < 0 {
		return t.At
	}
	if offset < len(t.from) {
		return t.src.at(int(t.from[offset]))
	}
	end := t.src.at(int(t.from[len(t.from)-1]))
	end.Column++
	return end
}

// PlaceAt returns where in the file a line (from 1) and column (from 0, in
// runes) of V stand: the places the expression language speaks of.
func (t Text) PlaceAt(line, column int) diag.Place {
	offset := 0
	for _, r := range t.V {
		if line <= 1 {
			break
		}
		if r == '\n' {
			line--
		}
		offset++
	}
	return t.PlaceOf(offset + column)
}

// Value returns the text as a plain value.
func (t Text) Value() Value[string] { return Value[string]{t.V, t.At, t.Set} }
