package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
	"github.com/ccatobs/cdt/sim"
)

// yardRoutes is a route whose times are short, so that the real clock can be waited for.
const yardRoutes = `
version: 1
sites:
  lab:
    send_once: true
    locations:
      camera: {type: source, disk: {path: ROOT/camera}, final: {by: stable, after: 1s}}
      buffer: {type: buffer, disk: {path: ROOT/lab-buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/lab-lta}}
  cellar:
    locations:
      buffer: {type: buffer, disk: {path: ROOT/cellar-buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/cellar-lta}}
links:
  - {from: lab, to: cellar, transport: local, bandwidth: 10Gbit/s, at_once: 4}
sets:
  buffers:  [lab.buffer, cellar.buffer]
  archives: [lab.lta, cellar.lta]
routes:
  camera:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer, max_size: 60MB, close_when: group.idle >= seconds(2) || group.bytes >= MB(50)}
      carry:   {type: transfer, from: lab.buffer, to: cellar.buffer}
      archive: {type: archive, from: buffers, to: archives}
      scrub:   {type: verify, at: archives, every: 90d}
    retention:
      require_archived: 2
      grace: 1s
      locations:
        lab.camera: {delete_when: age >= seconds(2)}
        buffers:    {delete_when: archived_all("archives")}
`

// yard is a folder with routes, sources, archives and a database for real servers.
type yard struct {
	t     *testing.T
	root  string
	graph *graph.Graph
	truth []check.Original

	objects map[string]check.Objects // locations that are buckets
}

func newYard(t *testing.T) *yard {
	t.Helper()
	return newYardOf(t, yardRoutes)
}

// newYardOf is newYard with routes of its own.
func newYardOf(t *testing.T, routes string) *yard {
	t.Helper()
	y := &yard{t: t, root: t.TempDir()}
	y.route(routes)
	files, list := route.Read(y.routes())
	g, more := node.Compile(files)
	if list.Failed() || more.Failed() {
		t.Fatalf("the routes of the test are wrong: %v %v", list.Err(), more.Err())
	}
	y.graph = g
	for _, l := range g.Locations {
		if l.Storage == opsdb.S3 {
			continue
		}
		if err := os.Mkdir(l.Path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return y
}

// route writes the routes, with the yard's folder for ROOT.
func (y *yard) route(text string) {
	y.t.Helper()
	if err := os.WriteFile(y.routes(), bytes.ReplaceAll([]byte(text), []byte("ROOT"), []byte(y.root)), 0o600); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) routes() string { return filepath.Join(y.root, "routes.yaml") }
func (y *yard) db() string     { return filepath.Join(y.root, "cdt.db") }
func (y *yard) camera() string { return filepath.Join(y.root, "camera") }

// fill makes files of an observation of about size bytes in the source.
func (y *yard) fill(observation string, size int64, r *rand.Rand) {
	y.t.Helper()
	for i := 0; size > 0; i++ {
		n := min(size, 1+r.Int64N(4_000_000))
		if i%5 == 4 {
			n = min(size, r.Int64N(20_000))
		}
		rel := filepath.Join(observation, fmt.Sprintf("m%d", i%3), fmt.Sprintf("%04d.fits", i))
		o, err := sim.MakeFile(filepath.Join(y.camera(), rel), n, time.Unix(1_790_000_000+int64(i), r.Int64N(1e9)), r)
		if err != nil {
			y.t.Fatal(err)
		}
		o.Path = rel
		y.truth = append(y.truth, o)
		size -= max(n, 1)
	}
}

// filesLeft counts what is still in the source, CDT's own files aside.
func (y *yard) filesLeft() int {
	y.t.Helper()
	n := 0
	for i := range y.truth {
		if _, err := os.Lstat(filepath.Join(y.camera(), y.truth[i].Path)); err == nil {
			n++
		}
	}
	return n
}

// progress says for the log how far the data have come.
func (y *yard) progress() string {
	y.t.Helper()
	count := func(dir string) (n int) {
		_ = filepath.WalkDir(filepath.Join(y.root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".tar" {
				n++
			}
			return nil
		})
		return n
	}
	return fmt.Sprintf("%d of %d files in the source, tars: %d and %d in buffers, %d and %d in archives",
		y.filesLeft(), len(y.truth), count("lab-buffer"), count("cellar-buffer"), count("lab-lta"), count("cellar-lta"))
}

// waitUntilFinished waits until nothing is left to be done but re-reading.
func (y *yard) waitUntilFinished(s *served) {
	y.t.Helper()
	limit := time.NewTimer(12*time.Minute + time.Duration(killBytes(y.t)/10_000_000)*time.Second)
	defer limit.Stop()
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if y.filesLeft() == 0 && y.atRest() {
				return
			}
		case <-limit.C:
			out, _ := dtctl(y.t, exitGood, "status", "--db", y.db())
			y.t.Fatalf("not finished in time: %s\n%s\n%s", y.progress(), out, s.log())
		case <-s.done:
			y.t.Fatalf("serve ended by itself: %v\n%s", s.err, s.log())
		}
	}
}

// atRest reports whether no copy is left outside the archives and no move is open but re-reading.
func (y *yard) atRest() bool {
	y.t.Helper()
	out, _ := dtctl(y.t, exitGood, "packages", "--db", y.db(), "-o", "json")
	var v struct{ Packages []packageJSON }
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		y.t.Fatal(err)
	}
	for _, p := range v.Packages {
		for _, m := range p.Moves {
			if m.Stage != "scrub" {
				return false
			}
		}
		for _, c := range p.Copies {
			if y.graph.Locations[c.Location].Type != opsdb.Archive && c.State != opsdb.Deleted {
				return false
			}
		}
	}
	return len(v.Packages) > 0
}

// check lets the independent checker re-read everything.
func (y *yard) check() check.Report {
	y.t.Helper()
	c := check.Config{Roots: map[string]string{}, Objects: y.objects, Types: map[string]opsdb.LocationType{}, Truth: map[string][]check.Original{"lab.camera": y.truth},
		Archives: []string{"lab.lta", "cellar.lta"}, SendOnce: []string{"lab"}, Require: 2, Grace: time.Second, Finished: true}
	for name, l := range y.graph.Locations {
		c.Types[name] = l.Type
		if l.Storage != opsdb.S3 {
			c.Roots[name] = l.Path
		}
	}
	var report check.Report
	y.reading(func(ctx context.Context, s opsdb.Store) (err error) {
		c.Store = s
		report, err = check.Run(ctx, c)
		return err
	})
	return report
}

// reading opens the database of the yard beside whoever serves it.
func (y *yard) reading(do func(context.Context, opsdb.Store) error) {
	y.t.Helper()
	s, err := sqlite.Open(y.t.Context(), y.db(), sqlite.Options{})
	if err != nil {
		y.t.Fatal(err)
	}
	if err := do(y.t.Context(), s); err != nil {
		y.t.Error(err)
	}
	if err := s.Close(); err != nil {
		y.t.Error(err)
	}
}

func (y *yard) tasks() (list []opsdb.Task) {
	y.reading(func(ctx context.Context, s opsdb.Store) (err error) {
		list, err = s.Tasks(ctx, opsdb.Query{Limit: 1_000_000})
		return err
	})
	return list
}

// triedAgain counts the tasks that were claimed more than once.
func (y *yard) triedAgain() (n int) {
	for _, t := range y.tasks() {
		if t.Token > 1 {
			n++
		}
	}
	return n
}

func (y *yard) packages() (n int) {
	y.reading(func(ctx context.Context, s opsdb.Store) error {
		t, err := s.Totals(ctx)
		for _, c := range t.Packages {
			n += c
		}
		return err
	})
	return n
}
