package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/notify"
	"github.com/ccatobs/cdt/opsdb"
)

func expect(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", when, d)
	}
}

func move(pkg, to, reason string) opsdb.OpenMove {
	return opsdb.OpenMove{Package: opsdb.ID(pkg), Route: "raw", Stage: "archive", From: "cologne.buffer", To: to, Reason: reason, Text: "mend it"}
}

func TestBlockedWorkIsSaidOnceUntilItIsOver(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	expect(t, "nothing is wrong", w.hears(t))
	if b.asked != 0 {
		t.Errorf("without blocked work the moves are read %d times", b.asked)
	}
	b.moves = []opsdb.OpenMove{move("a", "cologne.lta", "attempts")}
	expect(t, "it is blocked", w.hears(t), "open blocked package:a")
	n := w.ears.got[0]
	if n.Name != "raw-a" || !strings.HasPrefix(n.Text, "raw-a: ") || n.Hint != "mend it" || n.Stage != "archive" || n.Reason != "attempts" || n.Key == "" {
		t.Errorf("it says %+v", n)
	}
	if !strings.Contains(w.ears.last.Text, "raw/archive cologne.buffer → cologne.lta is blocked: attempts — mend it") {
		t.Errorf("the text is %q", w.ears.last.Text)
	}
	for range 5 {
		b.passes(time.Minute)
		b.moves[0].Text = "mend it, really" // as after another try
		expect(t, "it is still blocked", w.hears(t))
	}
	w.restart(t)
	expect(t, "after a restart", w.hears(t))
	b.moves = append(b.moves, move("b", "cologne.lta", "attempts"), move("nameless", "cologne.lta", "config"))
	expect(t, "two more", w.hears(t), "open blocked package:b", "open blocked package:nameless")
	b.moves = b.moves[1:]
	expect(t, "one is over", w.hears(t), "over blocked package:a")
	if over := w.ears.got[0]; over.Key != n.Key || over.Name != n.Name || over.Text != n.Text {
		t.Errorf("it is over under another name: %+v", over)
	}
	b.moves = append([]opsdb.OpenMove{move("a", "cologne.lta", "attempts")}, b.moves...)
	expect(t, "blocked again is said again", w.hears(t), "open blocked package:a")
}

func TestWhatAPersonOrderedIsNotSaid(t *testing.T) {
	t.Parallel()
	b := newBase()
	b.moves = []opsdb.OpenMove{move("a", "x.y", "held"), move("b", "x.y", "paused"), move("c", "x.y", "quarantined"), move("d", "x.y", "data")}
	expect(t, "one of four", telling(t, b).hears(t), "open blocked package:d")
}

func TestManyBlockedMovesAreReadInPages(t *testing.T) {
	t.Parallel()
	b := newBase()
	for i := range 700 {
		for k := range 1 + i%4 { // pages end within packages
			b.moves = append(b.moves, move(fmt.Sprintf("p%04d", i), fmt.Sprintf("s.l%d", k), "data"))
		}
	}
	for k := range 2500 { // more than a page of one package
		b.moves = append(b.moves, move("q", fmt.Sprintf("s.l%d", k), "data"))
	}
	w := telling(t, b)
	w.hears(t)
	if len(w.ears.got) != 1000 || w.ears.last.More != 0 {
		t.Errorf("%d are told, of a bound of 1000", len(w.ears.got))
	}
	all := len(b.moves)
	b.moves = nil
	w.ears.err = errors.New("away")
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Deliver(t.Context()); err == nil {
		t.Fatal("it was told")
	}
	if w.ears.err = nil; len(w.hears(t)) != 1000 {
		t.Errorf("%d are over", len(w.ears.got))
	}
	b.moves = []opsdb.OpenMove{move("p0000", "s.l0", "data")}
	expect(t, fmt.Sprintf("all %d had begun and are over", all), w.hears(t), "open blocked package:p0000")
}

func TestWhatIsDownForLongIsSaidAndProbesAreNot(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	down := func(d *opsdb.Down) { b.world.Links["ccat>cologne"] = opsdb.Link{From: "ccat", To: "cologne", Down: d} }
	broken := &opsdb.Down{Reason: "breaker", Text: "connection refused"}
	down(broken)
	expect(t, "just now", w.hears(t))
	b.passes(4 * time.Minute)
	down(nil) // tried again
	expect(t, "tried", w.hears(t))
	b.passes(15 * time.Second)
	down(broken)
	w.restart(t)
	expect(t, "after a restart", w.hears(t))
	b.passes(time.Minute)
	expect(t, "for five minutes, but for a try", w.hears(t), "open down link:ccat>cologne")
	if n := w.ears.got[0]; !strings.Contains(n.Text, "connection refused") {
		t.Errorf("it says %+v", n)
	}
	for range 10 {
		b.passes(time.Minute)
		down(nil)
		expect(t, "tried", w.hears(t))
		b.passes(time.Minute)
		down(&opsdb.Down{Reason: "breaker", Text: "another text"})
		expect(t, "down again", w.hears(t))
	}
	down(nil)
	expect(t, "up", w.hears(t))
	b.passes(2 * time.Minute)
	expect(t, "up for two minutes", w.hears(t), "over down link:ccat>cologne")
	down(broken)
	expect(t, "down anew", w.hears(t))
}

func TestASiteThatIsDownSpeaksForWhatIsThere(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	off := &opsdb.Down{Reason: "offline"}
	b.world.Sites["cologne"] = opsdb.Site{Name: "cologne", State: opsdb.SiteActive, Down: &opsdb.Down{Reason: "no_worker"}}
	b.world.Locations["cologne.lta"] = opsdb.Location{Name: "cologne.lta", Down: off}
	b.world.Locations["ccat.buffer"] = opsdb.Location{Name: "ccat.buffer", Down: off}
	b.world.Links["ccat>cologne"] = opsdb.Link{From: "ccat", To: "cologne", Down: off}
	b.world.Sites["planned"] = opsdb.Site{Name: "planned", State: opsdb.SitePlanned, Down: &opsdb.Down{Reason: "no_worker"}}
	expect(t, "at once", w.hears(t))
	b.passes(5 * time.Minute)
	expect(t, "after five minutes", w.hears(t), "open down location:ccat.buffer", "open down site:cologne")
}

func TestBrakeAndTime(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	b.waiting["brake"], b.world.TimeSuspect = 3, true
	b.world.Deleted = map[string]opsdb.Spent{"ccat.buffer": {Bytes: 7, Packages: 2}}
	expect(t, "both", w.hears(t), "open brake brake", "open time_suspect time")
	if n := w.ears.got[0]; !strings.Contains(n.Text, "3 deletions") || !strings.Contains(n.Text, "ccat.buffer 2 packages, 7 bytes") {
		t.Errorf("it says %q", n.Text)
	}
	b.waiting["brake"] = 4
	expect(t, "still", w.hears(t))
	b.waiting["brake"], b.world.TimeSuspect = 0, false
	expect(t, "neither", w.hears(t), "over brake brake", "over time_suspect time")
}

func TestOpsDBAway(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	b.moves = []opsdb.OpenMove{move("a", "x.y", "data")}
	w.hears(t)
	b.err = errors.New("away")
	if err := w.Look(t.Context()); !errors.Is(err, b.err) {
		t.Errorf("a look at nothing gives %v", err)
	}
	b.err = nil
	expect(t, "back, nothing new is said", w.hears(t))
}

var _ notify.Source = (*base)(nil)
