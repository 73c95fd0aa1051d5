package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

//go:embed roles.sql
var rolesSQL string

//go:embed grants.sql
var grantsSQL string

// CreateRoles makes the group roles cdt_owner, cdt_engine, cdt_worker, cdt_api
// and cdt_reader, which nobody can log in as, and gives them their rights in
// the database at url, once it is migrated. Its user must be allowed to make roles and to grant
// the rights. Called again it makes good what is missing.
func CreateRoles(ctx context.Context, url string) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return errURL
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, rolesSQL); err != nil {
		return fmt.Errorf("create the roles of %s: %w", address(config), explain(err))
	}
	if err := grant(ctx, db); err != nil {
		return fmt.Errorf("grant the rights of %s: %w", address(config), explain(err))
	}
	return nil
}

// grant gives the roles that exist their rights in a database that is migrated.
func grant(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, grantsSQL)
	return err
}
