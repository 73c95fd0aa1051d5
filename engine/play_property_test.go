package engine_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// TestFaultsAndTimes lets faults come at random moments. While they last, no
// deletion ever breaks S1 (the play checks every one); once they heal, every
// package reaches every archive, the ocean is not crossed without need, the
// buffers come clean, and nothing stays dirty.
func TestFaultsAndTimes(t *testing.T) {
	if !flagSet("rapid.checks") {
		if err := flag.Set("rapid.checks", "12"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		p := newPlay(t, ccatRules(t, ccat("cologne", "cornell")))
		defer p.store.Close() //nolint:errcheck // a database of this run alone
		s := &storm{play: p, r: r, cut: map[string]bool{}, requests: map[opsdb.ID]bool{}}
		p.broken, p.retry, p.lease = s.fails, 5*time.Hour, 5*time.Hour
		for range rapid.IntRange(3, 25).Draw(r, "steps") {
			s.step()
		}
		s.heal()
		s.check()
	})
}

func flagSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// storm is a play with faults.
type storm struct {
	*play
	r        *rapid.T
	cut      map[string]bool // links and locations that fail now
	flaky    int             // of 100 tasks that fail for no reason
	seen     int             // observations
	requests map[opsdb.ID]bool
}

func (s *storm) fails(t opsdb.Task) *opsdb.Failure {
	for _, subject := range []string{"link:" + t.Link, "location:" + t.To, "location:" + t.From} {
		if s.cut[subject] {
			return &opsdb.Failure{Class: opsdb.Environment, Subject: subject, Reason: "refused", Text: "connection refused"}
		}
	}
	if s.flaky > 0 && rapid.IntRange(0, 99).Draw(s.r, "flaky") < s.flaky {
		return &opsdb.Failure{Class: opsdb.Transient, Text: "connection reset"}
	}
	return nil
}

func (s *storm) step() {
	acts := map[string]func(){
		"observe": func() {
			s.seen++
			s.observe("ccat.primecam", fmt.Sprintf("obs%d", s.seen), rapid.IntRange(1, 3).Draw(s.r, "files"), gb)
		},
		"site": func() { name := s.pick("ccat", "cologne", "cornell"); s.asleep[name] = !s.asleep[name] },
		"cut": func() {
			name := s.pick("link:ccat>cologne", "link:ccat>cornell", "link:cologne>cornell", "link:cornell>cologne", "location:cologne.lta", "location:cornell.lta", "location:cologne.buffer")
			s.cut[name] = !s.cut[name]
		},
		"flaky":   func() { s.flaky = rapid.SampledFrom([]int{0, 20, 50}).Draw(s.r, "percent") },
		"hang":    s.hang,
		"lose":    func() { s.held = map[opsdb.ID]*opsdb.Assignment{} },
		"corrupt": s.rot,
		"hold":    s.holdOne,
		"pause":   s.pauseOne,
		"request": s.requestOne,
		"wait": func() {
			s.run(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, day, 15 * day}).Draw(s.r, "for"))
		},
	}
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(acts))).Draw(s.r, "act")
	acts[name]()
	s.pass()
	s.work()
}

func (s *storm) pick(names ...string) string { return rapid.SampledFrom(names).Draw(s.r, "which") }

// hang keeps what workers claim from now on, or lets it end.
func (s *storm) hang() {
	if s.holding != nil {
		s.holding = nil
		return
	}
	s.holding = func(opsdb.Task) bool { return true }
}

func (s *storm) some() (opsdb.Facts, bool) {
	all := s.packages()
	if len(all) == 0 {
		return opsdb.Facts{}, false
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(s.r, "package")], true
}

// rot corrupts one archive copy, as long as the package has another good one.
func (s *storm) rot() {
	f, ok := s.some()
	if !ok {
		return
	}
	var good []opsdb.Copy
	for _, c := range f.Copies {
		if s.g.Locations[c.Location].Type == opsdb.Archive && c.State == opsdb.Present && !s.corrupt[c.ID] {
			good = append(good, c)
		}
	}
	if len(good) < 2 {
		return
	}
	c := good[rapid.IntRange(0, len(good)-1).Draw(s.r, "copy")]
	s.corrupt[c.ID] = true
	s.must(s.store.WantVerify(s.ctx, f.Package.ID, c.Location, "ann"))
}

func (s *storm) holdOne() {
	if f, ok := s.some(); ok {
		kind := rapid.SampledFrom([]opsdb.HoldKind{opsdb.HoldDelete, opsdb.HoldMove, opsdb.HoldAll}).Draw(s.r, "kind")
		_, err := s.store.Hold(s.ctx, opsdb.Hold{Package: f.Package.ID, Kind: kind, Who: "ann", Why: "odd"})
		s.must(err)
	}
}

func (s *storm) pauseOne() {
	s.must(s.store.Pause(s.ctx, opsdb.Pause{Subject: s.pick("route:raw", "stage:raw/ship", "location:cologne.lta", "link:cologne>cornell"), Who: "ann", Why: "work"}))
}

func (s *storm) requestOne() {
	if f, ok := s.some(); ok {
		q, err := s.store.Request(s.ctx, opsdb.StagingRequest{Package: f.Package.ID, Location: "cologne.ramses", Who: "ann", Why: "map"})
		s.must(err)
		s.requests[q.ID] = true
	}
}

// heal ends all faults and undoes what people did.
func (s *storm) heal() {
	s.asleep, s.cut, s.flaky, s.holding, s.held = map[string]bool{}, map[string]bool{}, 0, nil, map[opsdb.ID]*opsdb.Assignment{}
	w, err := s.store.World(s.ctx)
	s.must(err)
	for subject := range w.Pauses {
		s.must(s.store.Resume(s.ctx, subject, "ann"))
	}
	for _, f := range s.packages() {
		for _, h := range f.Holds {
			s.must(s.store.Unhold(s.ctx, h.ID, "ann", "fine"))
		}
	}
	for id := range s.requests {
		s.must(s.store.Release(s.ctx, id, "ann"))
	}
	s.run(day)
	for _, f := range s.packages() {
		for _, t := range f.Tasks {
			if t.State == opsdb.TaskFailed || t.Attempts >= 8 {
				s.must(s.store.Retry(s.ctx, t.ID, "ann", "healed"))
			}
		}
	}
	s.run(40 * day)
}

func (s *storm) check() {
	w, err := s.store.World(s.ctx)
	s.must(err)
	for _, f := range s.packages() {
		if got := where(f); got != "cologne.lta cornell.lta" {
			s.r.Fatalf("package %d is at %q\n%s", f.Package.Number, got, engine.Why(s.g, w, f, s.clock.Now()).Text())
		}
		for _, c := range f.Copies {
			if c.Verified() && s.corrupt[c.ID] {
				s.r.Fatalf("package %d: a corrupt copy stands at %s", f.Package.Number, c.Location)
			}
		}
	}
	if n := len(s.packages()); n != s.seen {
		s.r.Fatalf("%d packages of %d observations", n, s.seen)
	}
	dirty, err := s.store.Dirty(s.ctx, s.clock.Now(), 0)
	s.must(err)
	if len(dirty) != 0 {
		s.r.Fatalf("%d packages stay dirty", len(dirty))
	}
}
