package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/telemetry"
)

// working is the settings of one `dtctl work`.
type working struct {
	*app
	beside
	sites  []string
	atOnce string
	lease  time.Duration
	grace  time.Duration
	scan   time.Duration
	state  string
}

func (a *app) workCommand() *cobra.Command {
	w := working{app: a}
	c := &cobra.Command{
		Use: "work --site SITE[,SITE]", Short: "Do the work of one or more sites", Args: cobra.NoArgs,
		Long: `Does the tasks of its sites and finds the files of their source locations, by the routes that an engine has put into force; newer ones are followed.
SIGTERM or SIGINT stops it gracefully: what runs may finish, what cannot is given back. Killed, its tasks go on elsewhere when their leases end. While the database is away it waits, at its start as later.
It keeps its memory near 10 MiB and 15 MiB for each task that runs, besides the program itself; GOMEMLIMIT in the environment (as 200MiB) is another limit.

It needs a PostgreSQL database. An embedded one is served by one process: ` + "`dtctl serve`" + ` does the work of all sites there.`,
		Example: "  dtctl work --site cologne --db postgres://cdt@db.example.org/cdt\n  dtctl work --site cologne --at-once package=2,transfer=4",
		RunE:    func(c *cobra.Command, _ []string) error { return w.run(c.Context()) },
	}
	f := c.Flags()
	f.StringSliceVar(&w.sites, "site", nil, "sites whose work is done here")
	f.StringVar(&w.atOnce, "at-once", "4", "tasks at once, in all or of a stage type: package=2,transfer=4")
	leaseFlags(f, &w.lease, &w.grace, &w.scan)
	w.liveFlags(f)
	f.StringVar(&w.state, "state", stateFolder(), "folder for results that wait while the database is away")
	return c
}

// stateFolder is where a user's programs keep what must outlive them.
func stateFolder() string {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "cdt")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "cdt-state"
	}
	return filepath.Join(home, ".local", "state", "cdt")
}

func (w *working) run(ctx context.Context) error {
	if len(w.sites) == 0 {
		return misuse("name them: --site cologne", "which sites' work is to be done?")
	}
	if !isShared(w.db) {
		return misuse("`dtctl serve` does the work of all sites on an embedded database; give a worker --db postgres://…", "%s is an embedded database, which one process serves", config.Address(w.db))
	}
	slices.Sort(w.sites)
	w.sites = slices.Compact(w.sites) // named twice, a site is served once
	at, err := parseAtOnce(w.atOnce)
	if err != nil {
		return err
	}
	name := workerName()
	seen, err := w.observe(ctx, w.app, telemetry.Config{Service: serviceOf(node.RoleWorker), Instance: name, Sites: w.sites, Hide: []string{passwordOf(w.db), passwordOf(w.redis)}})
	if err != nil {
		return err
	}
	wait := seen.patience(w.db)
	err = wait.until(ctx, func() error {
		s, err := join(ctx, w.db, name, node.RoleWorker, at.total*inHandPerTask, seen.Log)
		if err != nil {
			return err
		}
		wait.here(ctx, s.store)
		err = w.work(ctx, s, name, at, seen)
		return errors.Join(err, s.leave())
	})
	return errors.Join(err, seen.close())
}

// sayRights says what the user of the database may not that a worker needs, and what it may that a worker does not.
func (w *working) sayRights(ctx context.Context, sources []string, log *slog.Logger) {
	user, has, err := held(ctx, w.db)
	if err != nil {
		return
	}
	if len(sources) > 0 && !has[finder] {
		log.ErrorContext(ctx, "no file will be found: the user of the database has not the rights of "+finder, "user", user, "locations", sources,
			"hint", "have the owner of the database GRANT "+finder+" TO it")
	}
	if more := surplus(has, sources); more != "" {
		log.WarnContext(ctx, "the user of the database may do more than a worker here does", "user", user, "rights", more, "hint", ownLogin)
	}
}

// inHandPerTask is how many jobs a worker fetches for every task it runs.
const inHandPerTask = 4

func (w *working) work(ctx context.Context, s *shared, name string, at atOnce, seen *seen) error {
	g, revision, err := awaitRoutes(ctx, s.store, seen.Log)
	if err != nil {
		return err
	}
	if err := knownSites(g, w.sites); err != nil {
		return err
	}
	w.sayRights(ctx, sourcesOf(g, w.sites), seen.Log)
	if err := node.SameProtocol(ctx, s.store); err != nil {
		return protocolHint(err)
	}
	journal, release, err := ownJournal(w.state, w.sites)
	if err != nil {
		return err
	}
	defer release()
	memory, err := memoryOf(w.state, w.db)
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	c := node.Config{
		Memory: memory, Graph: g, Revision: revision, Roles: node.RoleWorker, Sites: w.sites, Name: name, Version: programVersion,
		AtOnce: at.total, PerType: at.types, Lease: w.lease, Grace: w.grace, Scan: w.scan, Journal: journal, Credentials: w.credentials(),
		Running: memoryLimiter(w.otlp != "" || w.influx.URL != "" || w.redis != ""),
	}
	s.configure(&c)
	seen.configure(&c)
	others, err := w.accompany(ctx, &c, s.store, "")
	if err == nil {
		err = errors.Join(w.live(ctx, c, at, seen), others.stop())
	}
	return errors.Join(err, journal.Close())
}

// live runs the worker until ctx is cancelled.
func (w *working) live(ctx context.Context, c node.Config, at atOnce, seen *seen) error {
	n, err := node.New(c)
	if err != nil {
		return err
	}
	seen.of(n)
	if err := n.Start(ctx, opsdb.Revision{}); err != nil {
		return fmt.Errorf("record what waited in the journal: %w", err)
	}
	c.Log.InfoContext(ctx, "working", "db", config.Address(w.db), "sites", n.Sites(), "at_once", at.String(), "revision", n.Revision(), "worker", c.Name)
	err = n.Run(ctx)
	if err != nil && !interrupted(ctx, err) {
		return protocolHint(fmt.Errorf("work: %w", err))
	}
	c.Log.InfoContext(context.WithoutCancel(ctx), "stopped", "worker", c.Name)
	return nil
}

// awaitRoutes waits for an engine to put routes into force.
func awaitRoutes(ctx context.Context, s opsdb.Planning, log *slog.Logger) (*graph.Graph, int64, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for told := false; ; {
		g, revision, err := node.Active(ctx, s)
		if !errors.Is(err, opsdb.ErrNotFound) {
			return g, revision, err
		}
		if !told {
			log.InfoContext(ctx, "no routes are in force yet: waiting for `dtctl serve --role engine`")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// knownSites refuses sites the routes do not have, as wrong use.
func knownSites(g *graph.Graph, sites []string) error {
	err := node.KnownSites(g, sites)
	var unknown *node.SiteError
	if !errors.As(err, &unknown) {
		return err
	}
	if near := unknown.Nearest(); near != "" {
		return misuse("did you mean "+near+"?", "%w", err)
	}
	return misuse("`dtctl status` lists the sites", "%w", err)
}

// protocolHint says what to do about an engine of another version.
func protocolHint(err error) error {
	if errors.Is(err, opsdb.ErrProtocol) {
		return hint(err, "install the same version of dtctl for engines and workers; engines first")
	}
	return err
}
