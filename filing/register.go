package filing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// add puts a complete file into the next chunk. It is looked at once more,
// now that OpsDB has said what it knows of it: the walk may have met a file
// that was deleted, and recorded as deleted, since.
func (s *scan) add(ctx context.Context, seen sight, p Placed) error {
	info, err := s.w.source.Stat(ctx, seen.path)
	switch {
	case isGone(err):
		return nil
	case err != nil:
		return fmt.Errorf("look again at %s: %w", opsdb.ShowPath(seen.path), err)
	case !seen.same(info):
		seen.size, seen.modTime, seen.identity, seen.since = info.Size, info.ModTime, info.Identity, s.w.observed
		return s.pending.add(seen)
	}
	s.sights = append(s.sights, seen)
	s.files = append(s.files, opsdb.File{
		Location: s.w.cfg.Location, Path: seen.path,
		Size: seen.size, ModTime: seen.modTime, Identity: seen.identity,
		Instrument: p.Instrument, Observation: p.Observation, Module: p.Module, Program: p.Program,
	})
	if len(s.files) < s.w.cfg.Chunk {
		return nil
	}
	return s.flushFiles(ctx)
}

// skip notes what cannot be taken; OpsDB hears of it once.
func (s *scan) skip(ctx context.Context, path, reason string) error {
	if s.w.skipped[path] == reason {
		return nil
	}
	s.skips = append(s.skips, opsdb.Skip{Location: s.w.cfg.Location, Path: path, Reason: reason, At: s.now})
	if len(s.skips) < s.w.cfg.Chunk {
		return nil
	}
	return s.flushSkips(ctx)
}

func (s *scan) flush(ctx context.Context) error {
	return errors.Join(s.flushFiles(ctx), s.flushSkips(ctx))
}

func (s *scan) flushFiles(ctx context.Context) error {
	if len(s.files) == 0 {
		return nil
	}
	filed, results, err := s.w.store.FileFiles(ctx, s.files)
	if err != nil {
		return fmt.Errorf("register %d files: %w", len(s.files), err)
	}
	s.changed = s.changed || filed > 0
	for i, err := range results {
		if err != nil {
			s.refuse(ctx, s.sights[i], err)
		} else {
			delete(s.w.refused, s.sights[i].path)
		}
	}
	s.files, s.sights = s.files[:0], s.sights[:0]
	return nil
}

// refuse says loudly, once for each content, that a file is not taken. A
// conflict stays one until the file changes again; anything else is tried with the next scan.
func (s *scan) refuse(ctx context.Context, seen sight, err error) {
	s.w.cfg.Log.ErrorContext(ctx, "file refused", "location", s.w.cfg.Location, "path", opsdb.ShowPath(seen.path), "error", err)
	if errors.Is(err, opsdb.ErrConflict) {
		s.w.refused[seen.path] = seen
	}
}

func (s *scan) flushSkips(ctx context.Context) error {
	if len(s.skips) == 0 {
		return nil
	}
	if err := s.w.store.Skip(ctx, s.skips); err != nil {
		return fmt.Errorf("record %d skipped files: %w", len(s.skips), err)
	}
	for _, k := range s.skips {
		s.w.skipped[k.Path] = k.Reason
		s.w.cfg.Log.WarnContext(ctx, "file skipped", "location", k.Location, "path", opsdb.ShowPath(k.Path), "reason", k.Reason)
	}
	s.changed, s.skips = true, nil
	return nil
}

// lost notes a known file that the walk did not meet. What a deletion is
// removing is not missed, and what is lost already not again.
func (s *scan) lost(f opsdb.File) error {
	switch f.State {
	case opsdb.Present, opsdb.DeletionPossible, opsdb.DeletionFailed:
		return s.gone.add(sight{path: f.Path, identity: string(f.ID)})
	}
	return nil
}

// missing reports known files that are gone: each is looked for by its own
// name first, and nothing is concluded from a walk that saw less than
// everything or a root whose marker is not there afterwards (S9).
func (s *scan) missing(ctx context.Context) error {
	if s.gone.count == 0 {
		return nil
	}
	if s.unread > 0 {
		s.w.cfg.Log.WarnContext(ctx, "files not met, and folders not read: nothing is concluded", "location", s.w.cfg.Location, "files", s.gone.count, "folders", s.unread)
		return nil
	}
	for chunk, err := range s.gone.chunks(s.w.cfg.Chunk) {
		if err != nil {
			return err
		}
		ids, err := s.reallyGone(ctx, chunk)
		if err != nil {
			return fmt.Errorf("look again for files that were not met: %w", err)
		}
		if err := s.w.there(ctx); err != nil {
			return err
		}
		if err := s.w.store.Missing(ctx, s.w.cfg.Location, ids); err != nil {
			return fmt.Errorf("record %d missing files: %w", len(ids), err)
		}
		s.changed = s.changed || len(ids) > 0
	}
	return nil
}

func (s *scan) reallyGone(ctx context.Context, files []sight) ([]opsdb.ID, error) {
	var ids []opsdb.ID
	for _, f := range files {
		info, err := s.w.source.Stat(ctx, f.path)
		switch {
		case isGone(err), err == nil && !info.Mode.IsRegular():
			ids = append(ids, opsdb.ID(f.identity))
		case err != nil:
			return nil, err
		}
	}
	return ids, nil
}

// isGone says that there is no regular file of that name.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrIrregular) || errors.Is(err, storage.ErrOutside)
}

// finish tells of observations whose marker was there before their files were looked at.
func (s *scan) finish(ctx context.Context) error {
	for _, p := range s.done {
		if s.w.finished[p.Folder] {
			continue
		}
		if err := s.w.store.FinishObservation(ctx, p.Instrument, p.Observation); err != nil {
			return fmt.Errorf("finish observation %s: %w", p.Observation, err)
		}
		s.w.finished[p.Folder] = true
		s.changed = true
	}
	return nil
}
