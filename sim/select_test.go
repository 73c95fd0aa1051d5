package sim_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// second is a route that keeps the source files longer than the first one, and takes what its select says.
const second = `
  quick:
    description: A second route on the same files, which keeps them longer.
    stages:
      pack: {type: package, from: ccat.primecam, to: ccat.buffer, select: 'SELECT'}
      ship: {type: transfer, from: ccat.buffer, to: cornell.buffer}
      archive: {type: archive, from: cornell.buffer, to: cornell.lta}
    retention:
      require_archived: 1
      locations:
        ccat.primecam: {delete_when: age >= days(40)}
        ccat.buffer: {delete_when: archived >= 1}
        cornell.buffer: {delete_when: archived >= 1}
`

// withSecond is the CCAT route with the second one beside it.
func withSecond(t *testing.T, selected string) map[string][]byte {
	t.Helper()
	last := "        cologne.ramses: {delete_when: released && age >= days(3)}\n"
	return edited(t, last, last+second, "SELECT", selected)
}

// S1f: what a route begins to select by an edit of nothing but its select it
// packs, too, and the files stay until it lets them go.
func TestSelectIsWidenedBeforeTheSourcesGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withSecond(t, `group.observation == "none"`))
	h.fill("ccat.primecam", 4, 20_000)
	h.stopBeforeDeletion()
	if n := len(h.packages()); n != 1 {
		t.Fatalf("%d packages before the edit, want that of one route", n)
	}
	h.reopen(withSecond(t, `group.observation != "none"`))
	h.heldByBoth()
}

// Two routes on one source: a file goes only when both allow it.
func TestTwoRoutesOnOneSource(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withSecond(t, "true"))
	h.fill("ccat.primecam", 4, 20_000)
	h.heldByBoth()
}

// heldByBoth runs to the end and wants one package of each route, and no source file gone before the second one allows it.
func (h *house) heldByBoth() {
	h.t.Helper()
	h.Driver.Moved = func(from, _ time.Time) {
		if from.Sub(start) >= 40*24*time.Hour {
			return
		}
		for _, o := range h.truth["ccat.primecam"] {
			if _, err := os.Stat(filepath.Join(h.Roots["ccat.primecam"], o.Path)); err != nil {
				h.t.Errorf("%s went within %s, before the second route allowed it", o.Path, from.Sub(start))
			}
		}
	}
	h.run()
	h.cleaned(h.judge())
	if n := len(h.packages()); n != 2 {
		h.t.Errorf("%d packages, want one of each route", n)
	}
}

// S12: files that no route selected are taken up when a route begins to select them.
func TestUnroutedFilesAreTakenUpByAWiderSelect(t *testing.T) {
	t.Parallel()
	h := newHouse(t, edited(t, `select: group.program != "ENG"`, `select: group.observation != "obs0"`))
	h.fill("ccat.primecam", 8, 20_000)
	h.stopBeforeDeletion()
	h.reopen(ccat(t))
	h.run()
	h.cleaned(h.judge())
}
