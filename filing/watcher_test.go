package filing_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage/disk"
)

const source = "ccat.primecam"

// house is a source location on a disk, with what watches it.
type house struct {
	t     *testing.T
	root  string
	disk  *disk.Disk
	book  *book
	clock *clock.Virtual
	log   *bytes.Buffer
	*filing.Watcher
}

func newHouse(t *testing.T, cfg filing.Config) *house {
	t.Helper()
	h := &house{t: t, root: filepath.Join(t.TempDir(), "primecam"), book: newBook(), log: &bytes.Buffer{}}
	h.clock = clock.NewVirtual(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	d, err := disk.New(source, h.root, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Init(t.Context(), opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: source}, false); err != nil {
		t.Fatal(err)
	}
	h.disk = d
	h.watch(cfg, d)
	return h
}

func (h *house) watch(cfg filing.Config, from filing.Source) {
	h.t.Helper()
	cfg.Location, cfg.Clock = source, h.clock
	cfg.Log = slog.New(slog.NewTextHandler(h.log, nil))
	w, err := filing.NewWatcher(cfg, h.book, from)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Watcher = w
}

func (h *house) write(path, content string) {
	h.t.Helper()
	full := filepath.Join(h.root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) remove(path string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.root, path)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) scan() (next time.Time, changed bool) {
	h.t.Helper()
	next, changed, err := h.Scan(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return next, changed
}

// scanAfter lets time pass and scans.
func (h *house) scanAfter(d time.Duration) bool {
	h.t.Helper()
	h.clock.Advance(d)
	_, changed := h.scan()
	return changed
}

func (h *house) knows(paths ...string) {
	h.t.Helper()
	if diff := cmp.Diff(append([]string{}, paths...), h.book.paths()); diff != "" {
		h.t.Fatalf("known files (-want +got):\n%s", diff)
	}
}

var (
	stable = filing.Config{Final: filing.Final{By: filing.ByStable, After: time.Minute}}
	rename = filing.Config{Final: filing.Final{By: filing.ByRename}, Ignore: []string{"*.tmp"}}
	marker = filing.Config{Final: filing.Final{By: filing.ByMarker}, Layout: "{instrument}/{observation}/{module}/**"}
)

func TestA1AFileStillBeingWrittenIsNotTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, stable)
	h.write("obs1/growing", "a")
	h.write("obs1/whole", "whole")
	begin := h.clock.Now()
	next, changed := h.scan()
	if changed || h.Pending() != 2 || !next.Equal(begin.Add(30*time.Second)) {
		t.Fatalf("first sight: changed %v, %d pending, next after %s", changed, h.Pending(), next.Sub(begin))
	}
	for range 3 {
		h.write("obs1/growing", "a"+strings.Repeat("b", h.Pending())+h.clock.Now().String())
		h.scanAfter(40 * time.Second)
	}
	h.knows("obs1/whole")
	h.scanAfter(59 * time.Second)
	h.knows("obs1/whole")
	if next, _ := h.scan(); next.Sub(h.clock.Now()) != time.Second {
		t.Fatalf("a file final in a second is looked at after %s", next.Sub(h.clock.Now()))
	}
	h.scanAfter(time.Second)
	h.knows("obs1/growing", "obs1/whole")
	if h.scanAfter(time.Hour) {
		t.Fatal("nothing happened, and something changed")
	}
}

func TestA1TheNameSaysThatAFileIsWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a.tmp", "half")
	h.scan()
	h.knows()
	if err := os.Rename(filepath.Join(h.root, "obs1/a.tmp"), filepath.Join(h.root, "obs1/a")); err != nil {
		t.Fatal(err)
	}
	h.scan()
	h.knows("obs1/a")
}

func TestAClockThatIsSetBackMakesNothingOlder(t *testing.T) {
	t.Parallel()
	h := newHouse(t, stable)
	h.write("obs1/a", "a")
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(h.root, "obs1/a"), old, old); err != nil {
		t.Fatal(err)
	}
	h.scan()
	h.scanAfter(0)
	h.knows() // old by the other host's clock, seen for no time by ours
	h.scanAfter(time.Minute)
	h.knows("obs1/a")
}

func TestA2AnotherContentOfAPackedFileIsRefusedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a", "first")
	h.scan()
	h.book.packed["obs1/a"] = true
	h.write("obs1/a", "another")
	for range 3 {
		h.scan()
	}
	if n := strings.Count(h.log.String(), "another content is known under this name"); n != 1 {
		t.Fatalf("said %d times, want once:\n%s", n, h.log)
	}
	if len(h.book.calls) != 2 {
		t.Fatalf("offered %d times, want once before and once after", len(h.book.calls))
	}
	h.write("obs1/a", "yet another")
	h.scan()
	if n := strings.Count(h.log.String(), "another content is known under this name"); n != 2 {
		t.Fatalf("a third content: said %d times in all, want 2", n)
	}
}

func TestAFileThatChangesBeforeItIsPackedIsFiledAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, stable)
	h.write("obs1/a", "first")
	h.scan()
	h.scanAfter(time.Minute)
	h.write("obs1/a", "second one")
	h.scanAfter(time.Minute)
	if got := h.book.files["obs1/a"].Size; got != 5 {
		t.Fatalf("a file that may still be written was taken with %d bytes", got)
	}
	h.scanAfter(time.Minute)
	if got := h.book.files["obs1/a"].Size; got != 10 {
		t.Fatalf("known with %d bytes, want 10", got)
	}
}

func TestA6AnObservationIsFinishedByItsMarkerAndLateFilesFollow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, marker)
	h.write("prime/obs1/mod1/a", "a")
	h.write("prime/obs1/mod2/b", "b")
	h.write("prime/obs2/mod1/c", "c")
	h.scanAfter(time.Hour)
	h.knows()
	h.write("prime/obs1/.finished", "")
	h.scan()
	h.knows("prime/obs1/mod1/a", "prime/obs1/mod2/b")
	h.write("prime/obs1/mod1/late", "late")
	h.scan()
	h.knows("prime/obs1/mod1/a", "prime/obs1/mod1/late", "prime/obs1/mod2/b")
	h.write("prime/obs2/.finished/x", "a folder is no marker")
	h.scanAfter(time.Hour)
	h.knows("prime/obs1/mod1/a", "prime/obs1/mod1/late", "prime/obs1/mod2/b")
	if diff := cmp.Diff([]string{"prime/obs1"}, h.book.finished); diff != "" {
		t.Fatalf("finished (-want +got):\n%s", diff)
	}
	if f := h.book.files["prime/obs1/mod2/b"]; f.Instrument != "prime" || f.Observation != "obs1" || f.Module != "mod2" {
		t.Fatalf("filed as %+v", f)
	}
}

func TestAMarkerThatComesDuringAWalkCountsAtTheNext(t *testing.T) {
	t.Parallel()
	h := newHouse(t, marker)
	h.write("prime/obs1/+early", "early")
	h.watch(marker, &meddler{Source: h.disk, at: "prime/obs1/+early", do: func() { h.write("prime/obs1/.finished", "") }})
	h.scan()
	h.knows("prime/obs1/+early") // not met before its marker was looked for
	h.write("prime/obs2/+early", "early")
	h.watch(marker, &meddler{Source: h.disk, at: "prime/obs2/+early", after: true, do: func() { h.write("prime/obs2/.finished", "") }})
	h.scan()
	h.knows("prime/obs1/+early")
	h.scan()
	h.knows("prime/obs1/+early", "prime/obs2/+early")
}

func TestNamesOfAnyBytesAndWhatIsNoFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	names := []string{"obs\n1/%41", "obs\n1/back\\slash", "obs\xff/\xfe\xfd", "obs-x/0", "obs/0", "obs/" + strings.Repeat("n", 255)}
	for _, name := range names {
		h.write(name, name)
	}
	h.write("obs/empty", "")
	if err := errors.Join(
		unix.Mkfifo(filepath.Join(h.root, "obs/fifo"), 0o600),
		unix.Mknod(filepath.Join(h.root, "obs/sock"), unix.S_IFSOCK|0o600, 0),
		os.Symlink("0", filepath.Join(h.root, "obs/link")),
		os.Symlink("obs", filepath.Join(h.root, "folder")),
	); err != nil {
		t.Fatal(err)
	}
	h.scan()
	h.knows("obs\n1/%41", "obs\n1/back\\slash", "obs-x/0", "obs/0", "obs/empty", "obs/"+strings.Repeat("n", 255), "obs\xff/\xfe\xfd")
	want := map[string]string{
		"folder": "not a regular file: symlink", "obs/link": "not a regular file: symlink",
		"obs/fifo": "not a regular file: fifo", "obs/sock": "not a regular file: socket",
	}
	if diff := cmp.Diff(want, h.book.skips); diff != "" {
		t.Fatalf("skipped (-want +got):\n%s", diff)
	}
	if _, changed := h.scan(); changed {
		t.Fatal("what was skipped once is news again")
	}
}

func TestFilesAreRegisteredInChunks(t *testing.T) {
	t.Parallel()
	cfg := rename
	cfg.Chunk = 4
	h := newHouse(t, cfg)
	for i := range 10 {
		h.write(filepath.Join("obs", string(rune('a'+i))), "x")
	}
	h.scan()
	if diff := cmp.Diff([]int{4, 4, 2}, h.book.calls); diff != "" {
		t.Fatalf("chunks (-want +got):\n%s", diff)
	}
}

func TestWhatWasNotRegisteredIsFoundAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, stable)
	h.write("obs1/a", "a")
	h.scan()
	h.clock.Advance(time.Minute)
	h.book.away = errors.New("away")
	if _, _, err := h.Scan(t.Context()); !errors.Is(err, h.book.away) {
		t.Fatalf("got %v, want the store's error", err)
	}
	h.book.away = nil
	h.scan()
	h.knows("obs1/a")
}

func TestStreamsOutOfOrderAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rename)
	h.write("obs1/a", "a")
	h.write("obs1/b", "b")
	h.write("obs1/c", "c")
	h.scan()
	h.book.order = func(a, b string) int { return strings.Compare(b, a) }
	if _, _, err := h.Scan(t.Context()); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Fatalf("got %v", err)
	}
	h.knows("obs1/a", "obs1/b", "obs1/c")
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, cfg := range []filing.Config{{Layout: "{what}"}, {Ignore: []string{"["}}, {Final: filing.Final{By: "prayer"}}} {
		if _, err := filing.NewWatcher(cfg, newBook(), nil); err == nil {
			t.Errorf("%+v passed", cfg)
		}
	}
}
