package filing

import (
	"fmt"
	"path"
	"strings"
)

// Ignore is a list of patterns of files that are not looked at. A pattern
// with a slash is matched against the whole path, one without against the
// file's name and the name of each of its folders. "*" and "?" stand for
// anything but a slash, "[a-z]" for one of a range, and "**" for any number of folders.
type Ignore []string

// ParseIgnore checks the patterns.
func ParseIgnore(patterns []string) (Ignore, error) {
	for _, p := range patterns {
		for part := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
			if _, err := path.Match(part, ""); err != nil || part == "" {
				return nil, fmt.Errorf("ignore pattern %q is malformed", p)
			}
		}
	}
	return Ignore(patterns), nil
}

// Match reports whether a file is to be ignored.
func (g Ignore) Match(file string) bool {
	if len(g) == 0 {
		return false
	}
	parts := strings.Split(file, "/")
	for _, pattern := range g {
		if matchOne(pattern, parts) {
			return true
		}
	}
	return false
}

func matchOne(pattern string, parts []string) bool {
	if strings.Contains(pattern, "/") {
		return matchParts(strings.Split(strings.Trim(pattern, "/"), "/"), parts)
	}
	for _, part := range parts {
		if ok, _ := path.Match(pattern, part); ok {
			return true
		}
	}
	return false
}

func matchParts(pattern, parts []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for skip := range len(parts) + 1 {
				if matchParts(pattern[1:], parts[skip:]) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], parts[0]); !ok {
			return false
		}
		pattern, parts = pattern[1:], parts[1:]
	}
	return len(parts) == 0
}
