package check

import (
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// sidecarOf finds the sidecar of an archived tar: by its name, or by the path it says it describes.
func (r *run) sidecarOf(key original) (opsdb.Sidecar, original, bool) {
	stem := strings.TrimSuffix(key.path, ".tar")
	for _, name := range []string{stem + ".json", key.path + ".json"} {
		at := original{key.location, name}
		if s, ok := r.seen.sidecars[at]; ok {
			return s, at, true
		}
	}
	for at, s := range r.seen.sidecars {
		if at.location == key.location && s.Path == key.path {
			return s, at, true
		}
	}
	return opsdb.Sidecar{}, original{}, false
}

// judgeSidecar checks that the sidecar alone would rebuild the catalogue: it
// says of the tar what was read from it, and each member's range of bytes is that member.
func (r *run) judgeSidecar(o object, s opsdb.Sidecar, key original, b bag, p opsdb.Package) {
	switch {
	case s.Version != opsdb.FormatVersion:
		r.violate(SidecarBad, o.String(), "is of version %d", s.Version)
	case s.Package != p.ID || s.Name != p.Name || s.Source != p.Source:
		r.violate(SidecarBad, o.String(), "is of package %s from %s, not of %s from %s", s.Name, s.Source, p.Name, p.Source)
	case s.Location != key.location || s.Path != key.path:
		r.violate(SidecarBad, o.String(), "describes %s:%s", s.Location, s.Path)
	case s.Digest != b.digest || s.Size != b.size:
		r.violate(SidecarBad, o.String(), "says %s and %d bytes, the tar has %s and %d", s.Digest, s.Size, b.digest, b.size)
	case s.SegmentSize != opsdb.SegmentSize || !slices.Equal(s.Segments, b.segments):
		r.violate(SidecarBad, o.String(), "gives segments the tar does not have")
	case len(s.Members) != len(b.payload):
		r.violate(SidecarBad, o.String(), "lists %d members, the tar has %d", len(s.Members), len(b.payload))
	}
	ranges := map[int64]entry{}
	for _, e := range b.payload {
		ranges[e.offset] = e
	}
	for _, m := range s.Members {
		if text := judgeRange(m, ranges, b); text != "" {
			r.violate(SidecarBad, o.String(), "member %s: %s", m.Path, text)
		}
	}
}

// judgeRange compares one listed member with what was read from its offset on.
func judgeRange(m opsdb.SidecarMember, ranges map[int64]entry, b bag) string {
	e, ok := ranges[m.Offset]
	switch {
	case !ok:
		return "no content begins at its offset"
	case e.size != m.Size || e.digest != m.Digest:
		return "its range of bytes is not the member"
	case e.name != m.Name:
		return "its range belongs to " + e.name
	case !e.modTime.Equal(m.ModTime):
		return "its modification time is not the one in the tar"
	case memberPath(m) != b.names[m.Name]:
		return "its path is not the one in the tar"
	}
	return ""
}

// memberPath is the true path a sidecar gives.
func memberPath(m opsdb.SidecarMember) string {
	if len(m.Raw) > 0 {
		return string(m.Raw)
	}
	return m.Path
}
