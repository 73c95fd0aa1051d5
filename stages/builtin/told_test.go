package builtin_test

import (
	"fmt"
	"testing"

	"github.com/ccatobs/cdt/stages/stagestest"
)

// An outcome tells of a thousand files that are not what was recorded, and of no more: one is enough to stop.
func TestWhatIsToldOfChangedFilesIsBounded(t *testing.T) {
	t.Parallel()
	const files, told = 1100, 1000
	content := map[string]string{}
	for i := range files {
		content[fmt.Sprintf("obs1/%04d", i)] = "same"
	}
	change := func(w *stagestest.World) {
		for path := range content {
			w.WriteSource(path, "other")
		}
	}
	t.Run("before they are packed", func(t *testing.T) {
		t.Parallel()
		w := stagestest.NewWorld(t, ground(t), content)
		change(w)
		if out := w.Do("package", stagestest.Source, stagestest.Buffer); len(out.Changed) != told || out.Packed != nil {
			t.Errorf("%d of %d are told", len(out.Changed), files)
		}
	})
	t.Run("before they are deleted", func(t *testing.T) {
		t.Parallel()
		w := stagestest.NewWorld(t, ground(t), content)
		w.Do("package", stagestest.Source, stagestest.Buffer)
		w.Do("transfer", stagestest.Buffer, stagestest.Landing)
		w.Do("archive", stagestest.Landing, stagestest.Archive)
		change(w)
		out := w.Do("delete", stagestest.Source, stagestest.Source)
		if len(out.Kept) != told || len(out.Removed) > 0 || out.Target != nil {
			t.Errorf("%d of %d are told, %d were removed", len(out.Kept), files, len(out.Removed))
		}
		for path := range content {
			if w.Missing(stagestest.Source, path) {
				t.Fatalf("%s is gone", path)
			}
		}
	})
}
