package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

// The states of a finding.
const (
	findingGood  = "good"
	findingNote  = "note"  // worth knowing
	findingWrong = "wrong" // needs a person
)

// finding is one thing the doctor looked at.
type finding struct {
	Check   string `json:"check"` // database, queue, routes, site, location, storage, transport, clock, state, telemetry
	Subject string `json:"subject"`
	State   string `json:"state"`
	Text    string `json:"text"`
	Do      string `json:"do,omitempty"` // what a person can do about it
}

// doctor is one examination.
type doctor struct {
	*app
	sites []string
	state string
	receivers

	store    opsdb.Store
	graph    *graph.Graph
	world    opsdb.World
	findings []finding
}

func (a *app) doctorCommand() *cobra.Command {
	d := doctor{app: a}
	c := &cobra.Command{
		Use: "doctor", Short: "Look whether everything that CDT needs is there, and say what to do", Args: cobra.NoArgs,
		Long: `Looks at the database and its schema, the queue, the routes in force, workers, locations (marker, room, rights), the programs of
transports at both ends of the links that are driven from here, clocks, and those that take metrics, spans and hints, where they are named. Nothing is changed. Locations and programs are those of this host: of all sites with an embedded
database, of the sites named by --site otherwise. Exit code 1 if anything is wrong.`,
		Example: "  dtctl doctor\n  dtctl doctor --db postgres://cdt@db.example.org/cdt --site cologne",
		RunE:    func(c *cobra.Command, _ []string) error { return d.run(c.Context()) },
	}
	c.Flags().StringSliceVar(&d.sites, "site", nil, "sites whose locations and programs are on this host")
	c.Flags().StringVar(&d.state, "state", stateFolder(), "folder for results that wait while the database is away")
	d.receivers.flags(c.Flags())
	return c
}

func (d *doctor) run(ctx context.Context) error {
	d.examine(ctx)
	wrong := 0
	for _, f := range d.findings {
		if f.State == findingWrong {
			wrong++
		}
	}
	v := map[string]any{"version": opsdb.FormatVersion, "good": wrong == 0, "findings": d.findings}
	if err := d.say(v, func() error { return d.text(wrong) }); err != nil {
		return err
	}
	if wrong > 0 {
		return errFound
	}
	return nil
}

func (d *doctor) add(check, subject, state, do, text string, args ...any) {
	d.findings = append(d.findings, finding{check, subject, state, fmt.Sprintf(text, args...), do})
}

// examine walks through everything; what stands on something missing is left out.
func (d *doctor) examine(ctx context.Context) {
	d.receiving(ctx)
	store := d.openDatabase(ctx)
	if store == nil {
		return
	}
	d.store = store
	defer func() { _ = store.Close() }()
	d.clocks(ctx)
	if isShared(d.db) {
		d.sharedParts(ctx)
	}
	if !d.inForce(ctx) {
		return
	}
	if isShared(d.db) {
		d.ofWorkers(ctx)
	}
	d.workers(ctx)
	d.locations(ctx)
	d.transports(ctx)
}

// openDatabase opens the database as any verb does; nil: it cannot be.
func (d *doctor) openDatabase(ctx context.Context) opsdb.Store {
	name := config.Address(d.db)
	if isShared(d.db) {
		s, err := openShared(ctx, d.db, asItIs)
		if err != nil {
			d.add("database", name, findingWrong, or(hintOf(err), "look at the address, the server and its log"), "%v", err)
			return nil
		}
		d.add("database", name, findingGood, "", "answers, and its schema is right")
		return s
	}
	if _, err := os.Stat(strings.TrimPrefix(d.db, "sqlite:")); errors.Is(err, fs.ErrNotExist) {
		d.add("database", name, findingWrong, "give --db or CDT_DB; `dtctl serve` makes a new one", "it does not exist")
		return nil
	}
	s, err := d.openStoreOf(ctx, clock.System{}, asItIs)
	if err != nil {
		d.add("database", name, findingWrong, or(hintOf(err), "look at the file, its owner and its rights"), "%v", err)
		return nil
	}
	d.add("database", name, findingGood, "", "can be opened, and its schema is right")
	d.add("queue", name, findingGood, "", "an embedded database has its queue in the process that serves it")
	return s
}

// The offsets of this host's clock worth a word, and too large for a person to read logs by.
const (
	clockNote  = 2 * time.Second
	clockWrong = time.Minute
)

func (d *doctor) clocks(ctx context.Context) {
	before := clock.System{}.Now()
	now, err := d.store.Now(ctx)
	after := clock.System{}.Now()
	if err != nil {
		d.add("clock", "database", findingWrong, "look at the database", "it does not tell its time: %v", err)
		return
	}
	offset := now.Sub(before.Add(after.Sub(before) / 2))
	text, way := "the database's clock and this host's agree", "ahead of"
	if offset < 0 {
		way = "behind"
	}
	if offset.Abs() >= time.Second {
		text = fmt.Sprintf("the database's clock is %s %s this host's", durationText(offset.Abs()), way)
	}
	switch {
	case offset.Abs() > clockWrong:
		d.add("clock", "host", findingWrong, "let NTP set the clocks of this host and of the database's; nothing is deleted too early by it, but logs and file times lie", "%s", text)
	case offset.Abs() > clockNote:
		d.add("clock", "host", findingNote, "let NTP set the clocks", "%s", text)
	default:
		d.add("clock", "host", findingGood, "", "%s", text)
	}
}

// inForce reads the world and the routes in force; false if there are none.
func (d *doctor) inForce(ctx context.Context) bool {
	w, err := d.store.World(ctx)
	if err != nil {
		d.add("database", config.Address(d.db), findingWrong, "the user needs the rights of a reader at least", "it cannot be read: %v", err)
		return false
	}
	d.world = w
	if w.Restored != nil {
		d.add("restored", "database", findingWrong, "`dtctl inventory` at every site", "it was put back to an earlier time (%s): nothing is deleted or packed", w.Restored.Why)
	}
	if w.TimeSuspect {
		d.add("clock", "database", findingWrong, "look at its clock, then `dtctl confirm-time`", "it has jumped: nothing is deleted")
	}
	g, revision, err := node.Active(ctx, d.store)
	switch {
	case errors.Is(err, opsdb.ErrNotFound):
		d.add("routes", "revision", findingWrong, "`dtctl serve --routes FOLDER` puts some into force", "no routes are in force yet")
		return false
	case err != nil:
		d.add("routes", "revision", findingWrong, "use the dtctl of the engine, and its environment if the routes name variables", "%v", err)
		return false
	}
	d.graph = g
	d.add("routes", "revision", findingGood, "", "revision %d is in force", revision)
	return true
}

// workers says which sites have nobody to do their work.
func (d *doctor) workers(ctx context.Context) {
	workers, err := d.store.Workers(ctx)
	if err != nil {
		d.add("database", config.Address(d.db), findingWrong, "", "the workers cannot be read: %v", err)
		return
	}
	start := "start `dtctl serve`"
	for _, s := range d.graph.Sites {
		if s.State != opsdb.SiteActive {
			continue
		}
		if isShared(d.db) {
			start = "start `dtctl work --site " + s.Name + "` there"
		}
		n := 0
		for _, w := range workers {
			if d.world.Now.Sub(w.SeenAt) < opsdb.WorkerTTL && slices.Contains(w.Sites, s.Name) {
				n++
			}
		}
		if n == 0 {
			d.add("site", s.Name, findingWrong, start, "no worker is alive: none has shown itself within %s", durationText(opsdb.WorkerTTL))
			continue
		}
		d.add("site", s.Name, findingGood, "", "%d worker(s)", n)
	}
}

func (d *doctor) text(wrong int) error {
	var rows [][]any
	for _, f := range d.findings {
		rows = append(rows, []any{f.State, f.Check, f.Subject, f.Text})
		if f.Do != "" {
			rows = append(rows, []any{"", "", "", "-> " + f.Do})
		}
	}
	d.table([]any{"", "CHECK", "SUBJECT", "FINDING"}, rows)
	if wrong == 0 {
		fmt.Fprintln(d.out, "\neverything is as it must be")
		return nil
	}
	fmt.Fprintf(d.out, "\n%d wrong\n", wrong)
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
