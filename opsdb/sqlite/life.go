package sqlite

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
)

// Lives implements opsdb.Planning.
func (s *Store) Lives(ctx context.Context, ids []opsdb.ID) (lives []opsdb.Life, err error) {
	err = s.read(ctx, "Lives", func(v *view) error {
		lives, err = query(v, scanLife, `SELECT p.id, p.route, p.first_filed, p.made_at, max(a.first), max(a.last) FROM package p
		  LEFT JOIN (SELECT r.package, r.location, min(r.at) AS first, max(r.at) AS last FROM receipt r JOIN location l ON l.name = r.location AND l.type = 'long_term_archive'
		    WHERE r.package IN (SELECT value FROM json_each(?1)) GROUP BY r.package, r.location) a ON a.package = p.id
		  WHERE p.id IN (SELECT value FROM json_each(?1)) GROUP BY p.id ORDER BY p.id`, idList(ids))
		return err
	})
	return lives, err
}

func scanLife(r scanner) (l opsdb.Life, err error) {
	var filed, made, first, last *int64
	err = r.Scan(&l.Package, &l.Route, &filed, &made, &first, &last)
	l.FirstFiled, l.MadeAt, l.Archived = timeOf(filed), timeOf(made), timeOf(first)
	l.Again = timeOf(last).After(l.Archived)
	return l, err
}
