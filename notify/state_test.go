package notify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/notify"
	"github.com/ccatobs/cdt/opsdb"
)

func TestWhatWaitsSurvivesARestart(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	b.moves = []opsdb.OpenMove{move("a", "x.y", "data")}
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.restart(t) // before it could be told
	expect(t, "after a restart", w.hears(t), "open blocked package:a")
	w.restart(t)
	expect(t, "after another", w.hears(t))
}

func TestNothingIsSaidThatCouldNotBeKept(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	b.moves = []opsdb.OpenMove{move("a", "x.y", "data")}
	w.cfg.State = filepath.Join(t.TempDir(), "absent", "said.json")
	w.restart(t)
	if err := w.Look(t.Context()); err == nil {
		t.Error("it could not be kept, and nobody hears")
	}
	if err := w.Deliver(t.Context()); err != nil || len(w.ears.got) != 0 {
		t.Errorf("told: %v, %v", w.ears.got, err)
	}
	if err := os.Mkdir(filepath.Dir(w.cfg.State), 0o755); err != nil {
		t.Fatal(err)
	}
	expect(t, "now it can", w.hears(t), "open blocked package:a")
}

func TestStateThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"damaged": {"{", "move it away"},
		"newer":   {`{"version": 2}`, "has version 2, this program reads 1"},
	} {
		path := filepath.Join(t.TempDir(), "said.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := notify.New(notify.Config{State: path}, newBase())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := notify.New(notify.Config{State: t.TempDir()}, newBase()); err == nil {
		t.Error("a folder is taken for the state")
	}
	twice := notify.Config{State: filepath.Join(t.TempDir(), "s"), Sinks: []notify.Sink{listening("x"), listening("x")}}
	if _, err := notify.New(twice, newBase()); err == nil {
		t.Error("two sinks of one name are taken")
	}
}

// growing is a sink in front of which more comes while it is busy.
type growing struct {
	*ears
	more func()
}

func (g growing) Send(ctx context.Context, m notify.Message) error {
	g.more()
	return g.ears.Send(ctx, m)
}

func TestWhatComesWhileSendingIsNeitherLostNorTwice(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	rounds := 0
	more := func() {
		if rounds++; rounds > 3 {
			return
		}
		for i := range 700 { // more than the bound, in the end
			b.moves = append(b.moves, move(fmt.Sprintf("p%d-%04d", rounds, i), "x.y", "data"))
		}
		if err := w.Look(context.Background()); err != nil {
			t.Error(err)
		}
	}
	w.cfg.Sinks = []notify.Sink{growing{w.ears, more}}
	w.restart(t)
	b.moves = []opsdb.OpenMove{move("p0", "x.y", "data")}
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, n := range w.ears.got {
		if seen[n.Key] {
			t.Fatalf("told twice: %s", n.Key)
		}
		seen[n.Key] = true
	}
	dropped := w.ears.dropped
	if len(seen)+dropped != 1+3*700 || dropped == 0 {
		t.Errorf("%d were told and %d said to be lost, of %d", len(seen), dropped, 1+3*700)
	}
}

func TestASinkThatIsNoMoreIsForgotten(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	b.moves = []opsdb.OpenMove{move("a", "x.y", "data")}
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := listening("other")
	w.cfg.Sinks = []notify.Sink{other}
	w.restart(t)
	b.moves = append(b.moves, move("b", "x.y", "data"))
	w.hears(t)
	if len(other.got) != 1 || other.got[0].Package != "b" {
		t.Errorf("a new sink hears %+v", other.got)
	}
	w.cfg.Sinks = []notify.Sink{w.ears}
	w.restart(t)
	expect(t, "what waited for it is gone", w.hears(t))
}

// A process that dies at any effect leaves a state that can be read, and nothing is said twice or never.
func TestTheStateIsWholeAtEveryEffect(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	points := 0
	look := func(name string) {
		points++
		left := filepath.Join(t.TempDir(), "said.json")
		if b, err := os.ReadFile(w.cfg.State); err == nil {
			if err := os.WriteFile(left, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		after, err := notify.New(notify.Config{State: left, Sinks: []notify.Sink{w.ears}}, b)
		if err != nil {
			t.Fatalf("dead at %s, its successor finds: %v", name, err)
		}
		if err := after.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx := effect.With(t.Context(), &effect.Points{Hook: look})
	b.moves = []opsdb.OpenMove{move("a", "x.y", "data")}
	if err := w.Look(ctx); err != nil {
		t.Fatal(err)
	}
	if err := w.Deliver(ctx); err != nil {
		t.Fatal(err)
	}
	if points != 4 || len(w.ears.got) != 1 {
		t.Errorf("%d points were passed and %d notices heard", points, len(w.ears.got))
	}
	w.restart(t)
	expect(t, "in the end", w.hears(t))
}
