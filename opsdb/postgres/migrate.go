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

// migrate brings the schema up to date if the user owns it, one process at a time.
func migrate(ctx context.Context, config *pgx.ConnConfig) (err error) {
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(2) // the lock, and the migration
	current, target, err := versions(ctx, db)
	if err != nil || current == target {
		return err
	}
	if may, err := owns(ctx, db); err != nil || !may {
		return errors.Join(err, fmt.Errorf("%w: schema %d, needed %d", ErrOlder, current, target))
	}
	return alone(ctx, db, func() error {
		p, err := provider(db)
		if err != nil {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return err
		}
		return grant(ctx, db)
	})
}

func provider(db *sql.DB) (*goose.Provider, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithTableName(versionTable), goose.WithLogger(goose.NopLogger()))
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

// owns reports whether the user may change the schema: it owns it, or there is none yet and it may make one.
func owns(ctx context.Context, db *sql.DB) (may bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT CASE WHEN to_regclass($1) IS NULL THEN coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
	  ELSE (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass($1)) END`, versionTable).Scan(&may)
	return may, err
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
