package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/telemetry"
)

// The words of --role.
const (
	roleAll    = "all"
	roleEngine = "engine"
	roleWorker = "worker"
)

func rolesOf(word string) (node.Roles, error) {
	switch word {
	case roleAll:
		return node.RoleAll, nil
	case roleEngine:
		return node.RoleEngine, nil
	case roleWorker:
		return node.RoleWorker, nil
	}
	return 0, misuse("choose --role engine, worker or all", "--role %q is unknown", word)
}

// runShared serves a database that other processes serve too.
func (s *serving) runShared(ctx context.Context) error {
	roles, err := rolesOf(s.role)
	if err != nil {
		return err
	}
	at, err := parseAtOnce(s.atOnce)
	if err != nil {
		return err
	}
	if roles == node.RoleEngine && len(s.sites) > 0 {
		return misuse("leave out --site, or take --role all", "an engine does the work of no site")
	}
	if s.routes != "" {
		if _, err := s.checkedRoutes(); err != nil {
			return err
		}
	}
	name := workerName()
	seen, err := s.observe(ctx, s.app, telemetry.Config{Service: serviceOf(roles), Instance: name, Sites: s.sites, Hide: []string{passwordOf(s.db), passwordOf(s.redis)}})
	if err != nil {
		return err
	}
	wait := seen.patience(s.db)
	err = wait.until(ctx, func() error {
		p, err := join(ctx, s.db, name, roles, at.total*inHandPerTask, seen.Log)
		if err != nil {
			return err
		}
		wait.here(ctx, p.store)
		err = s.servePart(ctx, p, seen, node.Config{
			Roles: roles, Sites: s.sites, Name: name, Version: programVersion, AtOnce: at.total, PerType: at.types,
			ClaimBy: s.claimBy, Sweep: s.sweep, Lease: s.lease, Grace: s.grace, Scan: s.scan, Log: seen.Log, Credentials: s.credentials(),
		})
		return errors.Join(err, p.leave())
	})
	return errors.Join(err, seen.close())
}

// serviceOf is what a process calls itself to those who look at it.
func serviceOf(r node.Roles) string {
	switch r {
	case node.RoleEngine:
		return "cdt-engine"
	case node.RoleWorker:
		return "cdt-worker"
	}
	return "cdt"
}

// servePart makes the node of this process and runs it.
func (s *serving) servePart(ctx context.Context, p *shared, seen *seen, c node.Config) error {
	rev, err := s.routesFor(ctx, p, &c)
	if err != nil {
		return err
	}
	if err := knownSites(c.Graph, c.Sites); err != nil {
		return err
	}
	if s.initAll {
		if err := s.initialise(ctx, p.store, c.Graph, c.Log); err != nil {
			return err
		}
	}
	if c.Roles.Has(node.RoleWorker) {
		journal, release, err := ownJournal(s.state, inUseOr(c.Sites))
		if err != nil {
			return err
		}
		defer release()
		defer func() { _ = journal.Close() }()
		c.Journal = journal
	}
	if c.Memory, err = memoryOf(s.state, s.db); err != nil {
		return err
	}
	p.configure(&c)
	seen.configure(&c)
	others, err := s.accompany(ctx, &c, p.store, filepath.Join(s.state, "notify.json"))
	if err != nil {
		return err
	}
	defer func() { _ = others.stop() }()
	n, err := node.New(c)
	if err != nil {
		return err
	}
	seen.of(n)
	if err := n.Start(ctx, rev); err != nil {
		return err
	}
	c.Log.InfoContext(ctx, "serving", "db", config.Address(s.db), "role", s.role, "routes", s.routes, "revision", n.Revision(), "sites", n.Sites(), "process", c.Name)
	err = n.Run(ctx)
	if err != nil && !interrupted(ctx, err) {
		return fmt.Errorf("serve: %w", err)
	}
	c.Log.InfoContext(context.WithoutCancel(ctx), "stopped", "process", c.Name)
	return nil
}

// routesFor finds the routes to go by: those a person named, which are then
// put into force, or the ones in force.
func (s *serving) routesFor(ctx context.Context, p *shared, c *node.Config) (opsdb.Revision, error) {
	var rev opsdb.Revision
	var err error
	switch {
	case s.routes != "" && c.Roles.Has(node.RoleEngine):
		var texts map[string][]byte
		if texts, c.Graph, err = s.compiledRoutes(); err == nil {
			err = s.notWeaker(ctx, p.store, c.Graph)
		}
		if err != nil {
			return rev, err
		}
		return node.Revision(c.Graph, texts, person(""), s.why), nil
	case c.Roles.Has(node.RoleEngine):
		c.Graph, c.Revision, err = inForce(ctx, p.store)
	default:
		c.Graph, c.Revision, err = awaitRoutes(ctx, p.store, c.Log)
	}
	return rev, err
}

// inForce are the routes in force, for an engine to which nobody named any.
func inForce(ctx context.Context, s opsdb.Planning) (*graph.Graph, int64, error) {
	g, revision, err := node.Active(ctx, s)
	if errors.Is(err, opsdb.ErrNotFound) {
		return nil, 0, misuse("name them once: --routes FOLDER", "no routes are in force in this database yet")
	}
	return g, revision, err
}

// inUseOr names a journal: of the sites, or of all.
func inUseOr(sites []string) []string {
	if len(sites) == 0 {
		return []string{"all"}
	}
	return sites
}
