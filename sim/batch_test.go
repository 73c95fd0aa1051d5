package sim_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// TestManySmallPackagesInFewCalls: small packages cross the ocean in batches,
// each once and each recorded by itself; one whose source is gone is no matter of the others (B3, B7).
func TestManySmallPackagesInFewCalls(t *testing.T) {
	t.Parallel()
	h := newHouse(t, edited(t, "    to: landing\n        choose: order", "    to: landing\n        batch: {max_packages: 6, max_wait: 5m}\n        choose: order"))
	h.fill("ccat.primecam", 48, 2000)
	h.whenShipped(func(task opsdb.Task) {
		facts, err := h.Store.Facts(t.Context(), []opsdb.ID{task.Package})
		h.must(err)
		h.must(os.Remove(filepath.Join(h.Roots["ccat.buffer"], copyAt(facts[0], "ccat.buffer").Path)))
	})
	h.run()
	h.cleaned(h.judge())
	if n := len(h.events(opsdb.EventCopyLost)); n != 1 {
		t.Errorf("%d copies were called lost, want 1", n)
	}
	tasks, err := h.Store.Tasks(t.Context(), opsdb.Query{State: string(opsdb.TaskCompleted)})
	h.must(err)
	calls, packages := map[opsdb.ID]int{}, 0
	for _, task := range tasks {
		if task.Stage != "ship" {
			continue
		}
		packages++
		if task.Batch == "" {
			calls[task.ID]++
		} else {
			calls[task.Batch]++
		}
	}
	for call, n := range calls {
		if n > 6 {
			t.Errorf("%d packages in call %s", n, call)
		}
	}
	if packages < 12 || len(calls) > packages/3 {
		t.Errorf("%d calls for %d packages", len(calls), packages)
	}
	t.Logf("%d calls for %d packages", len(calls), packages)
}
