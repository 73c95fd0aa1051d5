package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
	"github.com/ccatobs/cdt/telemetry"
	"github.com/ccatobs/cdt/worker"
)

// serving is the settings of one `dtctl serve`.
type serving struct {
	*app
	beside
	role        string
	sites       []string
	atOnce      string
	claimBy     time.Duration
	sweep       time.Duration
	state       string
	lease       time.Duration
	grace       time.Duration
	scan        time.Duration
	initAll     bool
	allowWeaker bool
	why         string
}

func (a *app) serveCommand() *cobra.Command {
	s := serving{app: a}
	c := &cobra.Command{
		Use: "serve", Short: "Run engine, workers and discovery of files in one process", Args: cobra.NoArgs,
		Long: `Makes the routes the active revision and holds them against the facts until it is stopped.
SIGTERM or SIGINT stops it gracefully: what runs may finish, what cannot is given back. Killed, it goes on where it was when it is started again.
While a PostgreSQL database is away it waits, at its start as later.`,
		RunE: func(c *cobra.Command, _ []string) error { return s.run(c.Context()) },
	}
	f := c.Flags()
	f.StringVar(&s.role, "role", "all", "engine, worker or all; only a PostgreSQL database has processes of one role")
	f.StringSliceVar(&s.sites, "site", nil, "sites whose work is done here (default: all)")
	f.StringVar(&s.atOnce, "at-once", "4", "tasks at once, in all or of a stage type: package=2,transfer=4")
	leaseFlags(f, &s.lease, &s.grace, &s.scan)
	s.liveFlags(f)
	s.notifyFlags(f)
	spanVar(f, &s.claimBy, "claim-by", 2*time.Minute, time.Second, "how long a task may wait for a worker before it is withdrawn")
	spanVar(f, &s.sweep, "sweep", 30*time.Second, shortestPause, "how often the engine looks though nothing woke it")
	f.StringVar(&s.state, "state", stateFolder(), "folder for results that wait while a PostgreSQL database is away")
	f.BoolVar(&s.initAll, "init-locations", false, "initialise locations that never were, if their root is empty or absent; sources are adopted")
	f.BoolVar(&s.allowWeaker, "allow-weaker", false, "accept routes that make something deletable which was not")
	f.StringVar(&s.why, "why", "", "why the routes changed: it goes into the audit log")
	return c
}

func (s *serving) run(ctx context.Context) error {
	if isShared(s.db) {
		return s.runShared(ctx)
	}
	if s.role != roleAll || len(s.sites) > 0 {
		return misuse("leave out --role and --site, or give --db postgres://…", "an embedded database is served by one process, which does everything")
	}
	at, err := parseAtOnce(s.atOnce)
	if err != nil {
		return err
	}
	_, g, err := s.compiledRoutes()
	if err != nil {
		return err
	}
	seen, err := s.observe(ctx, s.app, telemetry.Config{Service: "cdt", Instance: workerName(), Hide: []string{passwordOf(s.redis)}})
	if err != nil {
		return err
	}
	store, err := s.openStore(ctx, clock.System{})
	if err != nil {
		return errors.Join(err, seen.close())
	}
	err = s.serve(ctx, store, g, at, seen)
	return errors.Join(err, store.Close(), seen.close())
}

func (s *serving) serve(ctx context.Context, store *sqlite.Store, g *graph.Graph, at atOnce, seen *seen) error {
	release, err := store.Serve(ctx)
	if err != nil {
		return fmt.Errorf("serve %s: %w", s.db, err)
	}
	defer release()
	if err := s.notWeaker(ctx, store, g); err != nil {
		return err
	}
	if s.initAll {
		if err := s.initialise(ctx, store, g, seen.Log); err != nil {
			return err
		}
	}
	journal, err := worker.OpenJournal(s.db + ".journal")
	if err != nil {
		return fmt.Errorf("open the journal of results: %w", err)
	}
	memory, err := node.OpenMemory(s.db + ".seen.json")
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	c := node.Config{
		Memory: memory, Store: store, Graph: g, Name: workerName(), Version: programVersion, AtOnce: at.total, PerType: at.types,
		ClaimBy: s.claimBy, Sweep: s.sweep, Lease: s.lease, Grace: s.grace, Scan: s.scan, Journal: journal, Credentials: s.credentials(),
	}
	seen.configure(&c)
	others, err := s.accompany(ctx, &c, store, s.db+".notify.json")
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	err = s.embedded(ctx, c, seen)
	return errors.Join(err, others.stop(), journal.Close())
}

// embedded makes the node of an embedded database and runs it.
func (s *serving) embedded(ctx context.Context, c node.Config, seen *seen) error {
	n, err := node.New(c)
	if err != nil {
		return err
	}
	seen.of(n)
	return s.live(ctx, n, c.Graph, c.Log)
}

// live starts the node and runs it until ctx is cancelled.
func (s *serving) live(ctx context.Context, n *node.Node, g *graph.Graph, log *slog.Logger) error {
	if err := n.Start(ctx, node.Revision(g, s.texts(), person(""), s.why)); err != nil {
		return err
	}
	log.InfoContext(ctx, "serving", "db", config.Address(s.db), "routes", s.routes, "sites", n.Sites())
	err := n.Run(ctx)
	if err != nil && !interrupted(ctx, err) {
		return fmt.Errorf("serve: %w", err)
	}
	log.InfoContext(context.WithoutCancel(ctx), "stopped", "db", config.Address(s.db))
	return nil
}

// texts are the texts of the routes by file name.
func (s *serving) texts() map[string][]byte {
	files, _ := s.readRoutes()
	return files
}

// notWeaker refuses routes that make something deletable which was not (S13).
func (s *serving) notWeaker(ctx context.Context, store opsdb.Store, g *graph.Graph) error {
	active, err := store.ActiveRevision(ctx)
	if errors.Is(err, opsdb.ErrNotFound) || s.allowWeaker {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the active routes: %w", err)
	}
	old, err := node.Graph(active)
	if err != nil {
		return err
	}
	if weaker := graph.Weaker(old, g); len(weaker) > 0 {
		return &hinted{fmt.Errorf("the routes protect less than those in force (revision %d)", active.Number),
			"look at each line; --allow-weaker accepts them all", append(weaker, graph.Again(old, g)...)}
	}
	if again := graph.Again(old, g); len(again) > 0 {
		return &hinted{fmt.Errorf("the routes would pack and send again what has been sent (revision %d)", active.Number),
			"write formerly: with the old name, or accept it with --allow-weaker", again}
	}
	return nil
}

// initialise marks the locations that never were.
func (s *serving) initialise(ctx context.Context, store opsdb.Store, g *graph.Graph, log *slog.Logger) error {
	w, err := store.World(ctx)
	if err != nil {
		return fmt.Errorf("read the locations: %w", err)
	}
	for _, name := range sorted(g.Locations) {
		if w.Locations[name].Marker != "" {
			continue
		}
		l := g.Locations[name]
		m, err := node.Init(ctx, store, clock.System{}, s.credentials(), l, node.Taking{Adopt: l.Type == opsdb.Source}, person(""))
		if err != nil {
			return initHint(l, err)
		}
		log.InfoContext(ctx, "location initialised", "location", name, "marker", m.ID)
	}
	return nil
}

// workerName is a stable identity of this process.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), opsdb.NewID().Short())
}
