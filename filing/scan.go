package filing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// soonest is the shortest pause before a scan that looks at pending files again.
const soonest = time.Second

// Scan walks the location once and registers what is new, changed, finished,
// gone or cannot be taken. next is when a scan is worth while again if nothing
// else happens; changed says that OpsDB learned something. A location that is
// offline or foreign is an error, and nothing is concluded from it (S9).
//
// It may be called again at any time, and after any error: what was not
// registered is found again. Files and known files are compared as two
// ordered streams, and many pending ones wait in a file, so that memory does not grow with their number.
func (w *Watcher) Scan(ctx context.Context) (next time.Time, changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.observe()
	next = now.Add(w.cfg.Interval)
	if err := w.there(ctx); err != nil {
		return next, false, fmt.Errorf("scan %s: %w", w.cfg.Location, err)
	}
	old, err := w.pending.read()
	if err != nil {
		return next, false, fmt.Errorf("scan %s: %w", w.cfg.Location, err)
	}
	s := &scan{w: w, now: now, old: old, pending: &sights{}, gone: &sights{}}
	err = errors.Join(s.walk(ctx), s.flush(ctx))
	if err == nil {
		err = errors.Join(s.missing(ctx), s.finish(ctx))
		s.pending, w.pending = w.pending, s.pending
		w.dirs = s.dirs
		next = s.next()
	}
	s.pending.drop()
	s.gone.drop()
	if err != nil {
		return next, s.changed, fmt.Errorf("scan %s: %w", w.cfg.Location, err)
	}
	return next, s.changed, nil
}

// Pending is how many found files are not complete yet.
func (w *Watcher) Pending() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == nil {
		return 0
	}
	return w.pending.count
}

// observe counts the time that passed since the last scan; a clock that was set back counts nothing.
func (w *Watcher) observe() time.Time {
	now := w.cfg.Clock.Now()
	if !w.last.IsZero() && now.After(w.last) {
		w.observed += now.Sub(w.last)
	}
	w.last = now
	return now
}

// there makes sure that the root is the location's own. One that is full or
// read-only can be read all the same.
func (w *Watcher) there(ctx context.Context) error {
	_, err := w.source.Check(ctx)
	if errors.Is(err, storage.ErrFull) || errors.Is(err, storage.ErrReadOnly) {
		return nil
	}
	return err
}

// scan is one walk over the location.
type scan struct {
	w       *Watcher
	now     time.Time
	changed bool

	old     *sightReader // pending of the last scan
	pending *sights
	files   []opsdb.File
	sights  []sight // of files
	skips   []opsdb.Skip
	gone    *sights // known and not met, each with its id as identity
	unread  int     // folders that could not be read: then nothing counts as gone

	folder string // the observation's folder the walk is in
	marked bool   // and whether it was marked as finished when the walk came to it
	done   []Placed
	dirs   []string
}

// walk meets the location's files with the known ones.
func (s *scan) walk(ctx context.Context) error {
	known := newKnown(s.w.store.KnownFiles(ctx, s.w.cfg.Location))
	defer known.stop()
	last, first := "", true
	for info, err := range s.w.source.Walk(ctx, "") {
		if err := s.unreadable(ctx, info, err); err != nil {
			return err
		}
		if err != nil {
			continue
		}
		if !first && info.Path <= last {
			return fmt.Errorf("the walk is out of order: %s after %s", opsdb.ShowPath(info.Path), opsdb.ShowPath(last))
		}
		s.within(last, info.Path)
		last, first = info.Path, false
		file, isKnown, err := known.upTo(info.Path, s.lost)
		if err != nil {
			return err
		}
		if err := s.meet(ctx, info, file, isKnown); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return known.rest(s.lost)
}

// within notes the folders the walk has come to since the file before.
func (s *scan) within(before, file string) {
	for i := range len(file) {
		if file[i] == '/' && len(s.dirs) < mostWatched && !strings.HasPrefix(before, file[:i+1]) {
			s.dirs = append(s.dirs, file[:i])
		}
	}
}

// unreadable notes a folder that cannot be read; only a location that went away ends the walk.
func (s *scan) unreadable(ctx context.Context, info storage.Info, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, storage.ErrOffline), errors.Is(err, storage.ErrForeign), info.Path == "":
		return err
	}
	s.unread++
	return s.skip(ctx, info.Path, "cannot be read: "+err.Error())
}

// meet looks at one entry of the walk.
func (s *scan) meet(ctx context.Context, info storage.Info, file opsdb.File, isKnown bool) error {
	before, err := s.old.at(info.Path)
	if err != nil {
		return err
	}
	if s.w.ignore.Match(info.Path) {
		return nil
	}
	if !info.Mode.IsRegular() {
		if isKnown {
			if err := s.lost(file); err != nil {
				return err
			}
		}
		return s.skip(ctx, info.Path, "not a regular file: "+kindOf(info.Mode))
	}
	placed := s.w.layout.Place(info.Path, info.ModTime)
	if err := s.enter(ctx, placed); err != nil {
		return err
	}
	switch {
	case s.w.cfg.Final.By == ByMarker && placed.Folder != "" && info.Path == placed.Folder+"/"+FinishedName:
		return nil
	case isKnown && file.State != opsdb.Lost && file.Size == info.Size && file.ModTime.Equal(info.ModTime):
		return nil
	case s.w.refused[info.Path].same(info):
		return nil
	}
	seen := sight{path: info.Path, size: info.Size, modTime: info.ModTime, identity: info.Identity, since: s.w.observed}
	again := before != nil && before.same(info)
	if again {
		seen.since = before.since
	}
	if !s.final(placed, seen, again) {
		return s.pending.add(seen)
	}
	return s.add(ctx, seen, placed)
}

// enter notes that the walk came to an observation's folder. The marker is
// looked for before the first of its files, because a file met earlier than
// a marker that came meanwhile might have grown.
func (s *scan) enter(ctx context.Context, p Placed) error {
	if s.w.cfg.Final.By != ByMarker || p.Folder == "" || p.Folder == s.folder {
		return nil
	}
	info, err := s.w.source.Stat(ctx, p.Folder+"/"+FinishedName)
	switch {
	case err == nil:
		s.marked = info.Mode.IsRegular()
	case isGone(err):
		s.marked = false
	default:
		return fmt.Errorf("look for the marker of observation %s: %w", p.Observation, err)
	}
	s.folder = p.Folder
	if s.marked {
		s.done = append(s.done, p)
	}
	return nil
}

// final says whether a file counts as complete.
func (s *scan) final(p Placed, seen sight, again bool) bool {
	switch {
	case s.w.cfg.Final.By == ByRename:
		return true
	case s.w.cfg.Final.By == ByMarker && p.Folder != "":
		return s.marked
	default:
		return again && s.w.observed-seen.since >= s.w.cfg.Final.After
	}
}

// next is when a pending file may be final, or when the next ordinary scan is due.
func (s *scan) next() time.Time {
	wait, after := s.w.cfg.Interval, s.w.cfg.Final.After
	if s.w.cfg.Final.By == ByRename {
		after = 0
	}
	if left := s.w.pending; left.count > 0 {
		wait = min(wait, max(after-(s.w.observed-left.oldest), soonest))
	}
	return s.now.Add(wait)
}
