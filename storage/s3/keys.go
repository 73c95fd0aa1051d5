package s3

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Keys are what a request is signed with. They are never part of an error.
type Keys struct {
	Access, Secret string
	Token          string // of a session; "" for keys that do not expire
}

// String hides them from every print.
func (Keys) String() string { return "(secret)" }

// GoString hides them from every print.
func (Keys) GoString() string { return "(secret)" }

// errNoKeys is why a request could not be signed.
var errNoKeys = errors.New("the request has no credentials")

// provider asks for the keys anew from time to time: a person may exchange them while CDT runs.
type provider struct {
	keys func() (Keys, error)

	mu    sync.Mutex
	until time.Time
}

// Retrieve implements credentials.Provider.
func (p *provider) Retrieve() (credentials.Value, error) {
	k, err := p.keys()
	if err != nil {
		return credentials.Value{}, fmt.Errorf("%w: %v", errNoKeys, err) // a file of keys that is not there is no object that is not there
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = clock.System{}.Now().Add(freshKeys)
	return credentials.Value{AccessKeyID: k.Access, SecretAccessKey: k.Secret, SessionToken: k.Token, SignerType: credentials.SignatureV4}, nil
}

// RetrieveWithCredContext implements credentials.Provider.
func (p *provider) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return p.Retrieve()
}

// IsExpired implements credentials.Provider.
func (p *provider) IsExpired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clock.System{}.Now().After(p.until)
}

// key checks a relative path and gives the key of its object. What CDT keeps for itself is
// outside, but for what was quarantined.
func (s *Store) key(path string) (string, error) {
	if err := check(path); err != nil {
		return "", err
	}
	if top, _, deep := strings.Cut(path, "/"); own(top) && (top != opsdb.QuarantineDir || !deep) {
		return "", fmt.Errorf("path %q is kept for CDT itself: %w", path, storage.ErrOutside)
	}
	return s.in(path), nil
}

// finalKey is key for a name that is to be given: not in the quarantine.
func (s *Store) finalKey(path string) (string, error) {
	if top, _, _ := strings.Cut(path, "/"); own(top) {
		return "", fmt.Errorf("path %q is kept for CDT itself: %w", path, storage.ErrOutside)
	}
	return s.key(path)
}

// longest is how many bytes a key may have.
const longest = 1024

func check(path string) error {
	if !utf8.ValidString(path) || len(path) > longest-256 {
		return fmt.Errorf("path %q is no key: %w", path, storage.ErrOutside)
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' }) {
			return fmt.Errorf("path %q: %w", path, storage.ErrOutside)
		}
	}
	return nil
}

// own tells the names that CDT keeps for itself.
func own(name string) bool {
	switch name {
	case opsdb.MarkerName, opsdb.PartDir, opsdb.TrashDir, opsdb.QuarantineDir:
		return true
	}
	return false
}

// in is a name below the location's prefix.
func (s *Store) in(name string) string {
	if s.o.Prefix == "" {
		return name
	}
	return s.o.Prefix + "/" + name
}

// out is the path of a key.
func (s *Store) out(key string) string {
	if s.o.Prefix == "" {
		return key
	}
	return strings.TrimPrefix(key, s.o.Prefix+"/")
}

// nameOf is the attempt's name as one safe component.
func nameOf(a storage.Attempt) (string, error) {
	name := a.Name()
	back, ok := parseAttempt(name)
	if !ok || back != a || check(name) != nil || strings.Contains(name, "/") {
		return "", fmt.Errorf("attempt %q: %w", name, storage.ErrOutside)
	}
	return name, nil
}
