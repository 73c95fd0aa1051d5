package engine_test

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/routes"
	"github.com/ccatobs/cdt/stages/builtin"
)

// theRoutes compiles the routes of CCAT as they are shipped.
func theRoutes(t testing.TB) *graph.Graph {
	t.Helper()
	text, err := routes.Files.ReadFile("ccat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, list := route.Parse(map[string][]byte{"ccat.yaml": text}, route.Options{
		Env: func(string) (string, bool) { return "", false }, StageTypes: graph.StageTypes(builtin.Specs())})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	g, list := graph.Compile(set, builtin.Specs(), graph.Options{})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTheRoutes plays the shipped routes over a whole life: archived within
// the hour, sources gone after their fourteen days and the grace, buffers
// clean, archives read back on the cycle; what no route selects stays.
func TestTheRoutes(t *testing.T) {
	t.Parallel()
	p := newPlay(t, theRoutes(t))
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.observe("ccat.chai", "obs2", 2, 30*gb) // split at 50 GB
	_, _, err := p.store.FileFiles(p.ctx, []opsdb.File{{Location: "ccat.primecam", Path: "eng/1.dat", Size: 7, ModTime: epoch,
		Instrument: "primecam", Observation: "eng", Module: "m1", Program: "ENG"}})
	p.must(err)
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if n := len(p.packages()); n != 3 {
		t.Errorf("%d packages, want 3", n)
	}
	if p.crossings() != 3 {
		t.Errorf("crossings: %v", p.log)
	}
	p.run(13 * day)
	if n := p.deleted["ccat.primecam"] + p.deleted["ccat.chai"]; n != 0 {
		t.Errorf("%d sources were deleted before their time", n)
	}
	p.run(3 * day)
	for _, f := range p.packages() {
		if got := where(f); got != "cologne.lta cornell.lta" {
			w, err := p.store.World(p.ctx)
			p.must(err)
			t.Errorf("after 16 days it is at %s\n%s", got, engine.Why(p.g, w, f, p.clock.Now()).Text())
		}
	}
	before := p.count("scrub ")
	p.run(90 * day)
	if n := p.count("scrub ") - before; n != 6 {
		t.Errorf("%d of 6 archive copies were read back on the cycle", n)
	}
	files, err := p.store.Files(p.ctx, opsdb.Query{State: "present"})
	p.must(err)
	if len(files) != 1 || files[0].Program != "ENG" {
		t.Errorf("files left: %+v", files)
	}
}
