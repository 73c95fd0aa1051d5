package sim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/worker"
)

// Config says which observatory is to be put under which folder.
type Config struct {
	Root   string            // folder for everything; made if it is not there
	Routes map[string][]byte // texts by file name; their places are put under Root
	Start  time.Time         // of the virtual clock; in a database that exists, the later of the two
	AtOnce int               // tasks at once, of each process with a worker; 2
	// Store opens the operations database; nil: the file cdt.db under Root.
	Store func(ctx context.Context, c clock.Clock) (Store, error)
	// Apart gives every site a process of its own for its work, beside that of the engine.
	Apart bool
	// Engines is how many decide side by side; 1.
	Engines int
	// Impatient sets grace and brake aside, so that a run is shorter. The texts stay as they are.
	Impatient bool
	// Network, if set, stands between the work and its transports (see node.Config).
	Network  func(transport.Catalog) transport.Catalog
	Progress func(worker.Progress)
	// Tracer takes the spans of all processes; nil: nobody does.
	Tracer *measure.Tracer
}

// Observatory is all sites of a set of routes under one folder, with a
// virtual clock.
type Observatory struct {
	Root   string
	Graph  *graph.Graph
	Texts  map[string][]byte // the routes as they hold under Root
	Roots  map[string]string // location → folder
	Store  Store
	Clock  *clock.Virtual
	Node   *node.Node // with the engine; also with the work, unless Config.Apart
	Driver *Driver

	// Checked, if set, is told what the checker reads (see check.Config.Progress).
	Checked func(subject string, n int64)

	cfg     Config
	release func()
	began   time.Time
	mu      sync.Mutex
	last    time.Time // end of the last task that was not a re-read
}

// Open compiles the routes, makes or opens the folders and the database, and
// takes over what an earlier process left, as `dtctl serve` does.
func Open(ctx context.Context, cfg Config) (*Observatory, error) {
	o := &Observatory{Root: cfg.Root, cfg: cfg, Roots: map[string]string{}, Texts: map[string][]byte{}}
	if cfg.AtOnce == 0 {
		o.cfg.AtOnce = 2
	}
	if err := errors.Join(o.compile(), o.folders()); err != nil {
		return nil, err
	}
	if err := o.open(ctx); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// RoutesDir and DB are where the routes and the database of an observatory lie.
func (o *Observatory) RoutesDir() string { return filepath.Join(o.Root, "routes") }

// DB is the file of the database.
func (o *Observatory) DB() string { return filepath.Join(o.Root, "cdt.db") }

// compile puts the places of the routes under the root and compiles them.
func (o *Observatory) compile() error {
	texts, err := route.Localize(o.cfg.Routes, filepath.Join(o.Root, "sites"))
	if err != nil {
		return fmt.Errorf("put the routes under %s: %w", o.Root, err)
	}
	for name, text := range texts {
		o.Texts[filepath.Join(o.RoutesDir(), filepath.Base(name))] = text
	}
	g, list := node.Compile(o.Texts)
	if err := list.Err(); err != nil {
		return err
	}
	for _, r := range g.Routes {
		if o.cfg.Impatient {
			r.Retention.Grace = 0
			r.Retention.Brake = opsdb.Spent{Bytes: math.MaxInt64, Packages: math.MaxInt32}
		}
	}
	o.Graph = g
	for name, l := range g.Locations {
		o.Roots[name] = l.Path
	}
	return nil
}

// folders makes the folders and writes the routes as they hold there.
func (o *Observatory) folders() error {
	dirs := []string{o.RoutesDir()}
	for _, dir := range o.Roots {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the folders: %w", err)
		}
	}
	for name, text := range o.Texts {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return fmt.Errorf("write the routes: %w", err)
		}
	}
	return nil
}

func (o *Observatory) open(ctx context.Context) (err error) {
	o.Clock = clock.NewVirtual(o.cfg.Start)
	if o.Store, err = o.database(ctx); err != nil {
		return err
	}
	if o.release, err = o.Store.Serve(ctx); err != nil {
		return err
	}
	if err := o.resume(ctx); err != nil {
		return err
	}
	if err := o.mark(ctx); err != nil {
		return err
	}
	o.began = o.Clock.Now()
	o.worked()
	return o.start(ctx)
}

// resume moves the clock past everything an existing database knows of.
func (o *Observatory) resume(ctx context.Context) error {
	w, err := o.Store.World(ctx)
	if err != nil {
		return err
	}
	o.Clock.AdvanceTo(w.Observed)
	for e, err := range o.Store.Events(ctx, 0) {
		if err != nil {
			return fmt.Errorf("read the last time of the database: %w", err)
		}
		o.Clock.AdvanceTo(e.At)
	}
	return nil
}

// mark initialises the locations that never were.
func (o *Observatory) mark(ctx context.Context) error {
	w, err := o.Store.World(ctx)
	if err != nil {
		return err
	}
	for name, l := range o.Graph.Locations {
		if w.Locations[name].Marker != "" {
			continue
		}
		if _, err := node.Init(ctx, o.Store, o.Clock, node.Credentials{}, l, node.Taking{Adopt: true}, "sim"); err != nil {
			return err
		}
	}
	return nil
}

func (o *Observatory) progress(p worker.Progress) {
	if p.Ended && p.Task.Type != "verify" {
		o.worked()
	}
	if o.cfg.Progress != nil {
		o.cfg.Progress(p)
	}
}

// worked takes note that something was done.
func (o *Observatory) worked() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = o.Clock.Now()
}

func (o *Observatory) lastWork() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// quiet is how long only re-reading may go on before a run counts as finished.
const quiet = 400 * 24 * time.Hour

// Run drives the observatory until nothing but re-reading is left to be done,
// or what is left needs a person.
func (o *Observatory) Run(ctx context.Context) error {
	o.worked()
	err := o.Driver.Drive(ctx)
	if errors.Is(err, ErrIdle) {
		return nil
	}
	return err
}

// Began is the virtual time at which the observatory was opened.
func (o *Observatory) Began() time.Time { return o.began }

// finished is where a run stops.
func (o *Observatory) finished(ctx context.Context, next time.Time) (bool, error) {
	if next.IsZero() || next.Sub(o.lastWork()) > quiet {
		return true, nil
	}
	for _, n := range o.Driver.workers() {
		for _, w := range n.Watchers {
			if w.Pending() > 0 {
				return false, nil
			}
		}
	}
	t, err := o.Store.Totals(ctx)
	if err != nil || t.Grouped.Count > 0 {
		return false, err
	}
	moves, err := o.Store.OpenMoves(ctx, opsdb.Query{Limit: math.MaxInt32})
	if err != nil {
		return false, err
	}
	for _, m := range moves {
		if m.Type != "verify" && m.Verdict != string(engine.Blocked) {
			return false, nil
		}
	}
	return o.nothingComes(ctx)
}

// nothingComes reports whether no deletion is still to come by itself.
func (o *Observatory) nothingComes(ctx context.Context) (bool, error) {
	w, err := o.Store.World(ctx)
	if err != nil {
		return false, err
	}
	facts, err := o.Store.Packages(ctx, opsdb.Query{Limit: math.MaxInt32})
	if err != nil {
		return false, err
	}
	for _, r := range engine.Evaluate(o.Graph, engine.State{World: w, Facts: facts}, w.Now) {
		for _, d := range r.Decisions {
			if d.Type == "delete" && !d.Next.IsZero() {
				return false, nil
			}
		}
	}
	return true, nil
}

// Sources are the locations that package stages read, in the order of the routes.
func (o *Observatory) Sources() []string {
	var out []string
	for _, r := range o.Graph.Routes {
		for _, s := range r.Stages {
			for _, m := range s.Moves {
				if s.Type == "package" && !slices.Contains(out, m.From.Name) {
					out = append(out, m.From.Name)
				}
			}
		}
	}
	return out
}

// Archives are the archives of all routes, each once.
func (o *Observatory) Archives() []string {
	var out []string
	for _, r := range o.Graph.Routes {
		for _, l := range r.Archives {
			if !slices.Contains(out, l.Name) {
				out = append(out, l.Name)
			}
		}
	}
	return out
}

// Check lets the independent checker re-read everything and hold it against
// the originals, by source location. finished: what is not done yet is a violation.
func (o *Observatory) Check(ctx context.Context, truth map[string][]check.Original, finished bool) (check.Report, error) {
	c := check.Config{
		Store: o.Store, Roots: o.Roots, Types: map[string]opsdb.LocationType{}, Truth: truth, Archives: o.Archives(), Finished: finished,
		Progress: o.Checked,
	}
	for name, l := range o.Graph.Locations {
		c.Types[name] = l.Type
	}
	for _, s := range o.Graph.Sites {
		if s.SendOnce {
			c.SendOnce = append(c.SendOnce, s.Name)
		}
	}
	return check.Run(ctx, c)
}

// Close ends the process of the observatory; its folders stay.
func (o *Observatory) Close() error {
	if o.release != nil {
		o.release()
	}
	if o.Store == nil {
		return nil
	}
	return o.Store.Close()
}

// Remove removes a folder with all that is below it, also what is write-protected.
func Remove(root string) error {
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return nil
	})
	return errors.Join(err, os.RemoveAll(root))
}
