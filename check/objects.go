package check

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// judgeObjects compares three lists: the catalogue before the disks were
// read, what was on them, and the catalogue afterwards (C3). What only the disks have is
// dark; what both catalogues have and the disks do not is lost.
func (r *run) judgeObjects(before, after catalogue) {
	for key := range r.seen.files {
		if t := r.Types[key.location]; t == opsdb.Archive || t == opsdb.Buffer {
			r.judgeDark(key)
		}
	}
	for key, copies := range before.copies {
		for _, c := range copies {
			still, ok := find(after.copies[key], c.ID)
			switch {
			case ok && whole(c) && whole(still):
				r.judgeThere(after.packages[c.Package].Package, still)
			case ok && c.State == opsdb.Staged && still.State == opsdb.Staged:
				r.judgeTree(still)
			}
		}
	}
	for key := range r.seen.bags {
		r.judgeBag(key)
		r.judgeArchived(key)
	}
}

func find(copies []opsdb.Copy, id opsdb.ID) (opsdb.Copy, bool) {
	i := slices.IndexFunc(copies, func(c opsdb.Copy) bool { return c.ID == id })
	if i < 0 {
		return opsdb.Copy{}, false
	}
	return copies[i], true
}

// whole reports whether OpsDB says that the copy's bytes are there under their final name.
func whole(c opsdb.Copy) bool {
	return c.Form == opsdb.Tar && (c.State == opsdb.Present || c.State == opsdb.DeletionPossible || c.State == opsdb.DeletionScheduled)
}

func (r *run) judgeDark(key original) {
	o := object{location: key.location, path: key.path}
	if len(r.known.copies[key]) > 0 {
		return
	}
	if s, ok := r.seen.sidecars[key]; ok && len(r.known.copies[original{key.location, s.Path}]) > 0 {
		return
	}
	if isSidecarOf(r.known, key) {
		return
	}
	r.violate(Dark, o.String(), "is on the disk and no copy in OpsDB is it")
}

// isSidecarOf reports whether the name is that of a known copy's sidecar, whatever is in it.
func isSidecarOf(c catalogue, key original) bool {
	stem, ok := strings.CutSuffix(key.path, ".json")
	return ok && (len(c.copies[original{key.location, stem + ".tar"}]) > 0 || len(c.copies[original{key.location, stem}]) > 0)
}

// judgeThere looks whether a whole copy is on the disk as recorded.
func (r *run) judgeThere(p opsdb.Package, c opsdb.Copy) {
	if !r.looksAt(c.Location) {
		return
	}
	key := original{c.Location, c.Path}
	o := object{location: c.Location, path: c.Path}
	size, ok := r.seen.files[key]
	switch digest, read := r.digest(key); {
	case !ok:
		r.violate(Gone, o.String(), "OpsDB has a copy of package %s there (%s), the disk has not", p.Name, c.State)
	case size != p.Size:
		r.violate("S5", o.String(), "has %d bytes, package %s has %d", size, p.Name, p.Size)
	case read && digest != p.Digest:
		r.violate("S5", o.String(), "has the digest %s, package %s has %s", digest, p.Name, p.Digest)
	}
}

func (r *run) digest(key original) (opsdb.Digest, bool) {
	if b, ok := r.seen.bags[key]; ok {
		return b.digest, true
	}
	d, ok := r.seen.digests[key]
	return d, ok
}

// judgeBag says what is wrong with a tar as such, unless that is known and it was set apart.
func (r *run) judgeBag(key original) {
	b, o := r.seen.bags[key], object{location: key.location, path: key.path}
	if r.known.quarantined(key) {
		r.note(o.String(), "quarantined; a person may remove it")
		return
	}
	for _, p := range b.problems {
		r.violate(Bag, o.String(), "%s", p)
	}
	if b.top != "" && !strings.HasPrefix(path.Base(key.path), b.top+".") {
		r.violate(Bag, o.String(), "its top folder %q is not its name", b.top)
	}
}

// judgeArchived checks one archived tar against its catalogue row and its sidecar.
func (r *run) judgeArchived(key original) {
	b, o := r.seen.bags[key], object{location: key.location, path: key.path}
	copied, ok := r.known.whole(key)
	if !ok {
		return // dark, quarantined, or its way here is not at its end
	}
	p := r.known.packages[copied.Package].Package
	r.judgeMembers(o, b, p)
	sidecar, at, ok := r.sidecarOf(key)
	if !ok {
		if copied.Sidecar || r.Finished {
			r.violate(SidecarBad, o.String(), "has no sidecar")
		}
		return
	}
	r.judgeSidecar(object{location: at.location, path: at.path}, sidecar, key, b, p)
}

// judgeMembers compares what is in the bag with the members OpsDB froze.
func (r *run) judgeMembers(o object, b bag, p opsdb.Package) {
	members := r.known.members[p.ID]
	if len(p.Segments) > 0 && !slices.Equal(b.segments, p.Segments) {
		r.violate("S4", o.String(), "its segments do not have the digests of package %s", p.Name)
	}
	if len(members) != len(b.payload) {
		r.violate(Bag, o.String(), "has %d files, package %s has %d members", len(b.payload), p.Name, len(members))
	}
	for _, m := range members {
		e, ok := b.payload[m.Name]
		switch {
		case !ok:
			r.violate(Bag, o.String(), "member %s is not in it", opsdb.ShowPath(m.Path))
		case e.digest != m.Digest || e.size != m.Size || e.offset != m.Offset || b.names[m.Name] != m.Path:
			r.violate(Wrong, o.String(), "member %s is not what OpsDB recorded", opsdb.ShowPath(m.Path))
		}
	}
}

// judgeNames finds packages that lie in one archive under more names than
// their quarantined copies explain, and files packed twice by one route.
func (r *run) judgeNames() {
	tars := map[original][]string{} // by location and top folder
	for key, b := range r.seen.bags {
		if !r.known.quarantined(key) {
			k := original{key.location, b.top}
			tars[k] = append(tars[k], key.path)
		}
	}
	for k, paths := range tars {
		if len(paths) > 1 {
			slices.Sort(paths)
			r.violate(Twice, k.location+":"+k.path, "is archived under %d names, and none is quarantined: %q", len(paths), paths)
		}
	}
	r.judgePackedTwice()
}

func (r *run) judgePackedTwice() {
	type home struct {
		route string
		file  opsdb.ID
	}
	first := map[home]string{}
	order := slices.SortedFunc(maps.Keys(r.known.packages), func(a, b opsdb.ID) int { return cmp.Compare(a, b) })
	for _, id := range order {
		p := r.known.packages[id].Package
		if p.Quarantined != "" {
			continue
		}
		for _, m := range r.known.members[id] {
			h := home{p.Route, m.File}
			if other, ok := first[h]; ok {
				r.violate(Twice, "file:"+string(m.File), "route %s packed %s in %s and in %s", p.Route, opsdb.ShowPath(m.Path), other, p.Name)
				continue
			}
			first[h] = p.Name
		}
	}
}
