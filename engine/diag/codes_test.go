package diag_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/diag"
)

func TestCodesAreThereOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range diag.Codes() {
		if !regexp.MustCompile(`^CDT0[1-4]\d\d$`).MatchString(c.Code) || c.Text == "" || seen[c.Code] {
			t.Errorf("%q is no code with a meaning, or is there twice", c)
		}
		seen[c.Code] = true
	}
}

// Every code that stands in the sources of the engine is in the table.
func TestCodesOfTheSourcesAreInTheTable(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, c := range diag.Codes() {
		known[c.Code] = true
	}
	used := found(t, "../*/*.go")
	if len(used) == 0 {
		t.Error("no codes are used")
	}
	for _, code := range used {
		if !known[code] {
			t.Errorf("%s is used and not in the table", code)
		}
	}
}

// Every code of the table is shown by an offence in testdata, but for the notes
// that depend on what a version carries out and has drivers for.
func TestCodesHaveFixtures(t *testing.T) {
	t.Parallel()
	shown := found(t, "../*/testdata/*.bad.txt")
	const later = "CDT0134"
	for _, c := range diag.Codes() {
		if c.Code != diag.NoDriver && c.Code != later && !slices.Contains(shown, c.Code) {
			t.Errorf("no testdata/<offence>.bad.txt shows %s (%s)", c.Code, c.Text)
		}
	}
}

// found returns the codes in the files of a pattern.
func found(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, regexp.MustCompile(`\bCDT0\d{3}\b`).FindAllString(string(text), -1)...)
	}
	return codes
}
