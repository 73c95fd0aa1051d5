// Package bag is the format of a package's content: a tar holding one BagIt
// bag (RFC 8493), so that anybody can check it with tar and sha256sum alone.
//
// The tar has one top folder, the package's name. In it lie the payload,
// sorted by path, and after it the tag files (bagit.txt, bag-info.txt, cdt-names.json if
// names had to be stored differently, manifest-sha256.txt, tagmanifest-sha256.txt), so that
// one pass over the files is enough. The bytes depend on the package's row, its members and their
// content alone: no clock, no host, no version.
//
// The package knows nothing of locations, tasks or routes. It imports the nouns of opsdb.
package bag

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"

	"github.com/ccatobs/cdt/opsdb"
)

// The tag files of a bag.
const (
	Declaration = "bagit.txt"
	InfoFile    = "bag-info.txt"
	NamesFile   = "cdt-names.json"
	Manifest    = "manifest-sha256.txt"
	TagManifest = "tagmanifest-sha256.txt"
)

// MediaSuffix is the end of a package's file name.
const MediaSuffix = ".tar"

// declaration is the content of bagit.txt.
const declaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

// ErrMalformed says that what was read is no bag of ours; the text says where it goes wrong.
var ErrMalformed = errors.New("not a well-formed package")

// digestOf is the digest a hash stands at.
func digestOf(h hash.Hash) opsdb.Digest {
	var sum [sha256.Size]byte
	return opsdb.Digest(hex.EncodeToString(h.Sum(sum[:0])))
}

// manifestLine is the line of a manifest, as sha256sum prints and reads it.
func manifestLine(d opsdb.Digest, name string) string { return string(d) + "  " + name + "\n" }
