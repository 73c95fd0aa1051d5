package opsdb_test

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/opsdb"
)

// A shown path is printable, and reading it gives back every byte.
func TestShownPathReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		path := string(rapid.SliceOf(rapid.Byte()).Draw(t, "path"))
		shown := opsdb.ShowPath(path)
		back, err := opsdb.ParsePath(shown)
		if err != nil || back != path || !utf8.ValidString(shown) {
			t.Fatalf("%q is shown as %q, which reads %q, %v", path, shown, back, err)
		}
	})
	if _, err := opsdb.ParsePath("100%"); err == nil {
		t.Fatal("a lone % was read")
	}
}
