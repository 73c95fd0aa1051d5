package sim_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/storage"
)

// lab is the CCAT route with a second site that has a source.
func lab(t *testing.T, state string) map[string][]byte {
	t.Helper()
	return edited(t,
		"links:\n", `  lab:
    name: Laboratory
`+state+`    send_once: true
    locations:
      cam:    {type: source, disk: {path: /data/cam}}
      buffer: {type: buffer, disk: {path: /data/buffer}}

links:
  - {from: lab, to: cologne, transport: bbcp, bandwidth: 1Gbit/s}
`,
		"      ship: ", `      bundle: {type: package, from: lab.cam, to: lab.buffer}
      ship: `,
		"from: ccat.buffer\n", "from: [ccat.buffer, lab.buffer]\n",
		"        ccat.chai:  ", `        lab.cam: {delete_when: age >= days(14)}
        lab.buffer: {delete_when: archived >= 2}
        ccat.chai:  `)
}

// A site is lost by mistake and found again: what was never packed is packed, and everything ends well.
func TestSourceSiteLostAndFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, lab(t, ""))
	h.fill("lab.cam", 4, 20_000)
	h.must(h.Store.Pause(t.Context(), opsdb.Pause{Subject: "stage:raw/bundle", Who: "tester", Why: "later"}))
	h.later(time.Hour)
	h.reopen(lab(t, "    state: lost\n"))
	h.later(time.Hour)
	h.reopen(lab(t, ""))
	h.must(h.Store.Resume(t.Context(), "stage:raw/bundle", "tester"))
	h.run()
	h.cleaned(h.judge())
}

// An archive site is lost and found again.
func TestArchiveSiteLostAndFound(t *testing.T) {
	t.Parallel()
	lost := edited(t, "    name: Cornell University\n", "    name: Cornell University\n    state: lost\n", "require_archived: 2", "require_archived: 1", "archived >= 2", "archived >= 1")
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	h.reopen(lost)
	h.later(time.Hour)
	if c := copyAt(h.packages()[0], "cornell.lta"); c != nil {
		t.Errorf("in a lost site stands %+v", c)
	}
	h.reopen(ccat(t))
	h.run()
	h.cleaned(h.judge())
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}

// S3: an archive does not become a buffer by an edit while copies are in it.
func TestArchiveDoesNotBecomeABuffer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bonn(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	h.shut()
	files := bonn(t)
	for name, text := range files {
		s := strings.Replace(string(text), "lta:    {type: long_term_archive, disk: {path: /archive/ccat}}\n\nlinks", "lta:    {type: buffer, disk: {path: /archive/ccat}}\n\nlinks", 1)
		s = strings.Replace(s, "archives: [cologne.lta, cornell.lta, bonn.lta]", "archives: [cologne.lta, cornell.lta]", 1)
		s = strings.Replace(s, "        landing:        {delete_when", "        bonn.lta: {delete_when: archived >= 1}\n        landing:        {delete_when", 1)
		files[name] = []byte(s)
	}
	before := h.cfg.Routes
	h.cfg.Routes = files
	if o, err := openErr(h); err == nil {
		h.Observatory = o
		h.run()
		for _, e := range h.events(opsdb.EventDeleted) {
			if e.Location == "bonn.lta" {
				t.Error("a copy was deleted in what was an archive")
			}
		}
		t.Error("an archive with copies in it became a buffer")
		return
	} else if !strings.Contains(err.Error(), "bonn.lta") {
		t.Errorf("the refusal says %v", err)
	}
	h.cfg.Routes = before
	h.open()
	h.run()
	h.judge()
}

// E12: a route and a stage that are renamed, and say so, pack nothing again.
func TestRenamedRoutePacksNothingAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 8, 20_000)
	h.stopBeforeDeletion()
	n := len(h.packages())
	h.reopen(edited(t, "\n  raw:\n", "\n  science:\n    formerly: [raw]\n", "      pack:\n", "      bundle:\n        formerly: [pack]\n"))
	h.put("ccat.primecam", "late/m/f", noise(77, 500))
	h.run()
	h.cleaned(h.judge())
	if got := len(h.packages()); got != n+1 {
		t.Errorf("%d packages after the rename, want %d", got, n+1)
	}
}

// E12: a location that holds copies is not removed; the refusal names what it holds.
func TestLocationInUseIsNotRemoved(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bonn(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.stopBeforeDeletion()
	h.shut()
	before := h.cfg.Routes
	h.cfg.Routes = ccat(t)
	if _, err := openErr(h); err == nil || !strings.Contains(err.Error(), "bonn.lta (1 copies") {
		t.Errorf("removing an archive with a copy in it says %v", err)
	}
	h.cfg.Routes = before
	h.open()
	h.run()
	h.cleaned(h.judge())
}

func openErr(h *house) (*sim.Observatory, error) { return sim.Open(h.t.Context(), h.cfg) }

// S9: two sources whose roots are swapped are foreign to each other: nothing is lost, nothing packed or deleted, until they are right again.
func TestSwappedRootsAreForeign(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.put("ccat.chai", "obs0/m0/f000.dat", noise(99, 20_000)) // the same path with other bytes
	h.stopBeforeDeletion()
	a, b := h.Roots["ccat.primecam"], h.Roots["ccat.chai"]
	swap := func() {
		h.must(os.Rename(a, a+".x"))
		h.must(os.Rename(b, a))
		h.must(os.Rename(a+".x", b))
	}
	swap()
	h.Clock.Advance(30 * 24 * time.Hour)
	h.later(24 * time.Hour)
	for _, kind := range []string{opsdb.EventFileDeleted, opsdb.EventFileKept, opsdb.EventCopyLost, opsdb.EventFileChanged} {
		if n := len(h.events(kind)); n > 0 {
			t.Errorf("%d events say %s", n, kind)
		}
	}
	swap()
	h.Clock.Advance(time.Minute)
	h.run()
	h.cleaned(h.judge())
}

// S10: a staged folder that somebody replaced by a symlink is not followed by the deletion.
func TestStagedFolderThatBecameASymlink(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	p := h.packages()[0]
	r, err := h.Store.Request(t.Context(), opsdb.StagingRequest{Package: p.Package.ID, Location: "cologne.ramses", Who: "tester"})
	h.must(err)
	h.run()
	dir := filepath.Join(h.Roots["cologne.ramses"], copyAt(h.packages()[0], "cologne.ramses").Path)
	elsewhere := filepath.Join(t.TempDir(), "mine")
	h.must(os.Rename(dir, elsewhere))
	h.must(os.Symlink(elsewhere, dir))
	h.must(h.Store.Release(t.Context(), r.ID, "tester"))
	h.run()
	for _, o := range h.truth["ccat.primecam"] {
		if _, err := os.Stat(filepath.Join(elsewhere, o.Path)); err != nil {
			t.Errorf("a file outside of the location was removed: %v", err)
		}
	}
	for _, f := range h.packages() {
		for _, c := range f.Copies {
			if c.Location == "cologne.ramses" && c.Live() && c.State != opsdb.DeletionFailed {
				t.Errorf("the staged copy is %s: %s", c.State, h.reasons("cologne.ramses"))
			}
		}
	}
}

// Parts that withdrawn tasks left do not take room for ever; those of open tasks stay.
func TestLeftoversOfWithdrawnTasksGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	parts := map[opsdb.ID]string{}
	there := func() (n int) {
		_, err := h.Node.Reclaim(t.Context())
		h.must(err)
		for _, path := range parts {
			if _, err := os.Stat(path); err == nil {
				n++
			}
		}
		return n
	}
	h.Driver.Step = func(ctx context.Context) error {
		open, err := h.Store.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskScheduled)})
		if err != nil || len(open) == 0 || len(parts) > 0 {
			return err
		}
		folder := filepath.Join(h.Roots["cologne.buffer"], opsdb.PartDir)
		h.must(os.MkdirAll(folder, 0o755))
		for _, id := range []opsdb.ID{open[0].ID, opsdb.NewID()} { // one is open, one nobody knows
			parts[id] = filepath.Join(folder, storage.Attempt{Task: id, Epoch: open[0].Epoch, Token: 99}.Name())
			h.must(os.WriteFile(parts[id], []byte("half a package"), 0o644))
			h.must(os.Chtimes(parts[id], start, h.Clock.Now().Add(-48*time.Hour)))
		}
		if n := there(); n != 1 {
			t.Errorf("%d parts are left, want that of the open task", n)
		}
		return nil
	}
	h.run()
	if n := there(); n != 0 || len(parts) != 2 {
		t.Errorf("%d of %d parts are left when all is done", n, len(parts))
	}
	h.cleaned(h.judge())
}

// Where room is scarce, what tasks that have ended left goes within minutes; what nobody knows, or knows from another epoch, waits its day.
func TestLeftoversGoSoonerWhereRoomIsScarce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 2, 20_000)
	h.run()
	done, err := h.Store.Tasks(t.Context(), opsdb.Query{State: string(opsdb.TaskCompleted)})
	h.must(err)
	ended := done[0]
	folder := filepath.Join(h.Roots["cologne.buffer"], opsdb.PartDir)
	h.must(os.MkdirAll(folder, 0o755))
	for a, age := range map[storage.Attempt]time.Duration{
		{Task: ended.ID, Epoch: ended.Epoch, Token: 98}:      time.Hour,
		{Task: ended.ID, Epoch: ended.Epoch, Token: 99}:      time.Minute,
		{Task: ended.ID, Epoch: "another", Token: 98}:        time.Hour,
		{Task: opsdb.NewID(), Epoch: ended.Epoch, Token: 98}: time.Hour,
	} {
		path := filepath.Join(folder, a.Name())
		h.must(os.WriteFile(path, []byte("half a package"), 0o644))
		h.must(os.Chtimes(path, start, h.Clock.Now().Add(-age)))
	}
	for _, c := range []struct {
		full    *opsdb.Down
		removed int
	}{{nil, 0}, {&opsdb.Down{Reason: "full"}, 1}} {
		h.must(h.Store.Report(t.Context(), opsdb.LocationReport{Location: "cologne.buffer", Down: c.full}))
		if n, err := h.Node.Reclaim(t.Context()); err != nil || n != c.removed {
			t.Errorf("full: %v: %d parts were removed, want %d; %v", c.full, n, c.removed, err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, storage.Attempt{Task: ended.ID, Epoch: ended.Epoch, Token: 98}.Name())); !os.IsNotExist(err) {
		t.Errorf("another part was removed: %v", err)
	}
}

// D7: a database of yesterday is put back after the sources are gone: the archives stay as they are, and nothing crosses the ocean again.
func TestDatabaseOfYesterday(t *testing.T) {
	t.Parallel()
	h := newHouse(t, ccat(t))
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	h.shut()
	back := h.save()
	h.open()
	h.run()
	h.shut()
	back()
	h.open()
	h.Clock.Advance(time.Minute)
	h.put("ccat.primecam", "obs9/late.dat", noise(9, 1000))
	h.untrusted()
	h.trust()
	h.run()
	for _, f := range h.packages() {
		for _, at := range h.Archives() {
			if c := copyAt(f, at); c == nil || !c.Verified() {
				t.Errorf("the copy at %s is %+v", at, c)
			} else if _, err := os.Stat(filepath.Join(h.Roots[at], c.Path)); err != nil {
				t.Error(err)
			}
		}
	}
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}

// untrusted drives a database that was put back for a day: it is recognised, and nothing is deleted or packed (S8).
func (h *house) untrusted() {
	h.t.Helper()
	w, err := h.Store.World(h.t.Context())
	h.must(err)
	if w.Restored == nil {
		h.t.Fatal("it was not recognised")
	}
	before := len(h.packages())
	stop := h.Driver.Stop
	h.Driver.Stop = func(context.Context, time.Time) (bool, error) {
		return h.Clock.Now().After(w.Now.Add(24 * time.Hour)), nil
	}
	if err := h.Run(h.t.Context()); err != nil && !errors.Is(err, sim.ErrIdle) {
		h.t.Fatal(err)
	}
	h.Driver.Stop = stop
	if n := len(h.packages()); n != before {
		h.t.Errorf("%d packages were made", n-before)
	}
	for e, err := range h.Store.Events(h.t.Context(), 0) {
		h.must(err)
		if e.At.After(w.Restored.At) && (e.Kind == opsdb.EventDeleting || e.Kind == opsdb.EventDeleted || e.Kind == opsdb.EventFileDeleted || e.Kind == opsdb.EventGroupClosed || e.Kind == opsdb.EventPackaged) {
			h.t.Errorf("%s at %s, though no inventory had passed", e.Kind, e.At)
		}
	}
}

// trust holds every location against the database, and trusts it again.
func (h *house) trust() {
	h.t.Helper()
	ctx := h.t.Context()
	names, err := h.Store.Uninventoried(ctx)
	h.must(err)
	for _, name := range names {
		i, err := node.TakeInventory(ctx, h.Store, h.Node.Places, name)
		h.must(err)
		i.Who = "ada"
		h.must(h.Store.Inventoried(ctx, i.Inventory))
	}
	h.must(h.Store.EndRestored(ctx, "ada", "every place was looked at"))
}
