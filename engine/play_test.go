package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// play runs the engine on a real store with facts only: its workers move no
// bytes, they say they did. Time stands still until it is moved.
type play struct {
	t      testing.TB
	ctx    context.Context
	g      *graph.Graph
	clock  *clock.Virtual
	store  *sqlite.Store
	path   string // of the store
	engine *engine.Engine
	queue  []opsdb.ID // tasks offered, in order
	asleep map[string]bool
	// log has a line for every piece that was done: "ship ccat.buffer>cologne.buffer".
	log []string
	// broken says how a task fails now; nil: well.
	broken func(opsdb.Task) *opsdb.Failure
	retry  time.Duration // after a failure
	lease  time.Duration
	// corrupt are copies that will be found bad when read.
	corrupt map[opsdb.ID]bool
	// holding keeps tasks that workers have claimed and do not end.
	holding   func(opsdb.Task) bool
	held      map[opsdb.ID]*opsdb.Assignment
	deleted   map[string]int // deletions of copies by location
	revisions int
}

func newPlay(t testing.TB, g *graph.Graph) *play {
	p := &play{t: t, retry: time.Minute, lease: time.Minute, ctx: t.Context(), g: g, clock: clock.NewVirtual(epoch), asleep: map[string]bool{}, corrupt: map[opsdb.ID]bool{},
		held: map[opsdb.ID]*opsdb.Assignment{}, deleted: map[string]int{}}
	p.path = filepath.Join(memory(t), "cdt.db")
	empty, err := emptyStore()
	p.must(err)
	p.must(os.WriteFile(p.path, empty, 0o644))
	store, err := sqlite.Open(p.ctx, p.path, sqlite.Options{Clock: p.clock})
	p.must(err)
	p.store = store
	t.Cleanup(func() { _ = store.Close() })
	p.engine = engine.New(engine.Config{Store: store, Clock: p.clock, Enqueue: p.enqueue})
	p.activate(g)
	return p
}

// emptyStore is the file of a store in which nothing is, for copies: to make its tables takes long under the race detector.
var emptyStore = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "cdt-play-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "cdt.db")
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{Clock: clock.NewVirtual(epoch), Epoch: "e1"})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// memory is a folder in memory where there is one: nothing here is about syncing.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "cdt-play-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (p *play) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *play) activate(g *graph.Graph) {
	p.t.Helper()
	p.g = g
	p.revisions++
	g.Digest = opsdb.Digest(fmt.Sprintf("routes-%d", p.revisions))
	_, err := p.engine.Activate(p.ctx, g, opsdb.Revision{Who: "test", Why: "test", Text: "{}"})
	p.must(err)
}

func (p *play) enqueue(_ context.Context, tasks []opsdb.Task) error {
	for _, t := range tasks {
		if !slices.Contains(p.queue, t.ID) {
			p.queue = append(p.queue, t.ID)
		}
	}
	return nil
}

// observe files n files of one observation and finishes it: one package.
func (p *play) observe(location, observation string, n int, size int64) {
	p.t.Helper()
	var files []opsdb.File
	for i := range n {
		files = append(files, opsdb.File{Location: location, Path: fmt.Sprintf("%s/m1/%04d.dat", observation, i), Size: size, ModTime: p.clock.Now(),
			Identity: fmt.Sprintf("1:%s%d", observation, i), Instrument: "primecam", Observation: observation, Module: "m1"})
	}
	_, results, err := p.store.FileFiles(p.ctx, files)
	p.must(err)
	p.must(errors.Join(results...))
	p.must(p.store.FinishObservation(p.ctx, "primecam", observation))
}

// pass lets the workers of all sites that are awake show themselves and the engine look.
func (p *play) pass() engine.Progress {
	p.t.Helper()
	for _, s := range p.g.Sites {
		if !p.asleep[s.Name] {
			p.must(p.store.Present(p.ctx, opsdb.Worker{ID: "worker-" + s.Name, Sites: []string{s.Name}, Version: "test"}))
		}
	}
	did, _, err := p.engine.Pass(p.ctx)
	p.must(err)
	return did
}

// work does what is in the queue, once. It reports whether anything was done.
func (p *play) work() bool {
	p.t.Helper()
	queue := p.queue
	p.queue = nil
	did := false
	for _, id := range queue {
		t, err := p.store.Task(p.ctx, id)
		p.must(err)
		switch {
		case t.State != opsdb.TaskScheduled:
		case p.asleep[t.Site()]:
			p.queue = append(p.queue, id)
		default:
			did = true
			p.claim(t)
		}
	}
	return did
}

func (p *play) claim(t opsdb.Task) {
	p.t.Helper()
	a, err := p.store.Claim(p.ctx, t.ID, "worker-"+t.Site(), p.lease)
	p.must(err)
	if p.holding != nil && p.holding(a.Task) {
		p.held[t.ID] = a
		return
	}
	p.do(a)
}

// release ends what was held back.
func (p *play) release() {
	p.t.Helper()
	p.holding = nil
	for id, a := range p.held {
		delete(p.held, id)
		p.do(a)
	}
}

func (p *play) do(a *opsdb.Assignment) {
	p.t.Helper()
	t := a.Task
	if p.broken != nil {
		if f := p.broken(t); f != nil {
			p.must(p.store.Fail(p.ctx, t.ID, t.Token, *f, p.clock.Now().Add(p.retry), f.Class != opsdb.Environment, opsdb.Outcome{}))
			return
		}
	}
	out, ok := p.outcome(a)
	if !ok {
		return
	}
	next, err := p.store.Finish(p.ctx, t.ID, t.Token, out)
	p.must(err)
	p.log = append(p.log, fmt.Sprintf("%s %s>%s", t.Stage, t.From, t.To))
	if out.Next != "" {
		p.log = p.log[:len(p.log)-1]
		p.must(p.enqueue(p.ctx, []opsdb.Task{next}))
	}
}

// outcome is what a good run would say.
func (p *play) outcome(a *opsdb.Assignment) (opsdb.Outcome, bool) {
	p.t.Helper()
	t, pkg := a.Task, a.Package
	fact := &opsdb.CopyFact{State: opsdb.Present, Path: t.Path, Size: pkg.Size, Identity: "1:1"}
	switch {
	case t.Type == "package":
		return p.packed(a), true
	case t.Type == "delete":
		return p.gone(a)
	case t.Type == "verify" && p.corrupt[t.TargetCopy]:
		return opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: t.TargetCopy, Reason: "digest differs"}}, true
	case t.Type != "verify" && p.corrupt[t.SourceCopy]:
		return opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: t.SourceCopy, Reason: "digest differs"}}, true
	case t.Piece == opsdb.Send:
		fact.State = opsdb.Arrived
		return opsdb.Outcome{Next: opsdb.Receive, Target: fact}, true
	case t.Type == "stage":
		fact.State = opsdb.Staged
	case t.Type == "archive":
		fact.Sidecar = true
	}
	return opsdb.Outcome{Target: fact, Receipts: []opsdb.Receipt{receipt(a, pkg.Digest, pkg.Size)}}, true
}

func receipt(a *opsdb.Assignment, digest opsdb.Digest, size int64) opsdb.Receipt {
	t := a.Task
	return opsdb.Receipt{ID: opsdb.NewID(), Package: t.Package, Location: t.To, Path: t.Path, Digest: digest, Size: size, Worker: t.Worker,
		Task: t.ID, Token: t.Token, Medium: opsdb.FromMedium, Version: opsdb.FormatVersion}
}

func (p *play) packed(a *opsdb.Assignment) opsdb.Outcome {
	p.t.Helper()
	t, pkg := a.Task, a.Package
	out := opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Present, Path: t.Path, Size: pkg.Bytes + 10240, Identity: "1:1"}}
	digest := opsdb.Digest("digest-" + string(pkg.ID))
	if !pkg.Packed() {
		var members []opsdb.Member
		for m, err := range p.store.Members(p.ctx, pkg.ID) {
			p.must(err)
			m.Name, m.Digest = "data/"+m.Path, "file-digest"
			members = append(members, m)
		}
		p.must(p.store.RecordMembers(p.ctx, t.ID, t.Token, members))
		out.Packed = &opsdb.Packed{Size: pkg.Bytes + 10240, Digest: digest, Segments: []opsdb.Digest{digest}, Manifest: "manifest"}
	}
	out.Receipts = []opsdb.Receipt{receipt(a, digest, pkg.Bytes+10240)}
	return out
}

// gone asks the gate as a worker does, and holds its answer against S1.
func (p *play) gone(a *opsdb.Assignment) (opsdb.Outcome, bool) {
	p.t.Helper()
	t := a.Task
	_, err := p.store.Confirm(p.ctx, t.ID, t.Token)
	var objection *opsdb.Objection
	if errors.As(err, &objection) {
		p.log = append(p.log, "kept "+t.To+": "+objection.Reason)
		return opsdb.Outcome{}, false
	}
	p.must(err)
	p.provesSafe(t)
	p.deleted[t.To]++
	out := opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Deleted}}
	if p.g.Locations[t.To].Type == opsdb.Source {
		for m, err := range p.store.Members(p.ctx, t.Package) {
			p.must(err)
			out.Removed = append(out.Removed, m.File)
		}
	}
	return out, true
}

// provesSafe is S1 again, written independently of the engine: as many good
// archive copies at distinct sites as the route wants, none of them the one that goes.
func (p *play) provesSafe(t opsdb.Task) {
	p.t.Helper()
	f := p.facts(t.Package)
	sites := map[string]bool{}
	for _, c := range f.Copies {
		l := p.g.Locations[c.Location]
		if c.ID != t.TargetCopy && l.Type == opsdb.Archive && c.State == opsdb.Present && c.Receipt != nil && c.Receipt.Digest == f.Package.Digest {
			sites[l.Site.Name] = true
		}
	}
	if need := p.g.Routes[0].Retention.Require; len(sites) < need {
		p.t.Fatalf("S1: copy at %s goes with %d of %d archives", t.To, len(sites), need)
	}
	if p.g.Locations[t.To].Type == opsdb.Archive {
		p.t.Fatalf("S3: a deletion at %s", t.To)
	}
}

func (p *play) facts(id opsdb.ID) opsdb.Facts {
	p.t.Helper()
	all, err := p.store.Facts(p.ctx, []opsdb.ID{id})
	p.must(err)
	if len(all) != 1 {
		p.t.Fatalf("facts of %s: %d", id, len(all))
	}
	return all[0]
}

// settle looks and works until nothing is left to do without time passing.
func (p *play) settle() {
	p.t.Helper()
	for range 500 {
		did := p.pass()
		did.Chained = 0
		if !p.work() && did.Idle() {
			return
		}
	}
	p.t.Fatal("it does not settle")
}

// run lets time pass, from one thing that is due to the next.
func (p *play) run(d time.Duration) {
	p.t.Helper()
	end := p.clock.Now().Add(d)
	for {
		p.settle()
		if !p.clock.Now().Before(end) {
			return
		}
		next, err := p.store.NextWake(p.ctx)
		p.must(err)
		if next.IsZero() || next.After(end) {
			next = end
		}
		p.clock.AdvanceTo(maxTime(next, p.clock.Now().Add(time.Second)))
		for id, a := range p.held {
			p.must(p.store.Renew(p.ctx, id, a.Task.Token, p.lease, "moving", 1, 2))
		}
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// packages returns all packages, the oldest first.
func (p *play) packages() []opsdb.Facts {
	p.t.Helper()
	all, err := p.store.Packages(p.ctx, opsdb.Query{Limit: 100000})
	p.must(err)
	slices.SortFunc(all, func(a, b opsdb.Facts) int { return int(a.Package.Number - b.Package.Number) })
	return all
}

// where lists the places with a verified copy.
func where(f opsdb.Facts) string {
	var out []string
	for _, c := range f.Copies {
		if c.Verified() {
			out = append(out, c.Location)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// crossings counts the log's transfers out of the observatory.
func (p *play) crossings() int { return p.count("ship ") }

func (p *play) count(prefix string) (n int) {
	for _, l := range p.log {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

func (p *play) wantLog(want ...string) {
	p.t.Helper()
	if !slices.Equal(p.log, want) {
		p.t.Errorf("log:\n  %s\nwant:\n  %s", strings.Join(p.log, "\n  "), strings.Join(want, "\n  "))
	}
}

func (p *play) wantEverywhere(archives ...string) {
	p.t.Helper()
	for _, f := range p.packages() {
		for _, at := range archives {
			if !slices.Contains(strings.Fields(where(f)), at) {
				w, err := p.store.World(p.ctx)
				p.must(err)
				p.t.Errorf("package %d is not at %s but at %s\n%s", f.Package.Number, at, where(f), engine.Why(p.g, w, f, p.clock.Now()).Text())
				return
			}
		}
	}
}
