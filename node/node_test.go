package node_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

const twoSites = `
version: 1
sites:
  lab:
    locations:
      camera: {type: source, disk: {path: ROOT/camera}}
      buffer: {type: buffer, disk: {path: ROOT/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/lta}}
  cellar:
    locations:
      buffer: {type: buffer, disk: {path: ROOT/cellar-buffer}}
MORE
links:
  - {from: lab, to: cellar, transport: local}
routes:
  a:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer}
      archive: {type: archive, from: lab.buffer, to: lab.lta}
`

// routes compiles the routes of the test; the second revision has a source more.
func routes(t *testing.T, root string, second bool) (*graph.Graph, opsdb.Revision) {
	t.Helper()
	more := ""
	if second {
		more = "      guider: {type: source, disk: {path: ROOT/guider}}"
	}
	text := strings.NewReplacer("MORE", more).Replace(twoSites)
	text = strings.ReplaceAll(text, "ROOT", root)
	files := map[string][]byte{"routes.yaml": []byte(text)}
	g, list := node.Compile(files)
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return g, node.Revision(g, files, "ada", "")
}

func open(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cdt.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestRolesAndSites(t *testing.T) {
	t.Parallel()
	g, _ := routes(t, t.TempDir(), false)
	engine, err := node.New(node.Config{Store: open(t), Graph: g, Roles: node.RoleEngine})
	if err != nil || engine.Worker != nil || engine.Watch != nil || engine.Engine == nil {
		t.Fatalf("an engine has %+v, %v", engine, err)
	}
	lab, err := node.New(node.Config{Store: open(t), Graph: g, Roles: node.RoleWorker, Sites: []string{"lab"}})
	if err != nil || lab.Engine != nil || len(lab.Watchers) != 1 {
		t.Fatalf("a worker has %+v, %v", lab, err)
	}
	cellar, err := node.New(node.Config{Store: open(t), Graph: g, Roles: node.RoleWorker, Sites: []string{"cellar"}})
	if err != nil || len(cellar.Watchers) != 0 {
		t.Fatalf("a worker watches sources of another site: %+v, %v", cellar.Watchers, err)
	}
	_, err = node.New(node.Config{Store: open(t), Graph: g, Roles: node.RoleWorker, Sites: []string{"celar"}})
	var unknown *node.SiteError
	if !errors.As(err, &unknown) || unknown.Nearest() != "cellar" || !strings.Contains(err.Error(), "they have lab, cellar") {
		t.Fatalf("an unknown site: %v", err)
	}
}

func TestAWorkerFollowsNewerRoutes(t *testing.T) {
	t.Parallel()
	root, store := t.TempDir(), open(t)
	g, first := routes(t, root, false)
	engine, err := node.New(node.Config{Store: store, Graph: g, Roles: node.RoleEngine, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	g, number, err := node.Active(t.Context(), store)
	if err != nil || number != 1 {
		t.Fatalf("in force: %d, %v", number, err)
	}
	worker, err := node.New(node.Config{Store: store, Graph: g, Revision: number, Roles: node.RoleWorker, Sites: []string{"cellar"}, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.CatchUp(t.Context()); err != nil || worker.Revision() != 1 || len(worker.Watchers) != 0 {
		t.Fatalf("nothing is newer: %d, %v", worker.Revision(), err)
	}
	newer, second := routes(t, root, true)
	if _, err := engine.Engine.Activate(t.Context(), newer, second); err != nil {
		t.Fatal(err)
	}
	if err := worker.CatchUp(t.Context()); err != nil || worker.Revision() != 2 {
		t.Fatalf("follows to %d, %v", worker.Revision(), err)
	}
	if len(worker.Watchers) != 1 || worker.Places.Graph().Locations["cellar.guider"] == nil {
		t.Fatalf("the new source is not watched: %v", worker.Watchers)
	}
	other, err := node.New(node.Config{Store: store, Graph: g, Revision: 1, Roles: node.RoleEngine, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, n := other.Engine.Graph(); n != 2 {
		t.Fatalf("another engine goes by revision %d", n)
	}
}

func TestRoutesThatCannotBeFollowedAreToldOnce(t *testing.T) {
	t.Parallel()
	store := open(t)
	g, first := routes(t, t.TempDir(), false)
	worker, err := node.New(node.Config{Store: store, Graph: g, Roles: node.RoleWorker, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.CatchUp(t.Context()); err != nil {
		t.Fatalf("no routes are in force: %v", err)
	}
	first.Text, first.Digest = `{"routes.yaml": "of: a later version"}`, "other"
	if _, err := store.Activate(t.Context(), first, opsdb.Mirror{}); err != nil {
		t.Fatal(err)
	}
	if err := worker.CatchUp(t.Context()); err == nil || !strings.Contains(err.Error(), "follow revision 1 of the routes, staying at 0") {
		t.Fatalf("got %v", err)
	}
	if err := worker.CatchUp(t.Context()); err != nil {
		t.Fatalf("told twice: %v", err)
	}
}

func TestStoreClock(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cdt.db"), sqlite.Options{Clock: clock.NewVirtual(time.Date(2030, 6, 1, 0, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	c, err := node.NewStoreClock(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	if now := c.Now(); now.Year() != 2030 || now.Location() != time.UTC {
		t.Fatalf("it is %s", now)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAWorkerBesideAnEngineOfAnotherProtocol(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row  opsdb.Worker
		want string
	}{
		"the same":         {opsdb.Worker{ID: "e", Protocol: opsdb.Protocol}, ""},
		"older":            {opsdb.Worker{ID: "e", Version: "9", Protocol: opsdb.Protocol + 1}, "this worker (protocol 1) is older than the engine e (program 9, protocol 2)"},
		"newer":            {opsdb.Worker{ID: "e", Protocol: -1}, "is newer than the engine"},
		"not an engine":    {opsdb.Worker{ID: "w", Sites: []string{"lab"}, Protocol: 7}, ""},
		"does not say":     {opsdb.Worker{ID: "e"}, ""},
		"long dead engine": {opsdb.Worker{ID: "e", Protocol: 7}, ""},
	} {
		now := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "cdt.db"), sqlite.Options{Clock: now})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Present(t.Context(), c.row); err != nil {
			t.Fatal(err)
		}
		if name == "long dead engine" {
			now.Advance(opsdb.WorkerTTL)
		}
		err = node.SameProtocol(t.Context(), store)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, opsdb.ErrProtocol) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}
