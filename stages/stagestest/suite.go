package stagestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// Content is a small package with names that are taken differently by one program or another.
func Content() map[string]string {
	return map[string]string{
		"obs1/m1/a.fits": "the first", "obs1/m1/empty": "", "obs1/m1/new\nline": "two lines", "obs1/per%cent": "%",
		"obs1/bad\xff": "no utf-8", "obs1/" + strings.Repeat("n", 255): "long name", "z.fits": strings.Repeat("0123456789", 20_000),
	}
}

// scene is a type's work in a world that is ready for it.
type scene struct {
	name     string
	typ      string
	from, to string
	prepare  func(w *World)
	// done says what is wrong when the work has ended well; "" is nothing.
	done func(w *World, out opsdb.Outcome) string
}

func scenes() []scene {
	packed := func(w *World) { w.Do("package", Source, Buffer) }
	landed := func(w *World) { packed(w); w.Do("transfer", Buffer, Landing) }
	archived := func(w *World) { landed(w); w.Do("archive", Landing, Archive) }
	staged := func(w *World) { landed(w); w.Do("stage", Landing, Processing) }
	return []scene{
		{"package", "package", Source, Buffer, func(*World) {}, isTar(Buffer)},
		{"transfer over a link", "transfer", Buffer, Landing, packed, isTar(Landing)},
		{"transfer within a site", "transfer", Landing, "cologne.lta", landed, isTar(Archive)},
		{"archive", "archive", Landing, Archive, landed, isArchived},
		{"stage within a site", "stage", Landing, Processing, landed, isTree},
		{"stage over a link", "stage", Buffer, Processing, packed, isTree},
		{"verify", "verify", Archive, Archive, archived, hasReceipt(Archive)},
		{"delete a tar", "delete", Landing, Landing, archived, isGone(Landing)},
		{"delete source files", "delete", Source, Source, archived, isEmptied(Source)},
		{"delete a tree", "delete", Processing, Processing, staged, isEmptied(Processing)},
	}
}

// Run runs the suite; ground makes a fresh one each time.
func Run(t *testing.T, ground func(t testing.TB) Ground) {
	t.Run("specs", func(t *testing.T) { t.Parallel(); specs(t, ground(t).Registry) })
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			t.Run("ends well", func(t *testing.T) { t.Parallel(); s.once(t, ground) })
			t.Run("twice is once", func(t *testing.T) { t.Parallel(); s.twice(t, ground) })
			t.Run("killed at every effect", func(t *testing.T) { t.Parallel(); s.kill(t, ground) })
			t.Run("cancelled", func(t *testing.T) { t.Parallel(); s.cancel(t, ground) })
		})
	}
}

func (s scene) begin(t testing.TB, ground func(testing.TB) Ground) *World {
	w := NewWorld(t, ground(t), Content())
	s.prepare(w)
	return w
}

func (s scene) check(t testing.TB, w *World, out opsdb.Outcome) {
	t.Helper()
	if wrong := s.done(w, out); wrong != "" {
		t.Error(wrong)
	}
	if litter := w.Litter(); len(litter) > 0 {
		t.Errorf("left behind: %v", litter)
	}
}

func (s scene) once(t testing.TB, ground func(testing.TB) Ground) {
	w := s.begin(t, ground)
	s.check(t, w, w.Do(s.typ, s.from, s.to))
}

// twice runs a task again though its end is known: an unknown commit.
func (s scene) twice(t testing.TB, ground func(testing.TB) Ground) {
	w := s.begin(t, ground)
	before, digest := w.Copies[s.to], w.Package.Digest
	w.Do(s.typ, s.from, s.to)
	first := w.Package.Digest
	if w.Package.Digest = digest; before.ID == "" {
		delete(w.Copies, s.to)
	} else {
		w.Copies[s.to] = before
	}
	out := w.Do(s.typ, s.from, s.to)
	if w.Package.Digest != first {
		t.Errorf("digest %s, the first time %s", w.Package.Digest, first)
	}
	s.check(t, w, out)
}

// kill lets each piece die at its first effect, its second and so on, and
// goes on with a new attempt each time.
func (s scene) kill(t *testing.T, ground func(testing.TB) Ground) {
	points := 0
	for n := 1; ; n++ {
		w := s.begin(t, ground)
		died, out := s.killedAt(t, w, n)
		s.check(t, w, out)
		s.sameBytes(t, w)
		if t.Failed() {
			t.Fatalf("after %s", died)
		}
		if died == "" {
			break
		}
		points++
	}
	if points == 0 && s.typ != "verify" {
		t.Error("no effect was passed")
	}
}

// sameBytes makes a package that was made in several attempts once more, by an attempt that finds nothing of them: the digest is the same (S4).
func (s scene) sameBytes(t testing.TB, w *World) {
	t.Helper()
	if s.typ != "package" {
		return
	}
	before := w.Package.Digest
	w.must(os.Remove(filepath.Join(w.Root(s.to), w.Path(s.to))))
	w.Package.Digest = ""
	delete(w.Copies, s.to)
	if w.Do(s.typ, s.from, s.to); w.Package.Digest != before || before == "" {
		t.Errorf("digest %s, of a package made in one attempt %s", before, w.Package.Digest)
	}
}

// killedAt kills every piece once at its n-th effect and says where, if it came so far.
func (s scene) killedAt(t testing.TB, w *World, n int) (died string, out opsdb.Outcome) {
	t.Helper()
	piece := opsdb.Whole
	if opsdb.SiteOf(s.from) != opsdb.SiteOf(s.to) {
		piece = opsdb.Send
	}
	for piece != "" {
		var err error
		out, err = w.Attempt(context.Background(), w.Work(s.typ, s.from, s.to, piece), n)
		if k := (killed{}); errors.As(err, &k) {
			died += " " + string(piece) + ":" + k.point
			out, err = w.Attempt(context.Background(), w.Work(s.typ, s.from, s.to, piece), 0)
		}
		if err != nil {
			t.Fatalf("after%s: %v", died, err)
		}
		piece = out.Next
	}
	return died, out
}

// cancel lets a run find its context cancelled; the next attempt must end well.
func (s scene) cancel(t testing.TB, ground func(testing.TB) Ground) {
	w := s.begin(t, ground)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	piece := opsdb.Whole
	if opsdb.SiteOf(s.from) != opsdb.SiteOf(s.to) {
		piece = opsdb.Send
	}
	if _, err := w.Attempt(ctx, w.Work(s.typ, s.from, s.to, piece), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled run ended with %v", err)
	}
	s.check(t, w, w.Do(s.typ, s.from, s.to))
}

// specs checks that a type says what others build on.
func specs(t *testing.T, registry stages.Registry) {
	for _, s := range registry.Specs() {
		if s.Help == "" || len(s.Phases) == 0 {
			t.Errorf("%s: help and phases are missing", s.Type)
		}
		for _, p := range s.Phases {
			if p.Name == "" || p.Still == 0 {
				t.Errorf("%s: phase %+v", s.Type, p)
			}
		}
		seen := map[string]bool{}
		for _, f := range s.Takes() {
			if f.Help == "" || f.Example == "" || f.Type == "" || seen[f.Name] {
				t.Errorf("%s: field %+v", s.Type, f)
			}
			seen[f.Name] = true
		}
		if s.Compiled != (len(s.Takes()) == 0) {
			t.Errorf("%s: compiled, with fields %v", s.Type, seen)
		}
	}
}

// words puts what is wrong into words.
func words(format string, a ...any) string { return fmt.Sprintf(format, a...) }
