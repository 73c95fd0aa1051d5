package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/jobs/river"
)

// sharedParts looks at what only a PostgreSQL database has: rights, the queue, journals on this host.
func (d *doctor) sharedParts(ctx context.Context) {
	d.rights(ctx)
	d.queue(ctx)
	d.journals()
}

// rights says what the user of the address may be.
func (d *doctor) rights(ctx context.Context) {
	conn, err := pgx.Connect(ctx, d.db)
	if err != nil {
		d.add("database", config.Address(d.db), findingWrong, "", "a second connection is refused")
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var user string
	var roles []string
	err = conn.QueryRow(ctx, `SELECT current_user, coalesce((SELECT array_agg(rolname ORDER BY rolname) FROM pg_roles
		WHERE rolname LIKE 'cdt\_%' AND pg_has_role(current_user, oid, 'USAGE')), '{}')`).Scan(&user, &roles)
	if err != nil {
		d.add("database", config.Address(d.db), findingWrong, "the user must be able to read the catalogue", "its rights cannot be read: %v", err)
		return
	}
	if len(roles) == 0 {
		d.add("database", user, findingNote, "`dtctl migrate --roles` makes cdt_engine, cdt_worker, cdt_api and cdt_reader; grant what is needed", "this user is a member of no role of CDT; the owner of the tables may do everything")
		return
	}
	d.add("database", user, findingGood, "", "has the rights of %s", strings.Join(roles, ", "))
}

// ofWorkers looks whether who logs in like this may do what a worker of the sites here does, and no more: a worker is held to its work by its login alone.
func (d *doctor) ofWorkers(ctx context.Context) {
	if len(d.sites) == 0 {
		return
	}
	user, has, err := held(ctx, d.db)
	if err != nil {
		return
	}
	sources := sourcesOf(d.graph, d.sites)
	if len(sources) > 0 && !has[finder] {
		d.add("database", user, findingWrong, "have the owner of the database GRANT "+finder+" TO "+user,
			"it has not the rights of %s: no file is found at %s", finder, strings.Join(sources, ", "))
	}
	if more := surplus(has, sources); more != "" {
		d.add("database", user, findingNote, ownLogin, "it may do more than a worker of %s does: whatever %s may", strings.Join(d.sites, ", "), more)
	}
}

// queue looks at River's tables.
func (d *doctor) queue(ctx context.Context) {
	missing, err := river.Missing(ctx, d.db)
	do := "run `dtctl migrate` of this version as the owner of the database"
	switch {
	case err != nil:
		d.add("queue", river.Schema, findingWrong, do, "%v", err)
	case len(missing) > 0:
		d.add("queue", river.Schema, findingWrong, do, "%s", strings.Join(missing, "; "))
	default:
		d.add("queue", river.Schema, findingGood, "", "its tables are right")
	}
}

// journals looks at the folder in which results wait.
func (d *doctor) journals() {
	found, err := filepath.Glob(filepath.Join(d.state, "*.journal"))
	if err != nil {
		return
	}
	var waiting []string
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			waiting = append(waiting, filepath.Base(path))
		}
	}
	if len(waiting) > 0 {
		d.add("state", d.state, findingNote, "they are recorded when a worker of these sites runs here again", "results wait in %s", strings.Join(waiting, ", "))
		return
	}
	d.add("state", d.state, findingGood, "", "no result waits for the database")
}
