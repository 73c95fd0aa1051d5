package tables

import "github.com/ccatobs/cdt/opsdb"

// Pack is a package with what only the store looks at.
type Pack struct {
	opsdb.Package
	Row      int64 // its key
	Gone     int   // source files deleted or lost
	Wanted   []string
	Policies map[string]opsdb.Policy
}

// ScanPackage reads [Dialect.PackageColumns].
func ScanPackage(r Scanner) (p Pack, err error) {
	err = r.Scan(&p.Row, &p.ID, &p.Route, &p.Stage, &p.Number, &p.Name, &p.Dir, &p.Group, &p.Source, &p.Destination, &p.Files, &p.Bytes, &p.Size,
		&p.Digest, &p.Manifest, &p.Instrument, &p.Observation, &p.Module, &p.Program, decode(&p.Tags), At(&p.ObservedAt), At(&p.MadeAt), At(&p.MadeAge),
		&p.Version, &p.Evaluated, At(&p.WakeAt), &p.Quarantined, &p.Gone, decode(&p.Wanted), decode(&p.Policies))
	return p, err
}

// PackOf reads a package; opsdb.ErrNotFound if there is none.
func PackOf(v View, id opsdb.ID) (Pack, error) {
	d := v.Dialect()
	return One(v, ScanPackage, `SELECT `+d.PackageColumns+d.PackageFrom+`WHERE p.id = $1`, string(id))
}

// Whole reads a package with its segment digests; opsdb.ErrNotFound if there is none.
func Whole(v View, id opsdb.ID) (opsdb.Package, error) {
	p, err := PackOf(v, id)
	if err == nil {
		_, err = Get(v, []any{decode(&p.Segments)}, `SELECT digests FROM segments WHERE package = $1`, p.Row)
	}
	return p.Package, err
}

// packageSubject is what an event about a package is about.
func packageSubject(id opsdb.ID) string { return "package:" + string(id) }
