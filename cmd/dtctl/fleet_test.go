//go:build servers

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/testserver"
)

// fleetRoutes are three sites as they are, with short times.
const fleetRoutes = `
version: 1
sites:
  ccat:
    send_once: true
    locations:
      primecam: {type: source, disk: {path: ROOT/ccat/primecam}, final: {by: stable, after: 1s}}
      buffer:   {type: buffer, disk: {path: ROOT/ccat/buffer}}
  cologne:
    locations:
      buffer: {type: buffer, disk: {path: ROOT/cologne/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/cologne/lta}}
  cornell:
    locations:
      buffer: {type: buffer, disk: {path: ROOT/cornell/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/cornell/lta}}
links:
  - {from: ccat, to: cologne, transport: local, bandwidth: 1Gbit/s, at_once: 4}
  - {from: ccat, to: cornell, transport: local, bandwidth: 500Mbit/s, at_once: 4}
  - {from: cologne, to: cornell, transport: local, bandwidth: 10Gbit/s, at_once: 4}
  - {from: cornell, to: cologne, transport: local, bandwidth: 10Gbit/s, at_once: 4}
sets:
  landing:  [cologne.buffer, cornell.buffer]
  archives: [cologne.lta, cornell.lta]
routes:
  raw:
    stages:
      pack:      {type: package, from: ccat.primecam, to: ccat.buffer, max_size: 2GB, close_when: group.idle >= seconds(2) || group.bytes >= MAX}
      ship:      {type: transfer, from: ccat.buffer, to: landing, choose: round_robin}
      replicate: {type: transfer, from: landing, to: landing}
      archive:   {type: archive, from: landing, to: archives}
      scrub:     {type: verify, at: archives, every: 90d}
    retention:
      require_archived: 2
      grace: 1s
      locations:
        ccat.primecam: {delete_when: age >= seconds(2)}
        ccat.buffer:   {delete_when: archived >= 2}
        landing:       {delete_when: archived_all("archives")}
`

// fleet is processes of several sites over one PostgreSQL.
type fleet struct {
	t     *testing.T
	root  string
	url   string
	redis string            // "": none
	users map[string]string // user to log in as, by verb; none: the owner
	graph *graph.Graph
	truth []check.Original
	store *postgres.Store // for looking

	program string // that is started; "": this one
}

// newFleet makes folders and routes for a fleet on a database; packages close at about closeAt bytes.
func newFleet(t *testing.T, dsn, closeAt string) *fleet {
	t.Helper()
	return newFleetOf(t, dsn, t.TempDir(), strings.ReplaceAll(fleetRoutes, "MAX", closeAt))
}

// newFleetOf makes folders and routes for a fleet below root, which stands as ROOT in the routes.
func newFleetOf(t *testing.T, dsn, root, routes string) *fleet {
	t.Helper()
	f := &fleet{t: t, root: root, url: urlOf(dsn)}
	text := strings.ReplaceAll(routes, "ROOT", f.root)
	if err := os.WriteFile(f.routes(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	files, list := route.Read(f.routes())
	g, more := node.Compile(files)
	if err := errors.Join(list.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	f.graph = g
	for _, l := range g.Locations {
		if err := os.MkdirAll(l.Path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// urlOf makes an address of a connection string of keywords.
func urlOf(dsn string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(dsn, "host="), " ")
	return "postgres://cdt@/postgres?sslmode=disable&host=" + host
}

func (f *fleet) routes() string { return filepath.Join(f.root, "routes.yaml") }

// look opens the database beside the processes that serve it.
func (f *fleet) look() *postgres.Store {
	f.t.Helper()
	if f.store == nil {
		s, err := postgres.Open(f.t.Context(), f.url, postgres.Options{Name: "test"})
		if err != nil {
			f.t.Fatal(err)
		}
		f.t.Cleanup(func() { _ = s.Close() })
		f.store = s
	}
	return f.store
}

// start starts a process of the fleet; it dies with the test.
func (f *fleet) start(args ...string) *served {
	f.t.Helper()
	out, err := os.CreateTemp(f.root, "log-")
	if err != nil {
		f.t.Fatal(err)
	}
	url := f.url
	if user := f.users[args[0]]; user != "" {
		url = strings.Replace(url, "cdt@", user+"@", 1)
	}
	args = append(args, "--db", url, "--state", filepath.Join(f.root, "state"), "--grace", "5s")
	if f.redis != "" {
		args = append(args, "--redis", f.redis)
	}
	s := &served{t: f.t, file: out.Name(), done: make(chan struct{}), cmd: exec.Command(cmp.Or(f.program, "dtctl"), args...)} //nolint:noctx // ended by signals, which is what is tested
	s.cmd.Stderr, s.cmd.Stdout = out, out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		_ = out.Close()
		close(s.done)
	}()
	f.t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.done })
	return s
}

func (f *fleet) engine(args ...string) *served {
	return f.start(append([]string{"serve", "--role", "engine", "--routes", f.routes(), "--sweep", "2s", "--claim-by", "10s"}, args...)...)
}

func (f *fleet) worker(site string, args ...string) *served {
	return f.start(append([]string{"work", "--site", site, "--scan", "1s"}, args...)...)
}

// initialise marks all locations, once an engine has made the database.
func (f *fleet) initialise() {
	f.t.Helper()
	args := append([]string{"init-location", "--adopt", "--db", f.url, "--routes", f.routes()}, sorted(f.graph.Locations)...)
	dtctl(f.t, exitGood, args...)
}

// fill makes files of an observation, of sizes from 1 kB to largest, evenly in their logarithm.
func (f *fleet) fill(observation string, total, largest int64, r *rand.Rand) {
	f.t.Helper()
	for i := 0; total > 0; i++ {
		size := min(total, int64(1000*math.Pow(float64(largest)/1000, r.Float64())))
		rel := filepath.Join(observation, fmt.Sprintf("m%d", i%3), fmt.Sprintf("%05d.fits", i))
		o, err := sim.MakeFile(filepath.Join(f.root, "ccat", "primecam", rel), size, time.Unix(1_790_000_000+int64(i), r.Int64N(1e9)), r)
		if err != nil {
			f.t.Fatal(err)
		}
		o.Path = rel
		f.truth = append(f.truth, o)
		total -= size
	}
}

// looker is a store that is only looked at.
type looker = *postgres.Store

// until waits until done says so.
// A busy machine may take thrice as long.
func (f *fleet) until(what string, longest time.Duration, done func(context.Context, looker) (bool, error)) {
	f.t.Helper()
	limit := time.NewTimer(3 * longest)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := done(f.t.Context(), f.look())
		if ok && err == nil {
			return
		}
		last = err
		select {
		case <-tick.C:
		case <-limit.C:
			f.t.Fatalf("not within %s: %s (%v)\n%s", longest, what, last, f.state())
		}
	}
}

// state says how things stand, for a test that fails.
func (f *fleet) state() string {
	var out, errs strings.Builder
	for _, verb := range []string{"status", "tasks"} {
		run(context.WithoutCancel(f.t.Context()), []string{verb, "--db", f.url}, strings.NewReader(""), &out, &errs)
	}
	logs, _ := filepath.Glob(filepath.Join(f.root, "log-*"))
	for _, l := range logs {
		text, _ := os.ReadFile(l) //nolint:gosec // of this test
		fmt.Fprintf(&out, "--- %s\n%s", filepath.Base(l), tail(string(text)))
	}
	return out.String() + errs.String()
}

// tail is the end of a long text.
func tail(text string) string {
	const most = 3000
	return text[max(0, len(text)-most):]
}

// finished reports whether nothing is left to be done but re-reading.
func (f *fleet) finished(ctx context.Context, s looker) (bool, error) {
	facts, err := s.Packages(ctx, opsdb.Query{Limit: math.MaxInt32})
	return err == nil && f.cleaned(facts), err
}

// cleaned reports whether the packages are in the archives and nowhere else, and the files nowhere.
func (f *fleet) cleaned(facts []opsdb.Facts) bool {
	for _, o := range f.truth {
		if _, err := os.Lstat(filepath.Join(f.root, "ccat", "primecam", o.Path)); err == nil {
			return false
		}
	}
	for _, p := range facts {
		for _, m := range p.Moves {
			if m.Stage != "scrub" {
				return false
			}
		}
		for _, c := range p.Copies {
			if f.graph.Locations[c.Location].Type != opsdb.Archive && c.State != opsdb.Deleted {
				return false
			}
		}
	}
	return len(facts) > 0
}

// check lets the independent checker re-read everything; there must be nothing wrong.
func (f *fleet) check() {
	f.t.Helper()
	c := check.Config{Store: f.look(), Roots: map[string]string{}, Types: map[string]opsdb.LocationType{}, Truth: map[string][]check.Original{"ccat.primecam": f.truth},
		Archives: []string{"cologne.lta", "cornell.lta"}, SendOnce: []string{"ccat"}, Require: 2, Grace: time.Second, Finished: true}
	for name, l := range f.graph.Locations {
		c.Roots[name], c.Types[name] = l.Path, l.Type
	}
	report, err := check.Run(f.t.Context(), c)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, v := range report.Violations {
		f.t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
		f.tell(v.Subject)
	}
	for _, a := range c.Archives {
		if report.Archived[a] != len(f.truth) {
			f.t.Errorf("%d of %d files are in %s", report.Archived[a], len(f.truth), a)
		}
	}
	if report.SourcesDeleted != len(f.truth) {
		f.t.Errorf("%d of %d source files were deleted", report.SourcesDeleted, len(f.truth))
	}
	for _, l := range report.Links {
		f.t.Logf("over %s: %d packages of %.1f MB, %.1f MB crossed, %.1f of them for faults", l.Link, l.Packages, float64(l.Unique)/1e6, float64(l.Sent)/1e6, float64(l.Faults)/1e6)
	}
	f.fewJobs()
}

// tell prints the events of the package that a violation is about.
func (f *fleet) tell(subject string) {
	f.t.Helper()
	var of opsdb.ID
	var all []opsdb.Event
	for e, err := range f.look().Events(f.t.Context(), 0) {
		if err != nil {
			f.t.Error(err)
			return
		}
		if all = append(all, e); e.Subject == subject && e.Package != "" {
			of = e.Package
		}
	}
	for _, e := range all {
		if e.Subject == subject || of != "" && e.Package == of {
			f.t.Logf("%s %s %s %s at %s by %s, before %q, after %q: %s", e.At.UTC().Format("15:04:05.000"), e.Kind, e.Subject, e.Package, e.Location, e.Actor, e.Before, e.After, e.Why)
		}
	}
}

// connect opens a connection to PostgreSQL that ends with the test.
func (f *fleet) connect() *pgx.Conn {
	f.t.Helper()
	conn, err := pgx.Connect(f.t.Context(), f.url)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(f.t.Context())) })
	return conn
}

// fewJobs fails if the queue still holds what is over: of a job that was done nothing is left, and those that died with
// their processes do not stay.
func (f *fleet) fewJobs() {
	f.t.Helper()
	conn := f.connect()
	jobs := f.jobs(conn)
	totals, err := f.look().Totals(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Logf("jobs left in the queue: %v, of %v tasks", jobs, totals.Tasks)
	if jobs["completed"] > 0 {
		f.t.Errorf("jobs that were done are left in the queue: %v", jobs)
	}
	f.swept(conn)
}

// jobs is how many jobs there are, by their state.
func (f *fleet) jobs(conn *pgx.Conn) map[string]int {
	f.t.Helper()
	rows, err := conn.Query(f.t.Context(), `SELECT state::text, count(*) FROM river.river_job GROUP BY state`)
	if err != nil {
		f.t.Fatal(err)
	}
	jobs := map[string]int{}
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			f.t.Fatal(err)
		}
		jobs[state] = n
	}
	if err := rows.Err(); err != nil {
		f.t.Fatal(err)
	}
	return jobs
}

// swept fails unless an engine ends what is in hand though its task is over, which it looks for every half minute, and all but a few
// jobs of killed processes are removed soon after that.
func (f *fleet) swept(conn *pgx.Conn) {
	f.t.Helper()
	const few = 100
	var sweeper *served
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(4 * time.Minute); ; {
		var held int
		if err := conn.QueryRow(f.t.Context(), `SELECT count(*) FROM river.river_job j WHERE state = 'running'
		    AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = j.args->>'task' AND t.open)`).Scan(&held); err != nil {
			f.t.Fatal(err)
		}
		jobs, total := f.jobs(conn), 0
		for _, n := range jobs {
			total += n
		}
		if held == 0 && total <= few {
			break
		}
		if sweeper == nil {
			sweeper = f.engine()
		}
		select {
		case <-tick.C:
			continue
		case <-late:
			f.t.Errorf("%d jobs are in hand of tasks that are over; in the queue are %v", held, jobs)
		}
		break
	}
	if sweeper != nil {
		sweeper.stop()
	}
}

// sizeFrom is a number from the environment, for the long form of a test.
func sizeFrom(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// Three workers and two engines, each a process of its own, on one PostgreSQL.
func TestThreeSitesOverPostgres(t *testing.T) {
	t.Parallel()
	total := sizeFrom(t, "CDT_FLEET_BYTES", 100_000_000)
	largest := sizeFrom(t, "CDT_FLEET_LARGEST", 16_000_000)
	f := newFleet(t, testserver.Postgres(t), "MB(64)")
	workers := map[string]*served{"cologne": f.worker("cologne")} // before there are routes: it waits
	workers["cologne"].waitFor("no routes are in force yet")
	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	f.initialise()
	second := f.start("serve", "--role", "engine") // by the routes in force
	second.waitFor(`"revision":1`)
	for _, site := range []string{"ccat", "cornell"} {
		workers[site] = f.worker(site, "--at-once", "package=2,transfer=4")
	}
	for _, w := range workers {
		w.waitFor(`"msg":"working"`)
	}
	f.fill("obs1", total, largest, rand.New(rand.NewPCG(3, 0))) //nolint:gosec // repeatable on purpose
	f.until("everything is archived and cleaned up", 3*time.Minute+time.Duration(total/5_000_000)*time.Second, f.finished)
	workers["cornell"].stop()
	engine.stop()
	workers["ccat"].stop()
	workers["cologne"].stop()
	second.stop()
	f.check()
	dtctl(t, exitGood, "audit", "verify", "--db", f.url)
	if left, err := f.look().Workers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("workers that have signed off are still there: %v, %v", left, err)
	}
}
