package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// withStore opens the existing operations database for one verb.
func (a *app) withStore(ctx context.Context, do func(opsdb.Store) error) error {
	if _, err := os.Stat(strings.TrimPrefix(a.db, "sqlite:")); errors.Is(err, fs.ErrNotExist) && !strings.Contains(a.db, "://") && !isShared(a.db) {
		return hint(fmt.Errorf("open database %s: it does not exist", a.db),
			"give --db or CDT_DB; `dtctl serve` makes a new one")
	}
	return a.withStoreOf(ctx, asItIs, do)
}

// withNewStore opens the operations database, making it if it is not there.
func (a *app) withNewStore(ctx context.Context, do func(opsdb.Store) error) error {
	return a.withStoreOf(ctx, asNeeded, do)
}

// schema is what a verb may do to the schema of a database.
type schema bool

const (
	asNeeded schema = false // it is made or brought up to this version
	asItIs   schema = true  // others may be at work by it: it stays
)

func (a *app) withStoreOf(ctx context.Context, s schema, do func(opsdb.Store) error) error {
	if isShared(a.db) {
		store, err := openShared(ctx, a.db, s)
		if err != nil {
			return err
		}
		return errors.Join(do(store), store.Close())
	}
	store, err := a.openStoreOf(ctx, clock.System{}, s)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// openStore opens the embedded database named by --db for those who serve it.
func (a *app) openStore(ctx context.Context, c clock.Clock) (*sqlite.Store, error) {
	return a.openStoreOf(ctx, c, asNeeded)
}

func (a *app) openStoreOf(ctx context.Context, c clock.Clock, s schema) (*sqlite.Store, error) {
	path, isURL := strings.CutPrefix(a.db, "sqlite:")
	if !isURL && strings.Contains(a.db, "://") {
		return nil, misuse("give a file, sqlite:FILE or postgres://…", "open database %s: it is not carried out by this version", schemeOf(a.db)+"…")
	}
	store, err := sqlite.Open(ctx, path, sqlite.Options{Clock: c, Keep: bool(s)})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint(err, "make the folder first, or give another --db")
	}
	return store, err //nolint:wrapcheck // it says which database it opened
}

// schemeOf is the part of a URL that holds no secrets.
func schemeOf(url string) string {
	scheme, _, _ := strings.Cut(url, "://")
	return scheme + "://"
}

// findPackage finds a package by what a person calls it.
func findPackage(ctx context.Context, s opsdb.Store, what string) (opsdb.Package, error) {
	p, err := s.FindPackage(ctx, what)
	if errors.Is(err, opsdb.ErrNotFound) {
		return p, hint(fmt.Errorf("no package %q", what), "`dtctl packages` lists them; a name, an id, the last 8 of an id, or route/number will do")
	}
	return p, err
}
