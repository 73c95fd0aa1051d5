package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/ccatobs/cdt/opsdb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Advisory locks: one process migrates, one chains; whoever finishes an
// observation or closes a group does so alone for its name or location.
const (
	migrating = 0x43445400 + iota
	chaining
	observing // an observation, by its name
	closing   // groups of one location, by its name
	pressing
)

const versionTable = "cdt_schema_version"

// Migrate makes or migrates the schema at url, as Open does, and does no more.
func Migrate(ctx context.Context, url string) error {
	config, err := configure(url, Options{})
	if err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if err := migrate(ctx, config.ConnConfig, true); err != nil {
		return fmt.Errorf("migrate database %s: %w", address(config.ConnConfig), explain(err))
	}
	return nil
}

// migrate brings the schema up to date if it may and the user owns it, one process at a time.
func migrate(ctx context.Context, config *pgx.ConnConfig, may bool) error {
	owner, err := outdated(ctx, config, may)
	if err != nil || owner == "" {
		return err
	}
	config = config.Copy()
	config.RuntimeParams["role"] = owner
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(2) // the lock, and the migration
	return errors.Join(alone(ctx, db, func() error {
		p, err := provider(db)
		if err != nil {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return err
		}
		return grant(ctx, db)
	}), db.Close())
}

// outdated returns as which role the schema is to be made or migrated; "" if there is nothing to do.
func outdated(ctx context.Context, config *pgx.ConnConfig, may bool) (owner string, err error) {
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	current, target, err := versions(ctx, db)
	if err != nil || current == target {
		return "", err
	}
	if may {
		owner, err = ownerOf(ctx, db)
	}
	switch {
	case err != nil || owner != "":
	case current == 0:
		err = fmt.Errorf("%w: it has no schema yet, needed %d", ErrOlder, target)
	default:
		err = fmt.Errorf("%w: schema %d, needed %d", ErrOlder, current, target)
	}
	return owner, err
}

// ownerOf is who owns the schema, or will: cdt_owner, if the user is a member of it and it may
// make tables here, else the user. "" if the user may not.
func ownerOf(ctx context.Context, db *sql.DB) (owner string, err error) {
	err = db.QueryRowContext(ctx, `SELECT coalesce(CASE
	    WHEN to_regclass($1) IS NOT NULL THEN (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass($1) AND pg_has_role(relowner, 'MEMBER'))
	    WHEN (SELECT pg_has_role(oid, 'MEMBER') AND has_schema_privilege(oid, current_schema(), 'CREATE') FROM pg_roles WHERE rolname = 'cdt_owner') THEN 'cdt_owner'
	    WHEN has_schema_privilege(current_schema(), 'CREATE') THEN current_user
	  END, '')`, versionTable).Scan(&owner)
	return owner, err
}

func provider(db *sql.DB) (*goose.Provider, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithTableName(versionTable), goose.WithAllowOutofOrder(true), goose.WithLogger(goose.NopLogger()))
}

// versions reads the schema's version without making anything, and the one this program needs.
func versions(ctx context.Context, db *sql.DB) (current, target int64, err error) {
	p, err := provider(db)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range p.ListSources() {
		target = max(target, s.Version)
	}
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, versionTable).Scan(&there); err != nil || !there {
		return 0, target, err
	}
	if err := db.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable+` WHERE is_applied`).Scan(&current); err != nil {
		return 0, target, err
	}
	if current > target {
		return current, target, fmt.Errorf("%w: schema %d, known up to %d", opsdb.ErrNewer, current, target)
	}
	return current, target, nil
}

// alone runs f while no other process migrates.
func alone(ctx context.Context, db *sql.DB, f func() error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // the lock goes with the connection
	if _, err := c.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, migrating); err != nil {
		return err
	}
	err = f()
	_, e := c.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, migrating)
	return errors.Join(err, e)
}
