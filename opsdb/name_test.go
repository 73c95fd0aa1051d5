package opsdb_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// Whatever people call their observations, nothing of it that an argument list, a shell, a path or a query reads as more than a name gets into one (S11).
func TestNamesGivenByPeople(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                       "-",
		"Saturn_2026-04-01":      "saturn-2026-04-01",
		"..":                     "--",
		"../../etc/passwd":       "------etc-passwd",
		"-rf /":                  "-rf--",
		"$(reboot)":              "--reboot-",
		"a;b|c&d`e'f\"g\\h":      "a-b-c-d-e-f-g-h",
		"new\nline\x00null":      "new-line-null",
		"Größe":                  "gr----e",
		"\xff\xfe":               strings.Repeat("-", len("\xff\xfe")*3), // invalid UTF-8 is lower-cased to what replaces it
		strings.Repeat("Ab", 30): strings.Repeat("ab", 20),
	} {
		if got := opsdb.Slug(given); got != want {
			t.Errorf("%q is named %q, want %q", given, got, want)
		}
		p := opsdb.Package{ID: "0198f000-0000-7000-8000-00000a1b2c3d", Route: given, Observation: given, Module: given, Number: 7}
		if got := opsdb.PackageName(p); got != strings.Join([]string{want, want, want, "7", "0a1b2c3d"}, "-") {
			t.Errorf("a package of %q is named %q", given, got)
		}
		if got := opsdb.PackageDir(p); got != want+"/"+want {
			t.Errorf("a package of %q lies in %q", given, got)
		}
	}
}

func FuzzSlug(f *testing.F) {
	name := regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	for _, s := range []string{"", "obs", "\xff", "ẞ", strings.Repeat("İ", 60), "../x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := opsdb.Slug(s); !name.MatchString(got) {
			t.Errorf("%q is named %q", s, got)
		}
	})
}
