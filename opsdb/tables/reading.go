package tables

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// defaultLimit is how many rows a Query without a limit gives.
const defaultLimit = 1000

func limitOf(q opsdb.Query) int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return q.Limit
}

// candidates is how many matches of a short id are listed.
const candidates = 10

// FindPackage implements opsdb.Reading.
func (s Store) FindPackage(ctx context.Context, what string) (p opsdb.Package, err error) {
	err = s.read(ctx, "FindPackage", func(v View) error {
		ids, err := findPackages(v, what)
		if err != nil {
			return err
		}
		if len(ids) > 1 {
			return fmt.Errorf("%q fits %d packages or more: %v", what, len(ids), ids)
		}
		if len(ids) == 0 {
			return fmt.Errorf("package %q: %w", what, opsdb.ErrNotFound)
		}
		p, err = Whole(v, ids[0])
		return err
	})
	return p, err
}

func findPackages(v View, what string) ([]opsdb.ID, error) {
	ids, err := Query(v, ScanID, `SELECT id FROM package WHERE id = $1 UNION SELECT id FROM package WHERE name = $1`, what)
	if err != nil || len(ids) > 0 {
		return ids, err
	}
	if route, number, ok := strings.Cut(what, "/"); ok {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, nil //nolint:nilerr // what is no number names no package
		}
		return Query(v, ScanID, `SELECT id FROM package WHERE route = $1 AND number = $2`, route, n)
	}
	return shortIDs(v, "package", what)
}

// shortIDs finds what a short id, the end of an id, may stand for.
func shortIDs(v View, table, what string) ([]opsdb.ID, error) {
	tail := strings.ToLower(strings.ReplaceAll(what, "-", ""))
	if len(tail) < 4 || strings.Trim(tail, "0123456789abcdef") != "" {
		return nil, nil
	}
	// Before the last twelve digits stands a dash.
	last := reversed(tail[max(0, len(tail)-12):])
	return Query(v, ScanID, `SELECT id FROM `+table+` WHERE `+v.Dialect().EndsIn+` ORDER BY id LIMIT $3`,
		last, tail, candidates)
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// FindFile implements opsdb.Reading.
func (s Store) FindFile(ctx context.Context, what string) (f opsdb.File, err error) {
	err = s.read(ctx, "FindFile", func(v View) error {
		f, err = findFile(v, what)
		return err
	})
	return f, err
}

func findFile(v View, what string) (f opsdb.File, err error) {
	all, err := Query(v, ScanFile, `SELECT `+FileColumns+` FROM file f WHERE f.id = $1`, what)
	if err != nil {
		return f, err
	}
	if len(all) == 0 {
		if all, err = filesAt(v, what); err != nil {
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
func filesAt(v View, what string) (files []opsdb.File, err error) {
	places, err := Query(v, ScanID, `SELECT place FROM (`+v.Dialect().Counted.Registered+`) x`)
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
		found, err := Query(v, ScanFile, `SELECT * FROM (SELECT `+FileColumns+` FROM file f WHERE f.location = $1 AND f.path = $2 AND f.state NOT IN ('deleted', 'lost')) x
		  UNION ALL SELECT * FROM (SELECT `+FileColumns+` FROM file f WHERE f.location = $1 AND f.path = $2 AND f.state IN ('deleted', 'lost') ORDER BY f.key DESC LIMIT 1) y LIMIT 1`, string(place), Blob(raw))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

// Packages implements opsdb.Reading.
func (s Store) Packages(ctx context.Context, q opsdb.Query) (facts []opsdb.Facts, err error) {
	err = s.read(ctx, "Packages", func(v View) error {
		w, d := where{}, v.Dialect()
		w.add(q.Route != "", `p.route = ?`, q.Route)
		w.add(q.Package != "", `p.id = ?`, string(q.Package))
		w.add(q.After != "", `p.id > ?`, string(q.After))
		w.add(q.Location != "", `EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.location = ? AND c.state <> 'deleted')`, q.Location)
		switch q.State {
		case "":
		case "open":
			w.add(true, d.Status+` <> 'archived' AND `+d.Status+` <> 'superseded'`)
		case "done":
			w.add(true, `(`+d.Status+` = 'archived' OR `+d.Status+` = 'superseded')`)
		case "quarantined":
			w.add(true, `(p.quarantined <> '' AND p.files > 0 OR EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.state = 'quarantined'))`)
		default:
			w.add(true, d.Status+` = ?`, q.State)
		}
		ids, err := Query(v, ScanID, `SELECT p.id `+d.PackageFrom+w.JSON()+` ORDER BY p.id LIMIT `+w.arg(limitOf(q)), w.args...)
		if err != nil {
			return err
		}
		facts, err = v.Facts(ids)
		return err
	})
	return facts, err
}

// where gathers conditions of a query.
type where struct {
	conditions []string
	args       []any
}

// add puts each argument in the place of a question mark.
func (w *where) add(use bool, condition string, args ...any) {
	if !use {
		return
	}
	for _, a := range args {
		condition = strings.Replace(condition, "?", w.arg(a), 1)
	}
	w.conditions = append(w.conditions, condition)
}

// arg adds an argument and returns how the query names it.
func (w *where) arg(a any) string {
	w.args = append(w.args, a)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *where) JSON() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return ` WHERE ` + strings.Join(w.conditions, ` AND `)
}
