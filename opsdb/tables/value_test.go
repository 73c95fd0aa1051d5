package tables

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestListsOfWordsAreReadAsJSONReadsThem(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`[]`, `["a"]`, `["lab.lta","b"]`, `["a", "b"]`, `[ ]`, `["a<b"]`, `["a\"b"]`, `["a\\","b"]`, `[""]`, `["",""]`, `["\u003c"]`, `null`, `["a","b","c"]`,
		`["]`, `["a"b"]`, `["a",1]`, `[1]`, `{}`, `"a"`, `["ä"]`, `[",", "\",\""]`,
	} {
		var got, want []string
		err := (&Decoded{&got}).Text(text)
		bad := json.Unmarshal([]byte(text), &want)
		if (err == nil) != (bad == nil) || err == nil && (!slices.Equal(got, want) || (got == nil) != (want == nil)) {
			t.Errorf("%s is read as %q (%v), want %q (%v)", text, got, err, want, bad)
		}
	}
}
