package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

// asleep takes a whole site away: its machines and, if others could read them, its disks. The result brings it back.
func (h *house) asleep(site string) (back func()) {
	h.t.Helper()
	all := h.Driver.Workers
	h.Driver.Workers = slices.DeleteFunc(slices.Clone(all), func(n *node.Node) bool { return slices.Contains(n.Sites(), site) })
	if len(h.Driver.Workers) != len(all)-1 {
		h.t.Fatalf("%d of %d processes are left without site %s", len(h.Driver.Workers), len(all), site)
	}
	var mounts []func()
	for location := range h.Roots {
		if opsdb.SiteOf(location) == site && site != "ccat" { // there the telescope goes on writing
			mounts = append(mounts, h.unmount(location))
		}
	}
	return func() {
		h.t.Helper()
		h.Driver.Workers = all
		for _, mount := range mounts {
			mount()
		}
	}
}

// night puts the files of one observation before the telescope.
func (h *house) night(observation string) {
	h.t.Helper()
	for i := range 3 {
		h.put("ccat.primecam", fmt.Sprintf("%s/m/f%d", observation, i), noise(uint64(len(h.truth["ccat.primecam"]))+500, 10_000))
	}
}

// archivedAt are the observations of which all packages are verified at an archive.
func (h *house) archivedAt(archive string) (out []string) {
	h.t.Helper()
	bad := map[string]bool{}
	for _, f := range h.packages() {
		if c := copyAt(f, archive); c == nil || !c.Verified() {
			bad[f.Package.Observation] = true
		} else if !slices.Contains(out, f.Package.Observation) {
			out = append(out, f.Package.Observation)
		}
	}
	out = slices.DeleteFunc(out, func(o string) bool { return bad[o] })
	slices.Sort(out)
	return out
}

// E11: a whole site is away for 72 hours, from a moment on at which a package is on its way to it or has just left it. What can be
// done without it is done meanwhile, nothing is called lost or corrupt; then everything is made up for by itself, and nothing crosses the ocean twice.
func TestSiteAwayFor72Hours(t *testing.T) {
	t.Parallel()
	const all = "first night1 night2 night3"
	for site, c := range map[string]struct {
		leaves           string // when a task of this stage is given out
		cologne, cornell string // what their archives have after 72 hours
	}{
		"ccat":    {"replicate", "first", "first"},
		"cologne": {"ship", "", all},
		"cornell": {"replicate", all, ""},
	} {
		t.Run(site, func(t *testing.T) {
			t.Parallel()
			cfg := stand(t, houseConfig(t, ccat(t)))
			cfg.Apart = true
			h := openHouse(t, cfg)
			h.night("first")
			var back func()
			h.whenScheduled(c.leaves, func(opsdb.Task) { back = h.asleep(site) })
			h.until("the site is away", func() bool { return back != nil })
			for i := 1; i <= 3; i++ {
				h.night(fmt.Sprintf("night%d", i))
				day := h.Clock.Now().Add(24 * time.Hour)
				h.later(24 * time.Hour)
				h.Clock.AdvanceTo(day)
			}
			for archive, want := range map[string]string{"cologne.lta": c.cologne, "cornell.lta": c.cornell} {
				if got := strings.Join(h.archivedAt(archive), " "); got != want {
					t.Errorf("after 72 hours %s has %q, want %q", archive, got, want)
				}
			}
			back()
			h.run()
			h.cleaned(h.judge())
			h.once()
			if n := len(h.events(opsdb.EventCopyLost)) + len(h.events(opsdb.EventQuarantined)); n > 0 {
				t.Errorf("%d copies were called lost or corrupt", n)
			}
		})
	}
}
