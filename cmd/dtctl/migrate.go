package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

func (a *app) migrateCommand() *cobra.Command {
	var roles bool
	c := &cobra.Command{
		Use: "migrate", Short: "Make the database, or bring it up to this version", Args: cobra.NoArgs,
		Long: `Makes what this version needs in the database and its queue, as the owner of both. Whatever serves does so by itself if its user may; where
engines and workers log in with fewer rights, the owner runs this first. With --roles the group roles cdt_engine, cdt_worker, cdt_api and
cdt_reader are made too, and given their rights: grant them to those who log in. A worker of a site with sources needs cdt_worker and cdt_api.`,
		Example: "  dtctl migrate --db postgres://cdt_owner@db.example.org/cdt --roles",
		RunE:    func(c *cobra.Command, _ []string) error { return a.migrate(c.Context(), roles) },
	}
	c.Flags().BoolVar(&roles, "roles", false, "make the group roles, too (PostgreSQL only)")
	return c
}

func (a *app) migrate(ctx context.Context, roles bool) error {
	switch {
	case isShared(a.db):
		if err := migrateShared(ctx, a.db, roles); err != nil {
			return err
		}
	case roles:
		return misuse("leave out --roles", "an embedded database has no roles")
	default:
		s, err := a.openStore(ctx, clock.System{})
		if err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return fmt.Errorf("close the database: %w", err)
		}
	}
	name := config.Address(a.db)
	return a.say(map[string]any{"version": opsdb.FormatVersion, "db": name}, func() error {
		_, err := fmt.Fprintf(a.out, "%s is as this version needs it\n", name)
		return err
	})
}

func migrateShared(ctx context.Context, url string, roles bool) error {
	s, err := postgres.Open(ctx, url, postgres.Options{Name: "dtctl migrate", Connections: 2})
	if err != nil {
		return sharedHint(err)
	}
	err = river.Migrate(ctx, url)
	if err == nil && roles {
		err = errors.Join(postgres.CreateRoles(ctx, url), river.Grant(ctx, url))
	}
	return errors.Join(err, s.Close())
}
