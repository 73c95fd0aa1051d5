package graph_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/builtin"
)

// small is a route with as few words as can be.
const small = `sites:
  obs:
    locations:
      disk:   {type: source, disk: {path: /data}}
      buffer: {type: buffer, disk: {path: /buffer}, capacity: 300GB}
  home:
    locations:
      buffer: {type: buffer, disk: {path: /buffer}}
      lta:    {type: long_term_archive, disk: {path: /lta}}
links:
  - {from: obs, to: home, transport: local}
routes:
  raw:
    stages:
      pack:    {type: package, from: obs.disk, to: obs.buffer, max_size: 100GB}
      ship:    {type: transfer, from: obs.buffer, to: home.buffer}
      archive: {type: archive, from: home.buffer, to: home.lta}
      scrub:   {type: verify, at: home.lta, every: 60d}
`

func good(t *testing.T, text string) *graph.Graph {
	t.Helper()
	g, list := compile(map[string][]byte{"r.yaml": []byte(text)})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	g := good(t, small)
	r := g.Routes[0]
	pack := r.Stages[0]
	if got := pack.CloseWhen.String(); got != "group.finished || group.bytes >= GB(100) || group.idle >= minutes(10)" {
		t.Error(got)
	}
	if !slices.Equal(pack.GroupBy, []string{"instrument", "observation", "module"}) || pack.Select != nil || pack.When != nil || pack.Attempts != 8 {
		t.Errorf("%+v", pack)
	}
	if p := r.Retention; p.Require != 1 || p.Fresh != 90*24*time.Hour || p.Grace != 24*time.Hour || p.Brake.Bytes != 20e12 || p.Brake.Packages != 2000 {
		t.Errorf("%+v", p)
	}
	if l := g.Links["obs>home"]; l.AtOnce != 1 || l.Cost != 1 || l.Share != 10 || l.Driver != "obs" {
		t.Errorf("%+v", l)
	}
	if l := g.Locations["home.buffer"]; l.Reserve != 200e9 || l.Ahead != 400e9 || l.Backfill != 30 {
		t.Errorf("%+v", l)
	}
	if l := g.Locations["obs.buffer"]; l.Reserve != 0 {
		t.Errorf("nobody comes there who has left a source: %+v", l)
	}
	if l := good(t, strings.Replace(small, "    locations:\n      buffer: {type: buffer, disk: {path: /buffer}}", "    locations:\n      buffer: {type: buffer, disk: {path: /buffer}, capacity: 300GB}", 1)).Locations["home.buffer"]; l.Reserve != 150e9 {
		t.Errorf("a small buffer keeps half: %+v", l)
	}
	if l := g.Locations["obs.disk"]; l.Layout != "{observation}/**" || l.Final.By != "stable" || l.Final.After != time.Minute {
		t.Errorf("%+v", l)
	}
	if s := g.Sites[0]; s.State != opsdb.SiteActive {
		t.Errorf("%+v", s)
	}
	if len(g.Digest) != 64 {
		t.Error(g.Digest)
	}
}

func TestStageTypeStageWaitsForARequest(t *testing.T) {
	t.Parallel()
	g := ccat(t, "        when: requested\n", "")
	for _, s := range g.Routes[0].Stages {
		if s.Type == "stage" && (s.When == nil || s.When.String() != "requested" || !s.Wants || s.Wanted) {
			t.Errorf("%+v", s)
		}
	}
}

func moves(g *graph.Graph, stage string) string {
	var out []string
	for _, s := range g.Routes[0].Stages {
		for _, m := range s.Moves {
			if s.Name == stage {
				out = append(out, m.From.Name+">"+m.To.Name)
			}
		}
	}
	return strings.Join(out, " ")
}

func TestMovesGoFromOuterToInner(t *testing.T) {
	t.Parallel()
	g := ccat(t)
	for stage, want := range map[string]string{
		"ship":      "ccat.buffer>cologne.buffer ccat.buffer>cornell.buffer",
		"replicate": "cologne.buffer>cornell.buffer cornell.buffer>cologne.buffer",
		"archive":   "cologne.buffer>cologne.lta cornell.buffer>cornell.lta",
		"recall":    "cologne.lta>cologne.buffer cornell.lta>cologne.buffer cornell.lta>cornell.buffer", // S3 only within its site
		"scrub":     "cologne.lta>cologne.lta cornell.lta>cornell.lta",
	} {
		if got := moves(g, stage); got != want {
			t.Errorf("%s: %s", stage, got)
		}
	}
	if r := g.Routes[0]; len(r.Archives) != 2 || r.Archives[0].Name != "cologne.lta" || r.Retention.Require != 2 {
		t.Errorf("%+v", r)
	}
}

// One entry in sites, its links, its names in sets: nothing else.
func TestAThirdArchiveNeedsNoStage(t *testing.T) {
	t.Parallel()
	g := third(t)
	if got := moves(g, "archive"); got != "cologne.buffer>cologne.lta cornell.buffer>cornell.lta third.buffer>third.lta" {
		t.Error(got)
	}
	if weaker := graph.Weaker(ccat(t), g); len(weaker) > 0 {
		t.Errorf("an archive more makes nothing weaker: %q", weaker)
	}
}

// third is the CCAT routes with a third archive site; state is a line of its own.
func third(t *testing.T, state ...string) *graph.Graph {
	t.Helper()
	return ccat(t, "\nlinks:\n", `
  third:
`+strings.Join(state, "")+`    locations:
      buffer: {type: buffer, disk: {path: /data/buffer}}
      lta:    {type: long_term_archive, disk: {path: /archive/ccat}}
links:
  - {from: cologne, to: third, transport: bbcp}
`, "cornell.buffer]", "cornell.buffer, third.buffer]", "cornell.lta]", "cornell.lta, third.lta]")
}

// Where a route does not say how many archives a deletion requires, it is all of its archive sites (S1, S13).
func TestRequireIsAllArchiveSites(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		g    *graph.Graph
		want int
	}{
		"one":                   {good(t, small), 1},
		"two":                   {ccat(t, "require_archived: 2 ", "# "), 2},
		"two at one site":       {ccat(t, "require_archived: 2 ", "# ", "/scratch/ccat}}\n", "/scratch/ccat}}\n      lta2:    {type: long_term_archive, disk: {path: /lta2}}\n", "cornell.lta]", "cornell.lta, cologne.lta2]"), 2},
		"two and a planned one": {third(t, "    state: planned\n"), 2},
	} {
		if got := c.g.Routes[0].Retention.Require; got != c.want {
			t.Errorf("%s: a deletion requires %d archives, want %d", name, got, c.want)
		}
	}
}

// A rule that says nothing but `pressure` never lets anything go by itself, whatever is archived and however old it is.
func TestPressureAloneDeletesNothing(t *testing.T) {
	t.Parallel()
	g := good(t, small+"    retention: {locations: {home.buffer: {pressure: {above: 80%, until: 60%}}}}\n")
	rule := g.Routes[0].Retention.Rules[0]
	everything := expr.Env{Archived: 9, Copies: 9, Age: 1e6 * time.Hour, Released: true,
		At: func(string) bool { return true }, ArchivedAll: func(string) bool { return true }}
	if yes, err := rule.When.Bool(everything); yes || err != nil || rule.Above != 80 || rule.Until != 60 {
		t.Errorf("the rule %+v holds: %v, %v", rule, yes, err)
	}
}

func TestPlannedAndLostSites(t *testing.T) {
	t.Parallel()
	g := ccat(t, "    name: Cornell University\n", "    state: planned\n", "require_archived: 2 ", "# ", "archived >= 2", "archived >= 1")
	if r := g.Routes[0]; r.Retention.Require != 1 || g.Sites[2].State != opsdb.SitePlanned {
		t.Errorf("a planned archive must not be counted: %+v", r.Retention)
	}
	text := strings.NewReplacer("    name: Cornell University\n", "    state: lost\n").Replace(string(read(t, "../../routes/ccat.yaml")))
	_, list := compile(map[string][]byte{"ccat.yaml": []byte(text)})
	if !has(list, diag.RequireArchived) {
		t.Errorf("two archives are required and one site is lost: %v", list.Problems())
	}
}

func has(list *diag.List, code string) bool {
	return slices.ContainsFunc(list.Problems(), func(p diag.Problem) bool { return p.Code == code })
}

func TestWhatThisVersionDoesNotCarryOut(t *testing.T) {
	t.Parallel()
	set, list := parse(map[string][]byte{"ccat.yaml": read(t, "../../routes/ccat.yaml")})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	g, list := graph.Compile(set, builtin.Specs(), graph.Options{Transports: []string{"local"}, Storages: []string{"disk"}})
	if g == nil {
		t.Fatal(list.Err())
	}
	notes := 0
	for _, p := range list.Problems() {
		if p.Severity == diag.Note && p.Code == diag.NoDriver {
			notes++
		}
	}
	if notes != 5 {
		t.Errorf("four links and one location have no driver: %v", list.Problems())
	}
	want := map[string]string{"pack": "", "ship": "bbcp", "archive": "s3"}
	for _, s := range g.Routes[0].Stages {
		if w, ok := want[s.Name]; ok && s.Moves[0].NoDriver != w {
			t.Errorf("%s: %q", s.Name, s.Moves[0].NoDriver)
		}
	}
}

func TestNeedsAndOrder(t *testing.T) {
	t.Parallel()
	g := good(t, strings.Replace(small, "to: home.buffer}", "to: home.buffer, needs: [scrub]}", 1))
	var order []string
	for _, s := range g.Routes[0].Stages {
		order = append(order, s.Name)
	}
	if got := strings.Join(order, " "); got != "pack scrub ship archive" {
		t.Error(got)
	}
	ship := g.Routes[0].Stages[2]
	if len(ship.Needs) != 1 || ship.Needs[0].Name != "scrub" || len(ship.Follows) != 1 || ship.Follows[0].Name != "pack" {
		t.Errorf("%+v", ship)
	}
}

func TestLaterLanguageCompiles(t *testing.T) {
	t.Parallel()
	g := good(t, strings.NewReplacer(
		"transfer, from: obs.buffer", "transfer, choose: least_backlog, batch: {max_size: 200GB, max_packages: 10, max_wait: 5m}, from: obs.buffer",
		"transport: local", `transport: rsync, limits: [{window: "* 12-18 * * *", rate: 100Mbit/s}]`,
	).Replace(small))
	if s := g.Routes[0].Stages[1]; s.Batch != (graph.Batch{MaxSize: 200e9, MaxPackages: 10, MaxWait: 5 * time.Minute}) || s.Choose != "least_backlog" {
		t.Errorf("%+v", s)
	}
	if l := g.Links["obs>home"]; len(l.Limits) != 1 || l.Limits[0].Rate != 100e6 || l.Limits[0].Window.String() != "* 12-18 * * *" {
		t.Errorf("%+v", l)
	}
}

func TestSetsMayNameSets(t *testing.T) {
	t.Parallel()
	g := ccat(t, "  archives: [cologne.lta, cornell.lta]", "  archives: [first, cornell.lta]\n  first: [cologne.lta]")
	if got := g.Sets["archives"]; len(got) != 2 || got[0].Name != "cologne.lta" {
		t.Errorf("%+v", got)
	}
}
