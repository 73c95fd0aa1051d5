package tables

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Lives implements opsdb.Planning.
func (s Store) Lives(ctx context.Context, ids []opsdb.ID) (lives []opsdb.Life, err error) {
	err = s.read(ctx, "Lives", func(v View) error {
		lives, err = Query(v, scanLife, `SELECT p.id, p.route, p.first_filed, p.made_at, max(a.first), max(a.last) FROM package p
		  LEFT JOIN (SELECT r.package, r.location, min(r.at) AS first, max(r.at) AS last FROM receipt r JOIN location l ON l.name = r.location AND l.type = 'long_term_archive'
		    WHERE `+v.Dialect().In("r.package", 1)+` GROUP BY r.package, r.location) a ON a.package = p.id
		  WHERE `+v.Dialect().In("p.id", 1)+` GROUP BY p.id, p.route, p.first_filed, p.made_at ORDER BY p.id`, ids)
		return err
	})
	return lives, err
}

func scanLife(r Scanner) (l opsdb.Life, err error) {
	var last time.Time
	err = r.Scan(&l.Package, &l.Route, At(&l.FirstFiled), At(&l.MadeAt), At(&l.Archived), At(&last))
	l.Again = last.After(l.Archived)
	return l, err
}
