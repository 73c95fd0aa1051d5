package opsdb

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

func escapePath(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); {
		r, n := utf8.DecodeRuneInString(path[i:])
		if r == '%' || r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			for _, c := range []byte(path[i : i+n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(path[i : i+n])
		}
		i += n
	}
	return b.String()
}

// ParsePath reads a path as [ShowPath] shows it.
func ParsePath(shown string) (string, error) {
	path, err := url.PathUnescape(shown)
	if err != nil {
		return "", fmt.Errorf("read path %q: %w", shown, err)
	}
	return path, nil
}
