package check

import (
	"path"

	"github.com/ccatobs/cdt/opsdb"
)

// inTree reports whether a file lies in an unpacked copy.
func (c catalogue) inTree(key original) bool {
	for dir := path.Dir(key.path); dir != "."; dir = path.Dir(dir) {
		for _, copied := range c.copies[original{key.location, dir}] {
			if copied.Form == opsdb.Tree {
				return true
			}
		}
	}
	return false
}

// judgeTree compares an unpacked copy with its members. What users put beside them is theirs.
func (r *run) judgeTree(c opsdb.Copy) {
	if !r.looksAt(c.Location) {
		return
	}
	for _, m := range r.known.members[c.Package] {
		key := original{c.Location, c.Path + "/" + m.Path}
		o := object{location: key.location, path: key.path}
		switch digest, there := r.seen.digests[key]; {
		case !there:
			r.violate(Gone, o.String(), "OpsDB has it staged there, the disk has not")
		case digest != m.Digest:
			r.violate(Wrong, o.String(), "has the digest %s, its member has %s", digest, m.Digest)
		}
	}
}
