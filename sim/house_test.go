package sim_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/routes"
	"github.com/ccatobs/cdt/sim"
)

// start is when every test observatory begins.
var start = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// house is an observatory under test, with the truth about its files.
type house struct {
	*sim.Observatory
	t     *testing.T
	cfg   sim.Config
	at    string // address of its database
	truth map[string][]check.Original
}

// ccat is the CCAT route.
func ccat(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := route.ReadFS(routes.Files)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// edited is the CCAT route with some text replaced; each must be there.
func edited(t *testing.T, pairs ...string) map[string][]byte {
	t.Helper()
	files := ccat(t)
	for i := 0; i < len(pairs); i += 2 {
		found := false
		for name, text := range files {
			if bytes.Contains(text, []byte(pairs[i])) {
				files[name] = bytes.ReplaceAll(text, []byte(pairs[i]), []byte(pairs[i+1]))
				found = true
			}
		}
		if !found {
			t.Fatalf("the CCAT route has no %q", pairs[i])
		}
	}
	return files
}

// newHouse opens an observatory in a folder of its own.
func newHouse(t *testing.T, files map[string][]byte) *house {
	t.Helper()
	at := newDatabase(t)
	h := openHouse(t, standAt(houseConfig(t, files), at))
	h.at = at
	return h
}

func houseConfig(t *testing.T, files map[string][]byte) sim.Config {
	t.Helper()
	root := t.TempDir()
	t.Cleanup(func() {
		if err := sim.Remove(root); err != nil {
			t.Log(err)
		}
	})
	return sim.Config{Root: root, Routes: files, Start: start, Impatient: true}
}

func openHouse(t *testing.T, cfg sim.Config) *house {
	t.Helper()
	h := &house{t: t, cfg: cfg, truth: map[string][]check.Original{}}
	h.open()
	t.Cleanup(func() { h.shut() })
	return h
}

func (h *house) open() {
	h.t.Helper()
	var err error
	if h.Observatory, err = sim.Open(h.t.Context(), h.cfg); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) shut() {
	if h.Observatory == nil {
		return
	}
	if err := h.Close(); err != nil {
		h.t.Error(err)
	}
}

// reopen ends the process and starts another one, perhaps with other routes.
func (h *house) reopen(files map[string][]byte) {
	h.t.Helper()
	h.shut()
	if files != nil {
		h.cfg.Routes = files
	}
	h.open()
}

// put writes a file into a source location and takes note of it.
func (h *house) put(location, path string, content []byte) {
	h.t.Helper()
	full := filepath.Join(h.Roots[location], path)
	h.must(os.MkdirAll(filepath.Dir(full), 0o755))
	h.must(os.WriteFile(full, content, 0o644))
	at := start.Add(-time.Hour).Add(time.Duration(len(h.truth[location])) * 1234567891)
	h.must(os.Chtimes(full, at, at))
	h.truth[location] = append(h.truth[location], check.Original{Path: path, Size: int64(len(content)), Digest: digest(content), ModTime: at})
}

// fill puts n files of size bytes into observations of a location.
func (h *house) fill(location string, n, size int) {
	h.t.Helper()
	for i := range n {
		h.put(location, fmt.Sprintf("obs%d/m%d/f%03d.dat", i/4, i%2, i), noise(uint64(i)+1, size))
	}
}

// noise is bytes that do not compress and repeat for the same seed.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	var key [32]byte
	copy(key[:], fmt.Sprint(seed))
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

// run drives to the end.
func (h *house) run() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Minute)
	defer cancel()
	h.must(h.Run(ctx))
}

// judge asks the checker and wants no violation and all files in all archives.
func (h *house) judge() check.Report {
	h.t.Helper()
	r, err := h.Check(h.t.Context(), h.truth, true)
	h.must(err)
	for _, v := range r.Violations {
		h.t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
	for _, a := range h.Archives() {
		if r.Archived[a] != h.files() {
			h.t.Errorf("%d of %d files are right in %s", r.Archived[a], h.files(), a)
		}
	}
	return r
}

func (h *house) files() int {
	n := 0
	for _, list := range h.truth {
		n += len(list)
	}
	return n
}

// cleaned wants all source files to be deleted.
func (h *house) cleaned(r check.Report) {
	h.t.Helper()
	if r.SourcesDeleted != h.files() {
		h.t.Errorf("%d source files deleted, want %d", r.SourcesDeleted, h.files())
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// packages are all packages with their facts.
func (h *house) packages() []opsdb.Facts {
	h.t.Helper()
	p, err := h.Store.Packages(h.t.Context(), opsdb.Query{})
	h.must(err)
	return p
}

// copyAt is the live copy of a package at a location.
func copyAt(f opsdb.Facts, location string) *opsdb.Copy {
	for i, c := range f.Copies {
		if c.Location == location && c.Live() {
			return &f.Copies[i]
		}
	}
	return nil
}

// events are all audit events of a kind.
func (h *house) events(kind string) []opsdb.Event {
	h.t.Helper()
	var out []opsdb.Event
	for e, err := range h.Store.Events(h.t.Context(), 0) {
		h.must(err)
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// crossings counts verified arrivals out of a site at another one, by package.
func (h *house) crossings(from string) map[opsdb.ID]int {
	h.t.Helper()
	tasks, err := h.Store.Tasks(h.t.Context(), opsdb.Query{State: string(opsdb.TaskCompleted)})
	h.must(err)
	n := map[opsdb.ID]int{}
	for _, t := range tasks {
		if t.Link != "" && strings.HasPrefix(t.Link, from+">") {
			n[t.Package]++
		}
	}
	return n
}
