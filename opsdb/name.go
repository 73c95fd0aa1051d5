package opsdb

import (
	"strconv"
	"strings"
)

// slugLength is how many characters of a part given by people a name keeps.
const slugLength = 40

// Slug makes a part of a name from what people wrote: lower-case, every other
// byte than [a-z0-9] is '-', at most 40 characters, never empty (S11).
func Slug(s string) string {
	if s == "" {
		return "-"
	}
	b := []byte(strings.ToLower(s))
	if len(b) > slugLength {
		b = b[:slugLength]
	}
	for i, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			b[i] = '-'
		}
	}
	return string(b)
}

// PackageName is the name of a package once it has its number:
// <route>-<observation>-<module>-<number>-<last 8 of its ID>.
func PackageName(p Package) string {
	return strings.Join([]string{Slug(p.Route), Slug(p.Observation), Slug(p.Module), strconv.FormatInt(p.Number, 10), p.ID.Short()}, "-")
}

// PackageDir is the folder of a package in every location: "<route>/<observation>".
func PackageDir(p Package) string { return Slug(p.Route) + "/" + Slug(p.Observation) }
