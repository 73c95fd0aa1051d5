package bag

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	payload = "data/"
	renamed = ".renamed"
	// longest is how long a path may be and still be unpacked below a folder
	// by programs that stop at 4,096 bytes.
	longest = 3500
)

// Name is the name in the bag, below its top folder, of the member with the
// given true path: "data/<path>", or "data/.renamed/<sha256 of the path>" if
// BagIt or sha256sum would read the path differently. The true bytes then
// stand in [NamesFile].
func Name(path string) string {
	if plain(path) {
		return payload + path
	}
	sum := sha256.Sum256([]byte(path))
	return payload + renamed + "/" + hex.EncodeToString(sum[:])
}

// Renamed reports whether name is not the member's true path.
func Renamed(name string) bool { return strings.HasPrefix(name, payload+renamed+"/") }

// PathOf is the true path of a member that was not renamed.
func PathOf(name string) string { return strings.TrimPrefix(name, payload) }

// plain reports whether every reader takes the path as it is.
func plain(path string) bool {
	if len(path) > longest || !utf8.ValidString(path) {
		return false
	}
	for _, part := range strings.Split(path, "/") {
		if part == "" || part[0] == ' ' || part[len(part)-1] == ' ' {
			return false
		}
	}
	for _, r := range path {
		if r == '%' || r == '\\' || r != ' ' && !unicode.IsPrint(r) {
			return false
		}
	}
	first, _, _ := strings.Cut(path, "/")
	return first != renamed
}

// CheckPath says what is wrong with a member's true path: it must be
// relative, without empty, "." or ".." parts and without a zero byte.
func CheckPath(path string) error {
	if strings.IndexByte(path, 0) >= 0 {
		return fmt.Errorf("path %q holds a zero byte", path)
	}
	for _, part := range strings.Split(path, "/") {
		switch part {
		case "", ".", "..":
			return fmt.Errorf("path %q has a part %q", path, part)
		}
	}
	return nil
}
