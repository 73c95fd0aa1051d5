package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// defaultLimit is how many rows a Query without a limit gives.
const defaultLimit = 1000

func (v *view) limit(q opsdb.Query) int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return q.Limit
}

// candidates is how many matches of a short id are listed.
const candidates = 10

// FindPackage implements opsdb.Reading.
func (s *Store) FindPackage(ctx context.Context, what string) (p opsdb.Package, err error) {
	err = s.read(ctx, "FindPackage", func(v *view) error {
		ids, err := v.findPackages(what)
		if err != nil {
			return err
		}
		if len(ids) > 1 {
			return fmt.Errorf("%q fits %d packages or more: %v", what, len(ids), ids)
		}
		if len(ids) == 0 {
			return fmt.Errorf("package %q: %w", what, opsdb.ErrNotFound)
		}
		p, err = tables.Whole(v, ids[0])
		return err
	})
	return p, err
}

func (v *view) findPackages(what string) ([]opsdb.ID, error) {
	ids, err := query(v, tables.ScanID, `SELECT id FROM package WHERE id = ?1 UNION SELECT id FROM package WHERE name = ?1`, what)
	if err != nil || len(ids) > 0 {
		return ids, err
	}
	if route, number, ok := strings.Cut(what, "/"); ok {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, nil //nolint:nilerr // what is no number names no package
		}
		return query(v, tables.ScanID, `SELECT id FROM package WHERE route = ? AND number = ?`, route, n)
	}
	return v.shortIDs("package", what)
}

// shortIDs finds what a short id, the end of an id, may stand for.
func (v *view) shortIDs(table, what string) ([]opsdb.ID, error) {
	tail := strings.ToLower(strings.ReplaceAll(what, "-", ""))
	if len(tail) < 4 || strings.Trim(tail, "0123456789abcdef") != "" {
		return nil, nil
	}
	return query(v, tables.ScanID, `SELECT id FROM `+table+` WHERE substr(replace(id, '-', ''), -length(?1)) = ?1 LIMIT ?2`, tail, candidates)
}

// FindFile implements opsdb.Reading.
func (s *Store) FindFile(ctx context.Context, what string) (f opsdb.File, err error) {
	err = s.read(ctx, "FindFile", func(v *view) error {
		f, err = v.findFile(what)
		return err
	})
	return f, err
}

func (v *view) findFile(what string) (f opsdb.File, err error) {
	all, err := query(v, tables.ScanFile, `SELECT `+tables.FileColumns+` FROM file f WHERE f.id = ?`, what)
	if err != nil {
		return f, err
	}
	if len(all) == 0 {
		if all, err = v.filesAt(what); err != nil {
			return f, err
		}
	}
	switch len(all) {
	case 0:
		return f, fmt.Errorf("file %q: %w", what, opsdb.ErrNotFound)
	case 1:
		return all[0], nil
	}
	var names []string
	for _, x := range all {
		names = append(names, x.Location+":"+opsdb.ShowPath(x.Path)+" ("+string(x.ID)+")")
	}
	return f, fmt.Errorf("%q fits %d files or more: %s", what, len(all), strings.Join(names, ", "))
}

// filesAt finds files by their shown path, at the location named before it or at any.
func (v *view) filesAt(what string) (files []opsdb.File, err error) {
	places, err := query(v, tables.ScanID, `SELECT location FROM registered`)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		path := what
		if rest, ok := strings.CutPrefix(what, string(place)+":"); ok {
			path = rest
		}
		raw, err := opsdb.ParsePath(path)
		if err != nil {
			continue
		}
		found, err := query(v, tables.ScanFile, `SELECT * FROM (SELECT `+tables.FileColumns+` FROM file f WHERE f.location = ?1 AND f.path = ?2 AND f.state NOT IN ('deleted', 'lost'))
		  UNION ALL SELECT * FROM (SELECT `+tables.FileColumns+` FROM file f WHERE f.location = ?1 AND f.path = ?2 AND f.state IN ('deleted', 'lost') ORDER BY f.key DESC LIMIT 1) LIMIT 1`, string(place), blob(raw))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

// Packages implements opsdb.Reading.
func (s *Store) Packages(ctx context.Context, q opsdb.Query) (facts []opsdb.Facts, err error) {
	err = s.read(ctx, "Packages", func(v *view) error {
		w := where{}
		w.add(q.Route != "", `p.route = ?`, q.Route)
		w.add(q.Package != "", `p.id = ?`, string(q.Package))
		w.add(q.After != "", `p.id > ?`, string(q.After))
		w.add(q.Location != "", `EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.location = ? AND c.state <> 'deleted')`, q.Location)
		switch q.State {
		case "":
		case "open":
			w.add(true, `p.status <> 'archived'`)
		case "done":
			w.add(true, `p.status = 'archived'`)
		case "quarantined":
			w.add(true, `(p.quarantined <> '' OR EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.state = 'quarantined'))`)
		default:
			w.add(true, `p.status = ?`, q.State)
		}
		packs, err := query(v, tables.ScanPackage, `SELECT `+packageColumns+` FROM package p`+w.text()+` ORDER BY p.id LIMIT ?`, append(w.args, v.limit(q))...)
		if err != nil {
			return err
		}
		facts, err = v.facts(packs)
		return err
	})
	return facts, err
}

// where gathers conditions of a query.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(use bool, condition string, args ...any) {
	if use {
		w.conditions = append(w.conditions, condition)
		w.args = append(w.args, args...)
	}
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return ` WHERE ` + strings.Join(w.conditions, ` AND `)
}
