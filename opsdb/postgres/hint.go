package postgres

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ccatobs/cdt/opsdb"
)

// A wake-up of a few files that were filed says which: an engine that rests can go on with them without having looked for
// what has changed. It is a hint, from whoever may connect: what is done with a file is done under its lock, if it is as it was told.
const (
	hinted  = 4    // files at most are told of at once
	told    = 32   // at most are remembered
	payload = 7000 // bytes at most; PostgreSQL takes 7999
)

var _ opsdb.Hinting = (*Store)(nil)

// hint is the files that a transaction filed, if they are few.
func (t *tx) hint() []opsdb.File {
	if len(t.filed) > hinted || slices.ContainsFunc(t.filed, func(f opsdb.File) bool { return !utf8.ValidString(f.Path) }) {
		return nil
	}
	return t.filed
}

// news is what other processes are told: from whom it comes, and of which files it tells.
func (t *tx) news() string {
	files := t.hint()
	if len(files) == 0 {
		return t.store.name
	}
	said, err := json.Marshal(files)
	if err != nil || len(said) > payload {
		return t.store.name
	}
	return t.store.name + " " + string(said)
}

// heard takes in what a process told; false: it was this one.
func (s *Store) heard(news string) bool {
	from, said, _ := strings.Cut(news, " ")
	if from == s.name {
		return false
	}
	var files []opsdb.File
	if said != "" && json.Unmarshal([]byte(said), &files) == nil {
		s.remember(files)
	}
	return true
}

// remember keeps files for [Store.Hints].
func (s *Store) remember(files []opsdb.File) {
	if len(files) == 0 {
		return
	}
	s.hints.Lock()
	defer s.hints.Unlock()
	if s.hints.files = append(s.hints.files, files...); len(s.hints.files) > told {
		s.hints.files = nil // many are looked for
	}
}

// Hints implements opsdb.Hinting.
func (s *Store) Hints() []opsdb.File {
	s.hints.Lock()
	defer s.hints.Unlock()
	files := s.hints.files
	s.hints.files = nil
	return files
}

// asTold reports whether a file is what it was taken for when it was routed.
func asTold(f, was opsdb.File) bool {
	return f.Location == was.Location && f.Path == was.Path && f.Size == was.Size && f.Digest == was.Digest && f.ModTime.Equal(was.ModTime) && f.Instrument == was.Instrument &&
		f.Observation == was.Observation && f.Module == was.Module && f.Program == was.Program && slices.Equal(f.Tags, was.Tags)
}

// toldTwice reports whether files hold one more than once: it could be routed as one of them and taken as another.
func toldTwice(files []opsdb.File) bool {
	seen := make(map[opsdb.ID]bool, len(files))
	for i := range files {
		if seen[files[i].ID] {
			return true
		}
		seen[files[i].ID] = true
	}
	return false
}
