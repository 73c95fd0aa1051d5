package check

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// judgeOriginals follows every original to where it must be now.
func (r *run) judgeOriginals(h *history) Report {
	report := Report{Archived: map[string]int{}}
	found := map[string]map[original][]entry{}
	for _, a := range r.archives() {
		report.Archived[a] = 0
		found[a] = r.contents(a)
	}
	ids := r.identities()
	for _, location := range r.sources() {
		for _, o := range r.originals(location) {
			report.Files++
			report.Bytes += o.Size
			key := original{location, o.Path}
			at := r.rightAt(key, o, found)
			for _, a := range at {
				report.Archived[a]++
			}
			if r.judgeOriginal(h, key, at, ids[key]) {
				report.SourcesDeleted++
			}
		}
	}
	return report
}

// sources returns the source locations that have originals.
func (r *run) sources() []string {
	set := map[string]bool{}
	for location := range r.Truth {
		set[location] = true
	}
	for key := range r.known.files {
		set[key.location] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// originals returns what a source held: as it was taken, or else as it was filed.
func (r *run) originals(location string) []Original {
	if truth, ok := r.Truth[location]; ok {
		return truth
	}
	var out []Original
	for key, f := range r.known.files {
		if key.location == location && f.State != opsdb.Lost {
			out = append(out, Original{Path: f.Path, Size: f.Size, Digest: f.Digest, ModTime: f.ModTime})
		}
	}
	return out
}

// contents lists what an archive holds, by where it came from. What lies in a
// quarantined object does not count.
func (r *run) contents(archive string) map[original][]entry {
	out := map[original][]entry{}
	for key, b := range r.seen.bags {
		if key.location != archive || r.known.quarantined(key) {
			continue
		}
		source := r.sourceOf(key, b)
		for name, e := range b.payload {
			o := original{source, b.names[name]}
			out[o] = append(out[o], e)
		}
	}
	return out
}

// sourceOf says from which location an archived tar's files came: the package's row says it, or the sidecar.
func (r *run) sourceOf(key original, b bag) string {
	for _, c := range r.known.copies[key] {
		return r.known.packages[c.Package].Package.Source
	}
	s, _, _ := r.sidecarOf(key)
	return s.Source
}

// rightAt returns the archives in which a member is the original, byte for
// byte, under its name and with its time.
func (r *run) rightAt(key original, o Original, found map[string]map[original][]entry) []string {
	var at []string
	for _, a := range slices.Sorted(maps.Keys(found)) {
		members := found[a][key]
		right := slices.ContainsFunc(members, func(e entry) bool {
			return e.size == o.Size && (o.Digest == "" || e.digest == o.Digest) && e.modTime.Equal(o.ModTime)
		})
		if right {
			at = append(at, a)
		} else if len(members) > 0 {
			r.violate(Wrong, fileSubject(key), "its member in %s is not the original", a)
		}
	}
	return at
}

// judgeOriginal says whether the original was deleted at its source, and judges whether it may have been.
func (r *run) judgeOriginal(h *history, key original, at []string, ids []opsdb.ID) (deleted bool) {
	if !r.there(key) {
		deleted = slices.ContainsFunc(ids, func(id opsdb.ID) bool { return h.deleted[id] })
		r.judgeGone(h, key, at, ids, deleted)
	}
	if !r.Finished {
		return deleted
	}
	reason, skipped := r.known.skipped[key]
	missing := slices.DeleteFunc(slices.Clone(r.Archives), func(a string) bool { return slices.Contains(at, a) })
	switch {
	case skipped:
		r.note(fileSubject(key), "was skipped: %s", reason)
	case r.known.unrouted[key]:
		r.note(fileSubject(key), "no route selects it")
	case len(ids) == 0:
		r.violate(Unfiled, fileSubject(key), "OpsDB does not know it")
	case len(missing) > 0:
		r.violate(Unarchived, fileSubject(key), "is not in %q", missing)
	}
	return deleted
}

// judgeGone judges an original that is no longer at its source.
func (r *run) judgeGone(h *history, key original, at []string, ids []opsdb.ID, deleted bool) {
	if !deleted && (r.Finished || !h.announced(key.location, ids)) {
		r.violate(Gone, fileSubject(key), "is gone from its source and no event says that it was deleted")
	}
	sites := map[string]bool{}
	for _, a := range at {
		sites[opsdb.SiteOf(a)] = true
	}
	if need := max(r.Require, 1); len(sites) < need {
		r.violate("S1", fileSubject(key), "is gone from its source and right in %d archives, of %d it needs", len(sites), need)
	}
}

// announced reports whether the deletion of a file was announced, so that its own event may still be under way.
func (h *history) announced(location string, ids []opsdb.ID) bool {
	return slices.ContainsFunc(ids, func(id opsdb.ID) bool {
		return slices.ContainsFunc(h.holders[id], func(p opsdb.ID) bool { return h.life(p).deleting[location] })
	})
}

// there reports whether a source file is on the disk.
func (r *run) there(key original) bool {
	root, ok := r.Roots[key.location]
	if !ok {
		return true
	}
	_, err := os.Lstat(filepath.Join(root, key.path))
	return !errors.Is(err, fs.ErrNotExist)
}

// identities lists, per original, every ID it was ever known by.
func (r *run) identities() map[original][]opsdb.ID {
	out := map[original][]opsdb.ID{}
	add := func(key original, id opsdb.ID) {
		if !slices.Contains(out[key], id) {
			out[key] = append(out[key], id)
		}
	}
	for key, f := range r.known.files {
		add(key, f.ID)
	}
	for id, members := range r.known.members {
		source := r.known.packages[id].Package.Source
		for _, m := range members {
			add(original{source, m.Path}, m.File)
		}
	}
	return out
}

func fileSubject(key original) string { return "file:" + key.location + ":" + opsdb.ShowPath(key.path) }
