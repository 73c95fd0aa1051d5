package sim_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
)

// stopBeforeDeletion drives until every package is in all archives and only the
// age of the source files holds them back.
func (h *house) stopBeforeDeletion() {
	h.t.Helper()
	stop := h.Driver.Stop
	h.Driver.Stop = func(_ context.Context, next time.Time) (bool, error) {
		return next.Sub(h.Clock.Now()) > 24*time.Hour, nil
	}
	h.run()
	h.Driver.Stop = stop
}

// C1, D5: a byte flipped in a source file after it was packed is found before the file is deleted.
func TestSourceFileThatDiffersFromItsMemberStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	bad := h.truth["ccat.primecam"][2].Path
	h.flip(filepath.Join(h.Roots["ccat.primecam"], bad))
	h.run()
	for _, o := range h.truth["ccat.primecam"] {
		if _, err := os.Stat(filepath.Join(h.Roots["ccat.primecam"], o.Path)); err != nil {
			t.Errorf("nothing of the package may be deleted: %v", err)
		}
	}
	kept := h.events(opsdb.EventFileKept)
	if len(kept) != 1 || !strings.Contains(kept[0].Why, "packed were") {
		t.Errorf("the events that tell a person are %+v, want one", kept)
	}
	if p := h.packages()[0].Package; !strings.Contains(p.Quarantined, "differ") {
		t.Errorf("the package's quarantine says %q", p.Quarantined)
	}
	r, err := h.Check(t.Context(), h.truth, false)
	h.must(err)
	for _, v := range r.Violations {
		t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
	h.lift()
	if n := len(h.events(opsdb.EventFileKept)); n != 2 || h.packages()[0].Package.Quarantined == "" {
		t.Errorf("lifted while a file differs: %d events, package %+v; it must be quarantined again", n, h.packages()[0].Package)
	}
	h.flip(filepath.Join(h.Roots["ccat.primecam"], bad)) // back
	h.lift()
	h.cleaned(h.judge())
}

// lift lifts the quarantine of the first package and lets everything run.
func (h *house) lift() {
	h.t.Helper()
	h.must(h.Store.Lift(h.t.Context(), h.packages()[0].Package.ID, "tester", "looked at"))
	h.run()
}

// Names with a newline, %, 255 bytes and invalid UTF-8 are packed and restored exactly; what is no regular file is skipped with a reason.
func TestNamesOfAnyBytesTravel(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	for i, name := range []string{
		"new\nline", "100%", "%0A", "back\\slash", "invalid\xff\xfeutf8", strings.Repeat("n", 255), " lead", "trail ", "-e", "a:b",
		"cr\rhere", "tab\there", "ünïcödé", ".hidden", "~tilde", "*", "quote'\"", "$(x)",
	} {
		h.put("ccat.primecam", "obs/"+name, noise(uint64(i), 1000+i))
	}
	h.put("ccat.primecam", "obs/"+strings.Repeat("deep/", 60)+"f", noise(99, 10))
	h.put("ccat.primecam", "obs/empty", nil)
	root := h.Roots["ccat.primecam"]
	h.must(unix.Mkfifo(filepath.Join(root, "obs/fifo"), 0o644))
	h.must(os.Symlink("/etc/passwd", filepath.Join(root, "obs/link")))
	h.must(os.Symlink("/etc", filepath.Join(root, "obs/linkdir")))
	h.run()
	h.cleaned(h.judge())
	skips, err := h.Store.Skips(t.Context(), "")
	h.must(err)
	got := map[string]string{}
	for _, s := range skips {
		got[s.Path] = s.Reason
	}
	for _, path := range []string{"obs/fifo", "obs/link", "obs/linkdir"} {
		if !strings.Contains(got[path], "not a regular file") {
			t.Errorf("%s is skipped with reason %q", path, got[path])
		}
		if _, err := os.Lstat(filepath.Join(root, path)); err != nil {
			t.Errorf("what was skipped must stay: %v", err)
		}
	}
}

// A file of a staged package is restored under its true name, users' files stay when it is released.
func TestStagingRestoresNamesAndLeavesUsersFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.put("ccat.primecam", "obs/new\nline%", noise(1, 5000))
	h.put("ccat.primecam", "obs/sub/plain", noise(2, 5000))
	h.run()
	p := h.packages()[0]
	r, err := h.Store.Request(t.Context(), opsdb.StagingRequest{ID: opsdb.NewID(), Package: p.Package.ID, Location: "cologne.ramses", Who: "tester"})
	h.must(err)
	h.run()
	c := copyAt(h.packages()[0], "cologne.ramses")
	if c == nil || c.State != opsdb.Staged {
		t.Fatalf("the staged copy is %+v", c)
	}
	dir := filepath.Join(h.Roots["cologne.ramses"], c.Path)
	for _, o := range h.truth["ccat.primecam"] {
		b, err := os.ReadFile(filepath.Join(dir, o.Path))
		h.must(err)
		info, err := os.Stat(filepath.Join(dir, o.Path))
		h.must(err)
		if digest(b) != o.Digest || !info.ModTime().Equal(o.ModTime) {
			t.Errorf("%q was not restored exactly", o.Path)
		}
	}
	mine := filepath.Join(dir, "obs/my-result")
	h.must(os.WriteFile(mine, []byte("map"), 0o644))
	h.must(h.Store.Release(t.Context(), r.ID, "tester"))
	h.run()
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("a user's file was removed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "obs/sub")); !os.IsNotExist(err) {
		t.Errorf("the recorded members must be gone: %v", err)
	}
	h.judge()
}

// A6: files that come after the package was closed make the next package. A3: many files, one larger than the maximum.
func TestLateFilesAndSizes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, edited(t, "max_size: 50GB", "max_size: 100KB", "GB(50)", "KB(100)"))
	h.put("ccat.primecam", "obs/big", noise(1, 250_000))
	for i := range 10 {
		h.put("ccat.primecam", fmt.Sprintf("obs/exact%d", i), noise(uint64(i), 10_000))
	}
	h.put("ccat.primecam", "obs/one-more", noise(77, 1))
	h.stopBeforeDeletion()
	before := len(h.packages())
	h.put("ccat.primecam", "obs/late", noise(5, 500))
	h.run()
	h.cleaned(h.judge())
	if after := len(h.packages()); after != before+1 {
		t.Errorf("%d packages before the late file, %d after; want one more", before, after)
	}
	for _, p := range h.packages() {
		if p.Package.Bytes > 100_000 && p.Package.Files > 1 {
			t.Errorf("%s has %d bytes in %d files, above max_size", p.Package.Name, p.Package.Bytes, p.Package.Files)
		}
	}
}
