package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// stateVersion is the version of the file.
const stateVersion = 1

// Bounds: beyond them the oldest goes.
const (
	maxWaiting = 1000   // notices a sink may be behind
	maxOpen    = 20_000 // things that last
)

// state is what was seen and said, as it stands in the file.
type state struct {
	Version int                 `json:"version"`
	Epoch   string              `json:"epoch"`   // of OpsDB
	Seq     int64               `json:"seq"`     // of the last event read
	Hash    opsdb.Digest        `json:"hash"`    // its hash
	Checked time.Time           `json:"checked"` // when the whole chain was last read
	Open    map[string]Notice   `json:"open"`    // what was said and is not over, by key
	Watched map[string]watched  `json:"watched"` // what is down, by subject
	Waiting map[string][]Notice `json:"waiting"` // not yet delivered, by sink
	Dropped map[string]int      `json:"dropped"` // lost because a sink was too far behind

	said []Notice // by the present look
}

// watched is something that is down, or was a moment ago.
type watched struct {
	Since   time.Time `json:"since"`
	UpSince time.Time `json:"up_since,omitzero"`
	Reason  string    `json:"reason"`
	Text    string    `json:"text"`
}

func errTwice(sink string) error { return fmt.Errorf("two ways to tell people are called %q", sink) }

// load reads the file; one that is not there says that nothing was said yet.
func load(path string) (state, error) {
	s := state{Version: stateVersion, Open: map[string]Notice{}, Watched: map[string]watched{}, Waiting: map[string][]Notice{}, Dropped: map[string]int{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read what people were told: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read what people were told: %s: %w (move it away, and what lasts is said again)", path, err)
	}
	if s.Version != stateVersion {
		return s, fmt.Errorf("read what people were told: %s has version %d, this program reads %d", path, s.Version, stateVersion)
	}
	return s, nil
}

// save replaces the file as a whole.
func (s state) save(ctx context.Context, path string) error {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("keep what people were told: %w", err)
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keep what people were told: %w", err)
	}
	defer func() { _ = root.Close() }()
	name := filepath.Base(path)
	if err := replace(ctx, root, name, b); err != nil {
		return fmt.Errorf("keep what people were told in %s: %w", path, err)
	}
	return nil
}

func replace(ctx context.Context, root *os.Root, name string, b []byte) error {
	part := name + ".part"
	f, err := root.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	effect.Point(ctx, "notify.state.before")
	if err := root.Rename(part, name); err != nil {
		return err
	}
	effect.Point(ctx, "notify.state.after")
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// clone is a state that can be changed apart.
func (s state) clone() state {
	s.Open, s.Watched, s.Dropped, s.Waiting = maps.Clone(s.Open), maps.Clone(s.Watched), maps.Clone(s.Dropped), maps.Clone(s.Waiting)
	for sink, list := range s.Waiting {
		s.Waiting[sink] = slices.Clone(list)
	}
	s.said = nil
	return s
}

// same reports whether nothing needs to be written.
func (s state) same(t state) bool {
	a, errA := json.Marshal(s)
	b, errB := json.Marshal(t)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// keepSinks forgets what waited for a sink that is no more.
func (s *state) keepSinks(sinks map[string]chan struct{}) {
	gone := func(sink string) bool { return sinks[sink] == nil }
	maps.DeleteFunc(s.Waiting, func(sink string, _ []Notice) bool { return gone(sink) })
	maps.DeleteFunc(s.Dropped, func(sink string, _ int) bool { return gone(sink) })
}

// restored begins anew with the events if OpsDB is another, or an older one.
// What was said stays said.
func (s *state) restored(epoch string) {
	if s.Epoch != epoch {
		s.Epoch, s.Seq, s.Hash, s.Checked = epoch, 0, "", time.Time{}
	}
}

func (s *state) open() map[string]bool {
	out := map[string]bool{}
	for key := range s.Open {
		out[key] = true
	}
	return out
}

// begin notes something that began, once.
func (s *state) begin(n Notice, now time.Time) {
	if _, said := s.Open[n.Key]; said {
		return
	}
	n.State, n.At = Open, now
	if len(s.Open) >= maxOpen && !s.forgetOldest() {
		return // so many need people already
	}
	s.Open[n.Key] = n
	s.said = append(s.said, n)
}

// forgetOldest makes room. Only what came of an event can be forgotten: the
// rest would be seen, and said, again.
func (s *state) forgetOldest() bool {
	var oldest string
	for key, n := range s.Open {
		if n.Cause != Quarantined && n.Cause != Lost && n.Cause != FileKept && n.Cause != FileUnlike {
			continue
		}
		if first, ok := s.Open[oldest]; !ok || n.At.Before(first.At) {
			oldest = key
		}
	}
	delete(s.Open, oldest)
	return oldest != ""
}

// end notes that something is over, if it was said.
func (s *state) end(key string, now time.Time) {
	n, said := s.Open[key]
	if !said {
		return
	}
	delete(s.Open, key)
	n.State, n.At, n.Hint = Over, now, ""
	s.said = append(s.said, n)
}

// compare begins and ends what is so now, of the given causes.
func (s *state) compare(now []Notice, at time.Time, causes ...Cause) {
	is := map[string]bool{}
	for _, n := range now {
		is[n.Key] = true
		s.begin(n, at)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Open)) {
		if n := s.Open[key]; !is[key] && slices.Contains(causes, n.Cause) {
			s.end(key, at)
		}
	}
}

// queue gives what was said to every sink; the oldest goes if one is too far behind.
func (s *state) queue(sinks []Sink) {
	for _, sink := range sinks {
		list := append(s.Waiting[sink.Name()], s.said...)
		if over := len(list) - maxWaiting; over > 0 {
			s.Dropped[sink.Name()] += over
			list = list[over:]
		}
		s.Waiting[sink.Name()] = list
	}
	s.said = nil
}
