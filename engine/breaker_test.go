package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// TestHalfOpen: a breaker that is half open lets its probe through and nobody else.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		down func(*facts, *opsdb.Down)
		says string
	}{
		{"link", func(f *facts, d *opsdb.Down) {
			l := f.world.Links["cologne>cornell"]
			l.Down = d
			f.world.Links["cologne>cornell"] = l
		}, "link cologne>cornell: breaker"},
		{"location", func(f *facts, d *opsdb.Down) {
			l := f.world.Locations["cornell.buffer"]
			l.Down = d
			f.world.Locations["cornell.buffer"] = l
		}, "cornell.buffer: breaker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(ccat("cologne", "cornell"))
			f.packed().copy("cologne.buffer", opsdb.Present).copy("cologne.lta", opsdb.Present)
			since := time.Date(2026, 4, 2, 11, 0, 0, 0, time.UTC)
			for _, s := range []struct {
				down    opsdb.Down
				verdict engine.Verdict
				says    string
			}{
				{opsdb.Down{Reason: "breaker", Text: "cut", Since: since, Next: since.Add(time.Hour)}, engine.Waiting, ", cut since 2026-04-02 11:00:00Z; next probe 2026-04-02 12:00:00Z"},
				{opsdb.Down{Reason: "breaker", Text: "cut", Since: since, Probe: "0198a000-0000-7000-8000-00000000000b"}, engine.Waiting, ", cut since 2026-04-02 11:00:00Z; package 0000000b tries it"},
				{opsdb.Down{Reason: "breaker", Text: "cut", Since: since, Probe: f.f.Package.ID}, engine.Ready, ""},
			} {
				c.down(f, &s.down)
				r := f.evaluate()
				d := decision(r, "replicate", "cologne.buffer", "cornell.buffer")
				if d.Verdict != s.verdict || s.says != "" && d.Text != c.says+s.says {
					t.Errorf("%s, %s: %s", d.Verdict, d.Reason, d.Text)
				}
				if x := engine.Why(f.g, f.world, f.f, f.now).Text(); !strings.Contains(x, s.says) {
					t.Errorf("why does not say %q:\n%s", s.says, x)
				}
				m := ready(2, "replicate", "cologne.buffer", "cornell.buffer", gb)
				probe := m
				probe.Package = f.f.Package.ID
				if a := engine.Arrange(f.g, f.world, []opsdb.OpenMove{m, probe}, engine.Limits{}, nil); (len(a.Grants) == 1) != (s.verdict == engine.Ready) || len(a.Grants) > 1 {
					t.Errorf("arranged: %s", arranged(a))
				}
			}
		})
	}
}

// cutLink has every transfer over some links refused, and counts them.
func (p *play) cutLink(links ...string) (tried *int, mend func()) {
	tried = new(int)
	p.broken = func(t opsdb.Task) *opsdb.Failure {
		for _, l := range links {
			if t.Link == l && t.Piece != opsdb.Receive {
				*tried++
				return &opsdb.Failure{Class: opsdb.Environment, Subject: "link:" + l, Reason: "refused", Text: "no route to host"}
			}
		}
		return nil
	}
	return tried, func() { p.broken = nil }
}

// TestBreakerProbesOneByOne: twenty packages behind a cut ocean. After the
// first failures one package after the other tries it, ever more rarely; when
// it is mended one goes alone, and then all.
func TestBreakerProbesOneByOne(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.retry = time.Second
	tried, mend := p.cutLink("ccat>cologne", "ccat>cornell")
	for i := range 20 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 1, gb)
	}
	p.run(time.Minute)
	// Over each link: three that open the breaker, one that was under way beside them, and probes after 5, 15 and 35 seconds.
	if *tried > 2*(3+1+3) {
		t.Errorf("%d tries in the first minute over two links that are cut", *tried)
	}
	p.run(time.Hour)
	before := *tried
	p.run(3 * time.Hour)
	if n, every := *tried-before, int(3*time.Hour/opsdb.LinkLongest); n < every || n > 2*every+2 {
		t.Errorf("%d tries in three hours, at %s apart over two links", n, opsdb.LinkLongest)
	}
	if n := p.eventsOf(opsdb.EventBreakerOpened); n < 10 {
		t.Errorf("%d events", n)
	}
	mend()
	sent := 0
	p.holding = func(task opsdb.Task) bool {
		if task.Link != "" && task.Piece == opsdb.Send {
			sent++
		}
		return task.Link != "" && task.Piece == opsdb.Send
	}
	p.run(30 * time.Minute)
	if sent == 0 || sent > 2 {
		t.Errorf("%d packages try two links at once", sent)
	}
	p.release()
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 20 {
		t.Errorf("%d crossings of 20 packages", p.crossings())
	}
}

func (p *play) eventsOf(kind string) (n int) {
	p.t.Helper()
	for e, err := range p.store.Events(p.ctx, 0) {
		p.must(err)
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// TestOneBadPlaceDoesNotStallOthers is E7: an archive that refuses everything
// and a link that is cut leave all else going at its pace.
func TestOneBadPlaceDoesNotStallOthers(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.retry = time.Second
	bad, tried := true, 0
	p.broken = func(task opsdb.Task) *opsdb.Failure {
		switch {
		case bad && task.To == "cologne.lta":
			tried++
			return &opsdb.Failure{Class: opsdb.Environment, Subject: "location:cologne.lta", Text: "503"}
		case bad && task.Link == "ccat>cologne":
			tried++
			return &opsdb.Failure{Class: opsdb.Environment, Subject: "link:ccat>cologne", Text: "reset"}
		}
		return nil
	}
	for i := range 12 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 1, gb)
	}
	p.run(10 * time.Minute)
	p.wantEverywhere("cornell.lta", "cologne.buffer")
	if tried > 24 {
		t.Errorf("%d tries of what is bad", tried)
	}
	p.run(2 * time.Hour)
	bad = false
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != 12 {
		t.Errorf("%d crossings of 12 packages", p.crossings())
	}
}

// TestOneBadPackagePays: what fails where others succeed is blocked in the end, and keeps no link shut.
func TestOneBadPackagePays(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.retry = time.Minute
	p.broken = func(task opsdb.Task) *opsdb.Failure {
		if task.Bytes > 2*gb && task.Stage == "archive" && task.To == "cologne.lta" {
			return &opsdb.Failure{Class: opsdb.Environment, Subject: "location:cologne.lta", Text: "400"}
		}
		return nil
	}
	p.observe("ccat.primecam", "bad", 1, 2*gb)
	for i := range 30 {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", i), 1, gb)
		p.run(20 * time.Minute)
	}
	for _, f := range p.packages()[1:] {
		if got := where(f); !strings.Contains(got, "cologne.lta") {
			t.Fatalf("package %d is at %s", f.Package.Number, got)
		}
	}
	f := p.packages()[0]
	w, err := p.store.World(p.ctx)
	p.must(err)
	for _, d := range engine.Why(p.g, w, f, p.clock.Now()).Decisions {
		if d.Stage == "archive" && d.To == "cologne.lta" && d.From == "cologne.buffer" && d.Reason != engine.AttemptsUsed {
			t.Errorf("%s, %s (%s)", d.Verdict, d.Reason, d.Text)
		}
	}
}

// TestALinkThatFlaps: a link that comes and goes every twenty seconds for ten minutes carries packages whenever it is
// there for a probe to see it, is tried no more often than a breaker allows, and nothing crosses twice.
func TestALinkThatFlaps(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.retry = time.Second
	const phase, half = 20 * time.Second, 10 * time.Minute
	begin := p.clock.Now()
	failed, phases := 0, map[time.Duration]int{}
	p.broken = func(task opsdb.Task) *opsdb.Failure {
		n := p.clock.Now().Sub(begin) / phase
		if task.Piece == opsdb.Receive || task.Link != "ccat>cornell" && (task.Link != "ccat>cologne" || n%2 == 0) {
			if task.Link == "ccat>cologne" && task.Piece != opsdb.Receive {
				phases[n]++
			}
			return nil
		}
		if task.Link == "ccat>cologne" {
			failed++
		}
		return &opsdb.Failure{Class: opsdb.Environment, Subject: "link:" + task.Link, Reason: "unreachable", Text: "connection reset"}
	}
	packages := 0
	for ; p.clock.Now().Before(begin.Add(half)); packages++ {
		p.observe("ccat.primecam", fmt.Sprintf("obs%d", packages), 1, gb)
		p.run(7 * time.Second)
	}
	ups := int(half / phase / 2)
	if len(phases) < ups*3/4 {
		t.Errorf("something went over the link in %d of %d times that it was up", len(phases), ups)
	}
	// Three failures open it, one may be under way beside them, and two probes find it still cut.
	if failed > ups*(3+1+2) {
		t.Errorf("%d tries failed while it was down %d times", failed, ups)
	}
	for _, task := range p.tasks() {
		if task.State == opsdb.TaskFailed || task.Attempts > 0 {
			t.Errorf("the link's trouble cost task %s: %s after %d attempts", task.ID.Short(), task.State, task.Attempts)
		}
	}
	p.broken = nil
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.crossings() != packages {
		t.Errorf("%d crossings of %d packages", p.crossings(), packages)
	}
	w, err := p.store.World(p.ctx)
	p.must(err)
	for name, l := range w.Links {
		if l.Down != nil || l.InUse != 0 {
			t.Errorf("in the end link %s is %+v, %d slots in use", name, l.Down, l.InUse)
		}
	}
}

func (p *play) tasks() []opsdb.Task {
	p.t.Helper()
	all, err := p.store.Tasks(p.ctx, opsdb.Query{Limit: 100000})
	p.must(err)
	return all
}
