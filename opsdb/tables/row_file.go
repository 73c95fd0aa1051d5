package tables

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// FileColumns are what [ScanFile] and [ScanFiled] read of file f.
const FileColumns = `f.key, f.id, f.location, f.path, f.size, f.mod_time, f.identity, f.digest, f.instrument, f.observation, f.module, f.program, f.tags,
  f.state, f.filed_at, f.version, f.homes, f.conflict`

// Filed is a file with what only the store looks at.
type Filed struct {
	opsdb.File
	Row      int64  // its key
	Homes    int    // open groups and packages it is in
	Conflict string // the other content last refused
}

// ScanFiled reads FileColumns.
func ScanFiled(r Scanner) (f Filed, err error) {
	var mod int64
	err = r.Scan(&f.Row, &f.ID, &f.Location, Path(&f.Path), &f.Size, &mod, &f.Identity, &f.Digest, &f.Instrument, &f.Observation, &f.Module, &f.Program, decode(&f.Tags),
		&f.State, At(&f.FiledAt), &f.Version, &f.Homes, &f.Conflict)
	f.ModTime = time.Unix(0, mod).UTC()
	return f, err
}

// ScanFile reads FileColumns.
func ScanFile(r Scanner) (opsdb.File, error) {
	f, err := ScanFiled(r)
	return f.File, err
}

// GroupColumns are what [ScanGroup] and [ScanGrouped] read of file_group g.
const GroupColumns = `g.key, g.id, g.route, g.stage, g.location, g.group_key, g.instrument, g.observation, g.module, g.program, g.tags, g.files, g.bytes,
  g.first, g.last, g.finished, g.closed, g.version, g.evaluated, g.wake_at`

// Grouped is a group with what only the store looks at.
type Grouped struct {
	opsdb.Group
	Row int64 // its key
}

// ScanGrouped reads GroupColumns.
func ScanGrouped(r Scanner) (g Grouped, err error) {
	err = r.Scan(&g.Row, &g.ID, &g.Route, &g.Stage, &g.Location, &g.Key, &g.Instrument, &g.Observation, &g.Module, &g.Program, decode(&g.Tags), &g.Files, &g.Bytes,
		At(&g.First), At(&g.Last), &g.Finished, &g.Closed, &g.Version, &g.Evaluated, At(&g.WakeAt))
	return g, err
}

// ScanGroup reads GroupColumns.
func ScanGroup(r Scanner) (opsdb.Group, error) {
	g, err := ScanGrouped(r)
	return g.Group, err
}

// memberColumns are what [scanMember] reads of member m and its file f.
const memberColumns = `f.id, m.path, m.name, m.start, m.size, m.mod_time, m.identity, m.digest, f.digest`

// scanMember reads memberColumns of a package's members.
func scanMember(pkg opsdb.ID) func(Scanner) (opsdb.Member, error) {
	return func(r Scanner) (m opsdb.Member, err error) {
		var mod int64
		err = r.Scan(&m.File, Path(&m.Path), &m.Name, &m.Offset, &m.Size, &mod, &m.Identity, &m.Digest, &m.Announced)
		m.Package, m.ModTime = pkg, time.Unix(0, mod).UTC()
		return m, err
	}
}
