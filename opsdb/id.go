package opsdb

import (
	"strings"

	"github.com/google/uuid"
)

// ID is a UUIDv7 in its canonical text form, made where the thing is made.
type ID string

// NewID makes an ID.
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// Short is the last eight hex digits: the first eight of a UUIDv7 repeat for
// about 65 s, so a short form is taken from the end.
func (id ID) Short() string {
	s := strings.ReplaceAll(string(id), "-", "")
	if len(s) < 8 {
		return s
	}
	return s[len(s)-8:]
}

// Digest is a SHA-256 in lower-case hex, or empty while none is known.
type Digest string
