package sim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

func digest(b []byte) opsdb.Digest {
	sum := sha256.Sum256(b)
	return opsdb.Digest(hex.EncodeToString(sum[:]))
}

func TestFilesReachEveryArchiveAndSourcesAreCleaned(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 12, 50_000)
	h.fill("ccat.chai", 5, 10_000)
	h.run()
	h.cleaned(h.judge())
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
	if n := len(h.crossings("ccat")); n != 5 {
		t.Errorf("%d packages left the observatory, want 5", n)
	}
}

// bonn adds a third archive site the way a person would: one entry of `sites`, its links, its names in `sets`.
func bonn(t *testing.T) map[string][]byte {
	t.Helper()
	return edited(t,
		"links:\n", `  bonn:
    name: University of Bonn
    locations:
      buffer: {type: buffer, disk: {path: /data/buffer}}
      lta:    {type: long_term_archive, disk: {path: /archive/ccat}}

links:
  - {from: cologne, to: bonn, transport: bbcp, bandwidth: 10Gbit/s, at_once: 4}
  - {from: cornell, to: bonn, transport: bbcp, bandwidth: 1Gbit/s, at_once: 4}
`,
		"landing:  [cologne.buffer, cornell.buffer]", "landing:  [cologne.buffer, cornell.buffer, bonn.buffer]",
		"archives: [cologne.lta, cornell.lta]", "archives: [cologne.lta, cornell.lta, bonn.lta]")
}

func TestAThirdArchiveIsAnEditOfYAML(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bonn(t))
	h.fill("ccat.primecam", 12, 50_000)
	h.run()
	r := h.judge()
	h.cleaned(r)
	if r.Archived["bonn.lta"] != 12 {
		t.Errorf("bonn has %d files, want 12", r.Archived["bonn.lta"])
	}
}

func TestAThirdArchiveIsBackfilledAfterEverythingWasCleaned(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 12, 50_000)
	h.run()
	h.cleaned(h.judge())
	h.reopen(bonn(t))
	h.run()
	r := h.judge()
	if r.Archived["bonn.lta"] != 12 {
		t.Errorf("bonn has %d files, want 12", r.Archived["bonn.lta"])
	}
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
	for location, n := range r.CopiesLeft {
		if n != 0 {
			t.Errorf("%d packages are left at %s", n, location)
		}
	}
}

// flip changes one byte in the middle of a file, behind everybody's back.
func (h *house) flip(path string) {
	h.t.Helper()
	b, err := os.ReadFile(path)
	h.must(err)
	info, err := os.Stat(path)
	h.must(err)
	b[len(b)/2] ^= 1
	h.must(os.Chmod(path, 0o644))
	h.must(os.WriteFile(path, b, 0o644))
	h.must(os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// C2: a corrupt archive copy is found by the scrub, stays where it is, and is made again from the good one.
func TestCorruptArchiveCopyIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, archive := range []string{"cologne.lta", "cornell.lta"} {
		t.Run(archive, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, ccat(t))
			h.fill("ccat.primecam", 4, 50_000)
			h.run()
			p := h.packages()[0]
			bad := filepath.Join(h.Roots[archive], copyAt(p, archive).Path)
			h.flip(bad)
			h.must(h.Store.WantVerify(t.Context(), p.Package.ID, "", "tester"))
			h.run()
			h.repaired(archive, bad)
		})
	}
}

// repaired wants the package to be right at an archive beside its bad copy.
func (h *house) repaired(archive, bad string) {
	h.t.Helper()
	p := h.packages()[0]
	c := copyAt(p, archive)
	switch {
	case c == nil:
		h.t.Fatalf("no live copy at %s", archive)
	case !strings.HasSuffix(c.Path, ".r1.tar"):
		h.t.Errorf("the repair is %s, want a name ending in .r1.tar", c.Path)
	}
	if _, err := os.Stat(bad); err != nil {
		h.t.Errorf("the bad object must stay in an archive: %v", err)
	}
	if n := len(h.events(opsdb.EventQuarantined)); n != 1 {
		h.t.Errorf("%d quarantines, want 1", n)
	}
	r, err := h.Check(h.t.Context(), h.truth, true)
	h.must(err)
	for _, a := range h.Archives() {
		if r.Archived[a] != h.files() {
			h.t.Errorf("%d of %d files are right in %s", r.Archived[a], h.files(), a)
		}
	}
	for _, v := range r.Violations {
		h.t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
}
