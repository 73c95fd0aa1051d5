package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

// right is something a process must be allowed to do in a shared database, and the role that may.
type right struct {
	role, asks string
	node       node.Roles
}

// rights are tried by one act of each role, which no other role may do.
func rights() []right {
	return []right{
		{"cdt_engine", `has_table_privilege('observed_clock', 'INSERT')`, node.RoleEngine},
		{"cdt_worker", `has_column_privilege('task', 'token', 'UPDATE')`, node.RoleWorker},
		{finder, `has_table_privilege('skip', 'INSERT')`, 0},
	}
}

// finder is the role of who files what is found at source locations.
const finder = "cdt_api"

// held is which of the rights the user of a database has, by role; the owner of the tables has all.
func held(ctx context.Context, url string) (user string, has map[string]bool, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", nil, err //nolint:wrapcheck // its callers say what they were doing
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	has = map[string]bool{}
	for _, r := range rights() {
		var yes bool
		if err := conn.QueryRow(ctx, `SELECT current_user, `+r.asks).Scan(&user, &yes); err != nil {
			return "", nil, err //nolint:wrapcheck // its callers say what they were doing
		}
		has[r.role] = yes
	}
	return user, has, nil
}

// surplus is the role whose rights a worker has and does not need; "": none. Guards in the database hold a worker to its work, but not who may do
// what an engine does (which includes filing); who files what is found may also give orders, as people do.
func surplus(has map[string]bool, sources []string) (role string) {
	switch {
	case has["cdt_engine"]:
		return "cdt_engine"
	case has[finder] && len(sources) == 0:
		return finder
	}
	return ""
}

// ownLogin is what to do about a surplus of rights.
const ownLogin = "give each worker a login of its own, with cdt_worker, and " + finder + " where it has sources (`REVOKE … FROM` it what is more)"

// entitled refuses to begin what the user may not do: it would only fail again and again.
func entitled(ctx context.Context, url string, roles node.Roles) error {
	user, has, err := held(ctx, url)
	if err != nil {
		if postgres.Away(err) {
			return fmt.Errorf("look at the rights in %s: %w: %w", config.Address(url), postgres.ErrUnreachable, err)
		}
		return fmt.Errorf("look at the rights in %s: %w", config.Address(url), err)
	}
	for _, r := range rights() {
		if roles.Has(r.node) && r.node != 0 && !has[r.role] {
			return hint(fmt.Errorf("%w: user %s has not the rights of %s in %s", errRights, user, r.role, config.Address(url)),
				"log in as another user, or have the owner of the database GRANT %s TO %s (`dtctl migrate --roles` makes the role)", r.role, user)
		}
	}
	return nil
}

var errRights = errors.New("the user of --db may not do this")

// sourcesOf are the source locations of sites, which have to be looked at by who may file what is found.
func sourcesOf(g *graph.Graph, sites []string) (names []string) {
	for _, name := range sorted(g.Locations) {
		l := g.Locations[name]
		for _, s := range sites {
			if l.Site.Name == s && l.Type == opsdb.Source {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
